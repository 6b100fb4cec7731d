"""Sums against brute force: for any filters, each line once, joint ones whole, nothing lost, unknown not zero."""

import csv
import html
import io
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.schemas import REASON_CODES
from app.seeding.build import build, check
from app.settings import Settings
from app.sums.groups import DIMENSIONS, RENDERED
from tests.conftest import Client, answer, serving, walk
from tests.test_filters import phases

PACKAGE = "fy2025-supplementary-drug-discovery"

Groups = list[dict[str, Any]]


def known(*values: str | None) -> set[str]:
    return {value for value in values if value is not None}


MEMBERS: dict[str, Callable[[dict[str, Any]], set[str]]] = {
    "ministry": lambda row: {ministry["id"] for ministry in row["ministries"]},
    "pillar": lambda row: {row["pillar"]["id"]} if row["pillar"] else set(),
    "fiscal_year": lambda row: {str(row["fiscal_year"]["year"])},
    "package": lambda row: {row["package"]["id"]},
    "modality": lambda row: above(row["modalities"], {"regenerative-medicine", "cell-therapy", "gene-therapy"}),
    "section": lambda row: {part for section in row["sections"] for part in parents(section["id"])},
    "document": lambda row: set(row["documents"]),
    "budget_kind": lambda row: known(row["budget_kind"]),
    "phase": lambda row: known(*phases(row["amount"]["phase"])),
    "basis": lambda row: known(row["amount"]["basis"]),
}
SORTED: dict[str, Callable[[dict[str, Any]], list[Any]]] = {
    "involved": lambda group: [group["involved"]["jpy"]],
    "lines": lambda group: [group["lines"]],
    "key": lambda group: [None if part == "none" else part for part in group["key"].split(",")],
}


def above(modalities: list[dict[str, Any]], new: set[str]) -> set[str]:
    own = {modality["id"] for modality in modalities}
    return own | ({"new-modality"} if own & new else set())


def parents(section: str) -> set[str]:
    strategy, _, number = section.partition("-")
    parts = number.split(".")
    return {f"{strategy}-{'.'.join(parts[:end])}" for end in range(2, len(parts) + 1)}


@pytest.fixture(scope="module")
def lines(clients: Client) -> list[dict[str, Any]]:
    return walk(clients, "/v1/budget-lines")


@pytest.fixture(scope="module")
def values(clients: Client) -> dict[str, list[str]]:
    facets = answer(clients, "/v1/budget-lines", facet=list(DIMENSIONS), limit=0)["facets"]
    return {name: [bucket["value"] for bucket in facet["buckets"]] for name, facet in facets.items()}


def kind_of(row: dict[str, Any]) -> tuple[str | None, str | None]:
    return row["amount"]["basis"], row["amount"]["phase"]


def amount(rows: list[dict[str, Any]], *, unknown: bool) -> int | None:
    """What lines come to: null if none of them states an amount, if there are none to be asked for, or if amounts of
    several kinds are among them."""
    stated = [row for row in rows if row["amount"]["jpy"] is not None]
    if len({kind_of(row) for row in stated}) > 1:
        return None
    return None if not stated and (rows or unknown) else sum(row["amount"]["jpy"] for row in stated)


def stands_under(row: dict[str, Any], named: dict[str, str]) -> bool:
    """Whether a line is in the group of a value of each of these dimensions."""
    return all(value in (MEMBERS[name](row) or {"none"}) for name, value in named.items())


COVERED = ("fiscal_year", "budget_kind", "phase", "basis")


def unknown(query: dict[str, Any], lines: list[dict[str, Any]]) -> bool:
    """Whether a filter names only what has no line at all, or some of COVERED what no line has together."""
    asked = {name: wanted for name, wanted in query.items() if name in MEMBERS and "none" not in wanted}
    together = {name: wanted for name, wanted in query.items() if name in COVERED}
    return not any(kept(row, together) for row in lines) or any(
        not any(MEMBERS[name](row) & set(wanted) for row in lines) for name, wanted in asked.items()
    )


def kept(row: dict[str, Any], query: dict[str, Any]) -> bool:
    """Whether a line is under every filter."""
    own = {"joint": row["joint"] is (query.get("joint") == "true")}
    own["amount_min"] = (row["amount"]["jpy"] or -1) >= query.get("amount_min", 0)
    for name, wanted in query.items():
        held = MEMBERS[name.removesuffix("_not")](row) or {"none"} if name not in own else set()
        if not (own[name] if name in own else held.isdisjoint(wanted) == name.endswith("_not")):
            return False
    return True


@st.composite
def queries(draw: st.DrawFn, lines: list[dict[str, Any]], values: dict[str, list[str]]) -> dict[str, Any]:
    """Filters of budget lines."""
    optional = {"ministry", "pillar", "modality", "section", "document", "phase", "basis", "budget_kind"}
    query: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(DIMENSIONS), max_size=3, unique=True)):
        offered = values[name] + (["none"] if name in optional else [])
        parameter = draw(st.sampled_from([name, f"{name}_not"]))
        query[parameter] = draw(st.lists(st.sampled_from(offered), min_size=1, max_size=3, unique=True))
    if draw(st.booleans()):
        query["joint"] = draw(st.sampled_from(["true", "false"]))
    if draw(st.booleans()):
        query["amount_min"] = draw(st.sampled_from([row["amount"]["jpy"] for row in lines if row["amount"]["jpy"]]))
    return query


@given(data=st.data())
def test_any_sum_is_what_brute_force_sums(
    data: st.DataObject, clients: Client, lines: list[dict[str, Any]], values: dict[str, list[str]]
) -> None:
    query = data.draw(queries(lines, values))
    asked = data.draw(st.lists(st.sampled_from(DIMENSIONS), min_size=1, max_size=2, unique=True))

    rows = [row for row in lines if kept(row, query)]
    summary = answer(clients, "/v1/budget-summary", group_by=asked, **query)
    assert (summary["lines"], summary["total"]["jpy"]) == (len(rows), amount(rows, unknown=unknown(query, lines)))
    assert summary["total"]["approximate"] == any(row["amount"]["approximate"] for row in rows)
    assert summary["total"]["uncertain"] == any(row["amount"]["uncertain"] for row in rows)
    asked = summary["group_by"]
    counted = 0
    for group in summary["groups"]:
        keys = group["key"].split(",")
        named = dict(zip(asked, keys, strict=True))
        under = [row for row in rows if stands_under(row, named)]
        counted += len(under)
        own = [row for row in lines if stands_under(row, named)]
        left_out = asked[0] in query and not any(kept(row, {asked[0]: query[asked[0]]}) for row in own)
        together = {name: wanted for name, wanted in query.items() if name in COVERED}
        uncovered = asked[0] in COVERED and not any(kept(row, together) for row in own)
        silent = not own or ((unknown(query, lines) or uncovered) and not left_out)
        assert_sums(group, under, unknown=silent)
    assert summary["additive"] == (counted == len(rows))
    assert_totals(summary["totals"], rows)
    if summary["additive"]:
        for total in summary["totals"]:
            of_kind = [
                each["involved"]["jpy"] or 0
                for group in summary["groups"]
                for each in group["totals"]
                if (each["basis"], each["phase"]) == (total["basis"], total["phase"])
            ]
            assert sum(of_kind) == (total["involved"]["jpy"] or 0)


@given(data=st.data())
def test_sorted_and_limited_sums_lose_nothing(
    data: st.DataObject, clients: Client, lines: list[dict[str, Any]], values: dict[str, list[str]]
) -> None:
    query = data.draw(queries(lines, values))
    group_by = data.draw(st.lists(st.sampled_from(DIMENSIONS), min_size=1, max_size=2, unique=True))
    sort, order = data.draw(st.sampled_from(["", *SORTED])), data.draw(st.sampled_from(["asc", "desc"]))
    limit = data.draw(st.integers(1, 5))
    asked = {**query, "group_by": group_by}
    whole = answer(clients, "/v1/budget-summary", **asked)
    arranged = {"order": order, **({"sort": sort} if sort else {})}
    ordered = answer(clients, "/v1/budget-summary", **asked, **arranged)
    if sort:
        expected = whole["groups"]
        for place in reversed(range(len(group_by) if sort == "key" else 1)):
            by = {group["key"]: SORTED[sort](group)[place] for group in expected}
            expected = arrange(expected, by, descending=order == "desc")
        assert ordered["groups"] == expected
    assert sorted(group["key"] for group in ordered["groups"]) == sorted(group["key"] for group in whole["groups"])
    told = [note for note in ordered["notes"] if note["code"] != "several-kinds-last"]
    assert {**ordered, "groups": [], "notes": told} == {**whole, "groups": []}

    limited = answer(clients, "/v1/budget-summary", **asked, **arranged, limit=limit)
    shown, others = limited["groups"][:limit], limited["groups"][limit:]
    rest = [group["key"] for group in ordered["groups"][limit:]]
    assert shown == ordered["groups"][:limit]
    assert [group["key"] for group in others] == (["others"] if rest else [])
    assert ("others" in [note["code"] for note in limited["notes"]]) == bool(rest)
    assert (limited["total"], limited["lines"]) == (whole["total"], whole["lines"])
    assert limited["additive"] == (sum(group["lines"] for group in limited["groups"]) == whole["lines"])
    for group in others:
        beyond = [dict(zip(whole["group_by"], key.split(","), strict=True)) for key in rest]
        under = [row for row in lines if kept(row, query) and any(stands_under(row, named) for named in beyond)]
        known = any(each["lines"] or each["involved"]["jpy"] is not None for each in ordered["groups"][limit:])
        assert_sums(group, under, unknown=not known)


def arrange(groups: Groups, by: dict[str, Any], *, descending: bool) -> Groups:
    """Groups in order, those without a value last, equal ones as they were."""
    present = [group for group in groups if by[group["key"]] is not None]
    ordered = sorted(present, key=lambda group: by[group["key"]], reverse=descending)
    return [*ordered, *(group for group in groups if by[group["key"]] is None)]


def assert_totals(totals: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    """Each kind of these lines has its total, and lines without an amount have theirs."""
    assert len({(each["basis"], each["phase"]) for each in totals}) == len(totals)
    assert sum(each["lines"] for each in totals) == len(rows)
    for each in totals:
        of_kind = [row for row in rows if kind_of(row) == (each["basis"], each["phase"])]
        assert_parts(each, of_kind, unknown=False)
        amounts = [row["amount"]["jpy"] or 0 for row in of_kind]
        cuts = sum(jpy for jpy in amounts if jpy < 0)
        signed = [each[name] and each[name]["jpy"] for name in ("increases", "decreases")]
        assert signed == ([sum(amounts) - cuts, cuts] if cuts else [None, None])


def assert_sums(group: dict[str, Any], rows: list[dict[str, Any]], *, unknown: bool) -> None:
    """The group is of these lines."""
    assert_parts(group, rows, unknown=unknown)
    assert_totals(group["totals"], rows)


def assert_parts(group: dict[str, Any], rows: list[dict[str, Any]], *, unknown: bool) -> None:
    """The lines and amounts are of these lines."""
    assert group["lines"] == len(rows)
    parts = {"involved": rows, "joint": [row for row in rows if row["joint"]]}
    parts["sole"] = [row for row in rows if not row["joint"]]
    for part, chosen in parts.items():
        assert group[part]["jpy"] == amount(chosen, unknown=unknown), (group.get("key"), part)
        assert group[part]["approximate"] == any(row["amount"]["approximate"] for row in chosen)
        assert group[part]["uncertain"] == any(row["amount"]["uncertain"] for row in chosen)


def test_lines_without_a_value_come_last_in_either_direction(clients: Client) -> None:
    for sort in ("", "&sort=key"):
        ascending, descending = (
            [
                group["key"]
                for group in answer(clients, f"/v1/budget-summary?group_by=pillar{sort}&order={order}")["groups"]
            ]
            for order in ("asc", "desc")
        )
        assert ascending[-1] == descending[-1] == "none"
        assert ascending[:-1] == descending[-2::-1]
    pairs = answer(clients, "/v1/budget-summary?group_by=ministry,pillar&sort=key&order=desc")["groups"]
    assert [group["key"].split(",")[0] for group in pairs[:2]] == ["mlit", "mhlw"]


def test_a_pair_that_the_build_does_not_render_is_summed_when_asked(clients: Client) -> None:
    pairs = answer(clients, "/v1/budget-summary?group_by=document,budget_kind")
    assert {group["key"]: group["lines"] for group in pairs["groups"]} == {
        "cao-20260203-bio,initial": 1,
        "cao-20260203-bio,supplementary": 11,
        "green-20270115,initial": 5,
    }
    assert (pairs["additive"], pairs["lines"]) == (False, 16)
    assert frozenset(("document", "budget_kind")) not in map(frozenset, RENDERED)


def test_what_no_document_states_of_a_year_and_a_phase_is_null_and_what_filters_leave_out_is_zero(
    whole: Client,
) -> None:
    by_year = answer(whole, "/v1/budget-summary?group_by=fiscal_year&phase=executed")
    sums = {group["key"]: (group["lines"], group["involved"]["jpy"]) for group in by_year["groups"]}
    assert sums["2025"] == (0, None)
    assert sums["2024"][0]
    for group_by, query in (("ministry", "fiscal_year=2025&phase=executed"), ("phase", "fiscal_year=2021&basis=none")):
        found = answer(whole, f"/v1/budget-summary?group_by={group_by}&{query}")
        assert (found["lines"], found["total"]["jpy"], found["total"]["basis_reason"]) == (0, None, "not_stated")
        assert {group["involved"]["jpy"] for group in found["groups"]} == {None}
        assert "amounts-not-stated" in {note["code"] for note in found["notes"]}
    left_out = answer(whole, "/v1/budget-summary?group_by=fiscal_year&fiscal_year=2024&phase=executed&q=xyzzy")
    assert (left_out["lines"], left_out["total"]["jpy"]) == (0, 0)
    zero = answer(whole, "/v1/budget-summary?group_by=package&amount_max=2")
    assert (0, 0) in {(group["lines"], group["involved"]["jpy"]) for group in zero["groups"]}
    assert "amounts-not-stated" not in {note["code"] for note in zero["notes"]}


@pytest.mark.parametrize(
    ("q", "left_out"),
    [
        ("CDMO", ["regenerative-cell-gene-manufacturing"]),
        ("備蓄", ["mcm-stockpile"]),
        ("スタートアップ", ["innovative-drug-fund"]),
        ("治験", ["rare-disease-global-rd"]),
        ("バイオシミラー", []),
        ("対応医薬", []),  # which the lines link to
    ],
)
def test_a_sum_by_words_names_the_measures_that_hold_them_in_their_descriptions_alone(
    q: str, left_out: list[str], client: Client
) -> None:
    notes = answer(client, "/v1/budget-summary", group_by="ministry", q=q)["notes"]
    found = [note["en"] for note in notes if note["code"] == "described-measures-not-counted"]
    assert [each.rpartition(": ")[2].rstrip(".").split(", ") for each in found] == ([left_out] if left_out else [])
    by = {"group_by": "ministry", "q": q, "pillar": "6"}
    assert "described-measures-not-counted" not in {
        note["code"] for note in answer(client, "/v1/budget-summary", **by)["notes"]
    }


def test_a_group_beyond_the_limit_is_counted_once_and_never_clashes(clients: Client) -> None:
    for query in ("limit=0", "limit=-1", "limit=501", "sort=amount", "order=up"):
        answer(clients, f"/v1/budget-summary?group_by=ministry&{query}", 422)
    everything = answer(clients, "/v1/budget-summary?group_by=ministry&limit=500")
    assert everything == answer(clients, "/v1/budget-summary?group_by=ministry")


QUALIFYING = ("not-executed-yet", "reserve-and-others")


def qualifying(notes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [note for note in notes if note["code"] in QUALIFYING]


def test_notes_that_qualify_amounts_are_told_by_each_sum_that_counts_them(whole: Client) -> None:
    every = {row["id"]: row for row in walk(whole, "/v1/budget-lines", limit=500)}
    of_lines = {note["code"]: note for row in every.values() for note in qualifying(row["notes"])}
    assert set(of_lines) == set(QUALIFYING)
    for query in (
        {},
        {"phase": "executed", "fiscal_year": "2024"},
        {"phase": "executed", "fiscal_year": "2023"},
        {"phase": "reserve", "ministry": "mhlw"},
        {"package": PACKAGE},
        {"pillar": "①"},
        {"pillar": "⑥"},
        {"section": "4.3"},
    ):
        found = answer(whole, "/v1/budget-summary", group_by="ministry", **query)
        left_out = {each["id"] for each in found["overlaps"]}
        counted = {row["id"] for row in walk(whole, "/v1/budget-lines", limit=500, fields="id", **query)} - left_out
        codes = {note["code"] for id_ in counted for note in every[id_]["notes"]} & set(QUALIFYING)
        assert {note["code"]: note for note in qualifying(found["notes"])} == {each: of_lines[each] for each in codes}
        table = whole.get("/v1/exports/budget-summary.csv", params={"group_by": "ministry", **query})
        (told,) = {row["notes"] for row in csv.DictReader(io.StringIO(table.text))}
        assert told.split(";") == ([note["code"] for note in found["notes"]] or [""])

    (unfinished,) = (of_lines[each] for each in ["not-executed-yet"])
    executed = answer(whole, "/v1/budget-summary?group_by=ministry&phase=executed&fiscal_year=2024")
    assert (executed["total"]["jpy"], executed["lines"]) == (0, 75)
    for lang in ("ja", "en"):
        drawn = whole.get(f"/v1/charts/budget-by-ministry.svg?phase=executed&fiscal_year=2024&lang={lang}").text
        assert html.escape(unfinished[lang], quote=False).rstrip("。.") in drawn
        drawn = whole.get(f"/v1/charts/budget-by-ministry.svg?phase=initial&fiscal_year=2024&lang={lang}").text
        assert html.escape(unfinished[lang], quote=False).rstrip("。.") not in drawn


def test_a_line_that_is_left_out_qualifies_no_sum(first_seed: Path, tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    shutil.copytree(first_seed, seed)
    folder = seed / "cao-20260203-bio"
    notes, lines = (yaml.safe_load((folder / f"{name}.yaml").read_text()) for name in ("notes", "budget-lines"))
    for each in notes:
        each["of_amount"] = each["id"] in ("R2", "R3")
    line = next(entry for entry in lines if "R3" in entry.get("notes", ()))
    again = {name: each for name, each in line.items() if name != "notes"} | {"id": f"{line['id']}-2"}
    lines.insert(lines.index(line), again)
    note = {"ja": "試験", "en": "A test."}
    evidence = {"basis": "external", "document": folder.name, "url": "https://example.org", "note": note}
    relation = {"id": "again", "line": again["id"], "type": "same_as", "other": line["id"], "note": note}
    relations = [{**relation, "evidence": [{**evidence, "supports": ["line", "other"]}]}]
    for name, entries in (("notes", notes), ("budget-lines", lines), ("line-relations", relations)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(entries, allow_unicode=True))
    build(check(seed), tmp_path / "s.sqlite")
    with serving(Settings(database=tmp_path / "s.sqlite")) as client:
        found = answer(client, f"/v1/budget-summary?group_by=ministry&package={PACKAGE}")
        assert [each["id"] for each in found["overlaps"]] == [line["id"]]
        totals = answer(client, f"/v1/packages/{PACKAGE}/reconciliation")["data"]
        walked = answer(client, "/v1/crosswalk")
        for notes in (found["notes"], *(total["notes"] for total in totals)):
            assert [note["code"] for note in notes if note["code"] in ("R2", "R3")] == ["R2"]
        of_sections = [note["code"] for row in walked["data"] for note in row["notes"]]
        assert ("R2" in of_sections) == ("R2" in {note["code"] for note in walked["notes"]})


@pytest.mark.parametrize(
    ("name", "field", "query"),
    [
        ("modality", "modalities", {"group_by": "modality", "fiscal_year": "2024", "phase": "initial"}),
        ("modality", "modalities", {"group_by": "fiscal_year", "modality": "vaccine"}),
        ("modality", "modalities", {"group_by": "ministry", "modality_not": "vaccine", "q": "創薬"}),
        ("pillar", "pillar", {"group_by": "pillar,ministry"}),
        ("basis", "amount", {"group_by": "pillar", "basis": "none", "pillar": "③"}),
    ],
)
def test_a_sum_tells_how_many_lines_are_missing_a_value_of_what_it_asks(
    name: str, field: str, query: dict[str, str], whole: Client
) -> None:
    others = {key: value for key, value in query.items() if key not in ("group_by", name, f"{name}_not")}
    missing = walk(whole, "/v1/budget-lines", limit=500, **others, **{name: "none"})
    told = [note["en"].split(": ") for row in missing for note in row["notes"] if note["code"] in REASON_CODES]
    counts = Counter(reason for reason, fields in told if field in fields.split(", ") and reason != "Not applicable")
    notes = {note["code"]: note["en"] for note in answer(whole, "/v1/budget-summary", **query)["notes"]}
    if counts:
        for reason, count in counts.items():
            assert f"{reason}: {count}" in notes[f"missing-{name}"]
    else:
        assert f"missing-{name}" not in notes
    assert "missing-ministry" not in notes


def test_the_crosswalk_tells_what_its_own_lines_are_missing(whole: Client) -> None:
    every = answer(whole, "/v1/crosswalk")["data"]
    linked = [each for section in every for measure in section["measures"] for each in measure["related"]]
    behind = {line["id"] for each in linked for line in each["lines"]}
    without = walk(whole, "/v1/budget-lines", modality="none", limit=500)
    missing = {row["id"] for row in without for note in row["notes"] if re.search("^Not .*: .*modalities", note["en"])}
    notes = {note["code"]: note["en"] for note in answer(whole, "/v1/crosswalk", modality="none")["notes"]}
    assert sum(map(int, re.findall(r": (\d+)[;)]", notes["missing-modality"]))) == len(missing & behind)
    assert missing - behind


def test_a_budget_of_which_no_line_is_known(first_seed: Path, tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    shutil.copytree(first_seed, seed)
    for name in ("crosswalk", "budget-lines", "measures"):
        (seed / "cao-20260203-bio" / f"{name}.yaml").unlink()
    build(check(seed), tmp_path / "s.sqlite")
    with serving(Settings(database=tmp_path / "s.sqlite", cache_bytes=0)) as client:
        for query in ("", "&sort=lines", "&q=x", "&limit=1", "&ministry=mhlw", "&ministry=none"):
            found = answer(client, f"/v1/budget-summary?group_by=pillar{query}")
            assert (found["total"]["jpy"], found["total"]["basis_reason"]) == (None, "not_stated")
            assert {group["involved"]["jpy"] for group in found["groups"]} == {None}
        assert answer(client, "/v1/crosswalk")["total"]["jpy"] is None
        assert {row["amount"]["jpy"] for row in walk(client, "/v1/pillars")} == {None}
        for total in answer(client, f"/v1/packages/{PACKAGE}/reconciliation")["data"]:
            assert total["stated"]["amount"]["jpy"]
            assert (total["itemised"]["jpy"], total["difference"]["jpy"]) == (None, None)
