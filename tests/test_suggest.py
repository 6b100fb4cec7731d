"""Suggestions: what a human would offer who looks through every value that `/v1` lists and every name."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.suggest import MAX_SUGGESTIONS
from tests.conftest import Client, answer, some, walk
from tests.searching import NAMES, contain, fold, names_of

EVERY_DATABASE = True

QUERIES = [
    "厚",
    "薬",
    "補",
    "3",
    "③",
    "mhl",
    "Ministry of",
    "of ministry",
    "バイオ",
    "ﾊﾞｲｵ",
    "biosimilar",
    "4.3",
]
QUERIES += [
    "ai",
    "start",
    "2025",
    "令和7",
    "%",
    "_",
    "存在しない",
    "drug discovery",
    "後発 供給",
    "ワクチン",
]


SOME = pytest.mark.parametrize("q", some(QUERIES, 6))


def rank(texts: list[str], q: str) -> int | None:
    phrase = " ".join(fold(q).split())
    if any(text.startswith(phrase) for text in texts):
        return 0
    return 1 if contain(texts, q) else None


@pytest.fixture(scope="module")
def described(clients: Client) -> dict[str, list[dict[str, Any]]]:
    """By resource, its filters with their values, as `/v1` tells them; yes and no are no names."""
    return {
        resource["name"]: [
            filter_
            for filter_ in resource["filters"]
            if filter_["values"] and {value["value"] for value in filter_["values"]} != {"true", "false"}
        ]
        for resource in answer(clients, "/v1")["resources"]
        if resource["name"] not in ("versions", "changes")  # which only their own lists find
    }


def values(described: dict[str, list[dict[str, Any]]], q: str) -> dict[tuple[str, str, str], int]:
    """The rank of each value that should be found, by resource, filter and value."""
    found = {}
    for resource, filters in described.items():
        for filter_ in filters:
            for value in filter_["values"]:
                ranked = rank(known_by(value), q)
                if ranked is not None:
                    found[resource, filter_["name"], value["value"]] = ranked
    return found


def suggested(client: Client, q: str, **more: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = answer(client, "/v1/suggest", q=q, limit=MAX_SUGGESTIONS, **more)["data"]
    assert len(rows) < MAX_SUGGESTIONS
    return rows


def known_by(value: dict[str, Any]) -> list[str]:
    """The folded texts of a value, as `/v1` tells it."""
    label = value["label"]
    return [fold(text) for text in (value["value"], label["ja"], label["en"], *value["aliases"])]


@pytest.mark.parametrize("q", some(QUERIES, 11))
def test_suggestions_are_brute_force(q: str, clients: Client, described: dict[str, list[dict[str, Any]]]) -> None:
    for resource, filters in described.items():
        expected = values({resource: filters}, q)
        found = suggested(clients, q, type=resource)
        ranks = [expected[row["type"], row["parameter"], row["value"]] for row in found if row["parameter"]]
        assert ranks == sorted(ranks)
        assert len(ranks) == len(expected), (resource, q)
        if len(q.split()) == 1:
            in_names = {
                row["id"]
                for row in walk(clients, "/v1/search", q=q, type=resource, limit=500)
                if row["matched"]["field"].split(".")[0] in NAMES.get(resource, ("name",))
            }
            rows = [row for row in walk(clients, f"/v1/{resource}", q=q, limit=500) if row["id"] in in_names]
            beginning = [row["id"] for row in rows if rank(names_of(resource, row), q) == 0]
            expected_ids = beginning + [row["id"] for row in rows if row["id"] not in beginning]
            assert [row["value"] for row in found if row["parameter"] is None] == expected_ids


@SOME
def test_fewer_suggestions_are_the_first_of_all(q: str, clients: Client) -> None:
    rows = suggested(clients, q)
    for limit in (1, 3, len(rows) or 1):
        assert answer(clients, "/v1/suggest", q=q, limit=limit)["data"] == rows[:limit]


@SOME
def test_a_suggestion_leads_where_it_says(q: str, clients: Client) -> None:
    for row in suggested(clients, q):
        found = answer(clients, row["path"])
        if row["parameter"] is None:
            assert (found["id"], found["name"]) == (row["value"], row["label"])
            assert row["path"] == f"/v1/{row['type']}/{row['value']}"
        else:
            assert found["meta"]["total"] == row["count"]
            assert answer(clients, f"/v1/{row['type']}", **{row["parameter"]: row["value"]})["data"] == found["data"]


@SOME
def test_a_filter_of_several_resources_is_suggested_once(
    q: str, clients: Client, described: dict[str, list[dict[str, Any]]]
) -> None:
    found = suggested(clients, q)
    expected = values(described, q)
    given_ = [(row["parameter"], row["value"], row["label"]["ja"]) for row in found if row["parameter"]]
    assert len(given_) == len(set(given_))
    assert {each[:2] for each in given_} == {(name, value) for _, name, value in expected}
    for row in found:
        if row["parameter"]:
            for other, name, value in expected:
                if (name, value) == (row["parameter"], row["value"]):
                    total = answer(clients, f"/v1/{other}", limit=0, **{name: value})["meta"]["total"]
                    assert total <= row["count"] or row["parameter"] == "kind"


def places(
    rows: list[dict[str, Any]], described: dict[str, list[dict[str, Any]]], client: Client, q: str
) -> Iterator[tuple[int, int, bool, int]]:
    """What orders suggestions: rank, values before records, those of none last; the equal one first, then by count."""
    for row in rows:
        if row["parameter"] is None:
            yield rank(names_of(row["type"], answer(client, row["path"])), q) or 0, 1, False, 0
            continue
        (filter_,) = (each for each in described[row["type"]] if each["name"] == row["parameter"])
        (value,) = (each for each in filter_["values"] if each["value"] == row["value"])
        known = known_by(value)
        yield rank(known, q) or 0, 0 if row["count"] else 2, fold(q) not in known, -row["count"]


def test_beginnings_come_first_and_values_before_records(
    clients: Client, described: dict[str, list[dict[str, Any]]]
) -> None:
    kinds = set[tuple[int, int, bool]]()
    for q in QUERIES:
        found = list(places(suggested(clients, q), described, clients, q))
        assert found == sorted(found), q
        kinds.update(each[:3] for each in found)
    assert {(0, 0, False), (0, 0, True), (0, 1, False), (0, 2, True), (1, 0, True), (1, 1, False)} <= kinds
    rows = suggested(clients, "バイオ")
    assert (rows[0]["parameter"], rows[0]["value"]) == ("modality", "biosimilar")
    assert suggested(clients, "cao")[0]["value"] == "cao"  # it has fewer records than a document that begins with it
    first_record = next(row for row in rows if row["parameter"] is None)
    assert first_record["label"]["ja"].startswith("バイオ")
    counts = [row["count"] for row in suggested(clients, "薬", parameter="pillar")]
    assert counts == sorted(counts, reverse=True)


def test_one_character_finds_the_printed_abbreviation(clients: Client) -> None:
    (row, *_) = suggested(clients, "厚", parameter="ministry", type="budget-lines")
    assert row["label"]["ja"] == "厚生労働省"
    assert row["path"] == "/v1/budget-lines?ministry=mhlw"
    (row, *_) = suggested(clients, "③", parameter="pillar")
    assert row["value"].endswith("-3")


def test_closed_vocabularies_are_suggested(clients: Client) -> None:
    rows = suggested(clients, "補正", parameter="budget_kind", type="budget-lines")
    assert [(row["value"], row["label"]["ja"]) for row in rows] == [("supplementary", "補正予算")]
    kinds = {(row["type"], row["value"]) for row in suggested(clients, "institution", parameter="kind")}
    assert kinds == {("measures", "institution"), ("organizations", "institution")}


def test_parameter_and_type_choose(clients: Client) -> None:
    rows = suggested(clients, "薬", parameter=["pillar", "modality"])
    assert {row["parameter"] for row in rows} == {"pillar", "modality"}
    assert {row["type"] for row in suggested(clients, "薬", type="budget-lines")} == {"budget-lines"}
    assert suggested(clients, "薬", type="stages", parameter="ministry") == []


def test_notes_say_what_to_know_of_the_values(clients: Client) -> None:
    page = answer(clients, "/v1/suggest", q="4.2", type="budget-lines", parameter="section")
    codes = [note["code"] for note in page["notes"]]
    assert "section-through-crosswalk" in codes
    assert "narrower-included-hp3-4.2" in codes
    assert answer(clients, "/v1/suggest", q="厚", limit=1)["notes"] == []


@given(data=st.data())
def test_any_part_of_a_label_finds_its_value(
    data: st.DataObject, clients: Client, described: dict[str, list[dict[str, Any]]]
) -> None:
    resource = data.draw(st.sampled_from([name for name, filters in described.items() if filters]))
    filter_ = data.draw(st.sampled_from(described[resource]))
    label = data.draw(st.sampled_from(filter_["values"]))["label"]["ja"]
    start = data.draw(st.integers(0, len(label) - 1))
    q = label[start : start + data.draw(st.integers(1, 6))]
    if q.strip():
        expected = {(name, value) for (_, name, value) in values({resource: [filter_]}, q)}
        found = suggested(clients, q, type=resource, parameter=filter_["name"])
        assert {(row["parameter"], row["value"]) for row in found} == expected


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("", "q"), ("q=", "q"), ("q=a&limit=0", "limit"), ("q=a&limit=51", "limit"), ("q=a&q=b", "q"),
        ("q=a&type=measure", "type"), ("q=a&offset=1", "offset"), ("q=a&parameter=minstry", "parameter"),
        ("q=a&parameter=joint", "parameter"),
    ],
)  # fmt: skip
def test_parameters_are_strict(query: str, wrong: str, clients: Client) -> None:
    (error,) = answer(clients, f"/v1/suggest?{query}", 422)["errors"]
    assert error["parameter"] == wrong
