"""Changes: what each version changed equals a comparison of the versions, and its patches make the one of the other."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.query.formats import ndjson
from app.resources.facts import FACTS
from app.seeding.build import check
from app.seeding.patches import patch
from tests.conftest import Client, answer, built, serving, walk
from tests.releasing import released, set_version, write_seed, write_stages

Records = dict[tuple[str, str], Any]  # by resource and id

ONE = {"seed-stage": ("Seed stage", 1), "growth-stage": ("Growth stage", 2)}
TWO = {**ONE, "growth-stage": ("Growth", 2), "late-stage": ("Late stage", 3)}
THREE = {"seed-stage": ("Seed", 1), "late-stage": ("Late stage", 3)}
DAYS = {"1.0.0": "2027-01-20", "1.1.0": "2027-02-01", "2.0.0": "2027-03-01"}


def applied(operations: list[dict[str, Any]], value: Any) -> Any:
    """What a patch makes of a value, as RFC 6902 says it; None if it removes the whole."""
    value = orjson.loads(orjson.dumps(value))
    for operation in operations:
        if not operation["path"]:
            value = operation.get("value")
            continue
        *above, last = [
            part.replace("~1", "/").replace("~0", "~") for part in operation["path"].removeprefix("/").split("/")
        ]
        holder = value
        for part in above:
            holder = holder[int(part) if isinstance(holder, list) else part]
        place: Any = int(last) if isinstance(holder, list) else last
        assert operation["op"] == "add" or isinstance(holder, list) or place in holder
        if operation["op"] == "remove":
            del holder[place]
        else:
            holder[place] = operation["value"]
    return value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0]) | st.text("ab/~", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(before=JSON, after=JSON)
def test_a_patch_makes_one_value_of_another(before: Any, after: Any) -> None:
    operations = list(patch(before, after))
    assert orjson.dumps(applied(operations, before), option=orjson.OPT_SORT_KEYS) == orjson.dumps(
        after, option=orjson.OPT_SORT_KEYS
    )
    texts = [orjson.dumps(each, option=orjson.OPT_SORT_KEYS) for each in (before, after)]
    assert bool(operations) == (texts[0] != texts[1])


def test_a_patch_says_no_more_than_what_differs() -> None:
    before = {"a": {"b/c": [1, 2], "d": 1}, "e": [1], "f": None}
    after = {"a": {"b/c": [1, 3], "d": True}, "e": [1, 2], "g": None}
    assert list(patch(before, after)) == [
        {"op": "remove", "path": "/f"},
        {"op": "replace", "path": "/a/b~1c/1", "value": 3},
        {"op": "replace", "path": "/a/d", "value": True},
        {"op": "replace", "path": "/e", "value": [1, 2]},
        {"op": "add", "path": "/g", "value": None},
    ]


# --- versions of a seed


def records_of(seed: Path) -> Records:
    checked = check(seed)
    return {
        (resource.name, record["id"]): record
        for resource in FACTS
        for record in map(orjson.loads, checked.rendered.records(resource))
    }


def by_force(before: Records, after: Records) -> Records:
    """What differs, each with what it is after, or None."""
    return {place: after.get(place) for place in before | after if before.get(place) != after.get(place)}


STAGES = st.dictionaries(
    st.sampled_from(["seed-stage", "growth-stage", "late-stage", "exit"]),
    st.tuples(st.sampled_from(["Seed", "Growth", "Late"]), st.integers(1, 3)),
    max_size=4,
)


def test_changes_equal_a_comparison_by_brute_force(tmp_path: Path) -> None:
    compare_changes([ONE, TWO, THREE, TWO], tmp_path)


@pytest.mark.slow
@given(versions=st.lists(STAGES, min_size=2, max_size=4))
@settings(max_examples=5)
def test_changes_of_any_versions_equal_a_comparison_by_brute_force(
    versions: list[dict[str, tuple[str, int]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    compare_changes(versions, tmp_path_factory.mktemp("edited"))


def compare_changes(versions: list[dict[str, tuple[str, int]]], folder: Path) -> None:
    """Builds a seed of these versions, and compares what the service says of them with what differs."""
    seed, states = folder / "seed", []
    write_seed(seed, versions[0])
    for number, stages in enumerate(versions, 1):
        released(seed, f"{number}.0.0", stages)
        states.append(records_of(seed))
    with serving(built(seed, folder / "shisaku.sqlite")) as client:
        for number, before in enumerate(states, 1):
            state, changed = dict(before), set()
            for change in reversed(walk(client, f"/v1/changes?since={number}.0.0&limit=3")):
                place = change["type"], change["record"]
                made = applied(change["patch"], state.pop(place, None))
                changed.add(place)
                if change["action"] != "removed":
                    state[place] = made
            assert state == states[-1]
            differing = {place: state.get(place) for place in changed if state.get(place) != before.get(place)}
            assert differing == by_force(before, states[-1])
            for (type_, id_), record in before.items():
                as_it_was = client.get(f"/v1/{type_}/{id_}?version={number}.0.0")
                assert as_it_was.content == orjson.dumps(record)
            for type_, id_ in {place for each in states for place in each} - before.keys():
                absent = client.get(f"/v1/{type_}/{id_}?version={number}.0.0")
                was_there = any((type_, id_) in each for each in states[:number])
                assert absent.status_code == (410 if was_there else 404)
        for before, after, version in zip(states, states[1:], range(2, 9), strict=False):
            rows = walk(client, f"/v1/changes?version={version}.0.0")
            assert {(each["type"], each["record"]) for each in rows} == by_force(before, after).keys()
            for each in rows:
                old = before.get((each["type"], each["record"]))
                new = after.get((each["type"], each["record"]))
                assert each["action"] == ("added" if old is None else "removed" if new is None else "changed")
                if old and new:  # of the same fields, the bytes are the same too
                    assert orjson.dumps(applied(each["patch"], old)) == orjson.dumps(new)
                    assert each["fields"] == [name for name in new if old[name] != new[name]]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("changes")
    seed = folder / "seed"
    write_seed(seed, ONE)
    released(seed, "1.0.0", ONE, DAYS["1.0.0"])
    released(seed, "1.1.0", TWO, DAYS["1.1.0"])
    set_version(seed, "2.0.0", DAYS["2.0.0"])
    write_stages(seed, THREE)
    (seed / "withdrawn.yaml").write_text(
        "- {type: stages, id: growth-stage, reason: {ja: 統合した。, en: It was merged.}}\n"
    )
    with serving(built(seed, folder / "shisaku.sqlite")) as client:
        yield client


ALL = ["2.0.0.growth-stage", "2.0.0.seed-stage", "1.1.0.growth-stage", "1.1.0.late-stage"]


def found(client: Client, query: str) -> list[str]:
    rows = walk(client, f"/v1/changes?{query}")
    return [f"{each['version']['id']}.{each['record']}" for each in rows]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ALL),
        ("since=1.0.0", ALL),
        ("since=1.1.0", ALL[:2]),
        ("since=2.0.0", []),
        ("until=1.1.0", ALL[2:]),
        ("until=1.0.0", []),
        ("since=1.0.0&until=1.1.0", ALL[2:]),
        ("since=1.1.0&until=1.1.0", []),
        ("since=2027-02-01", ALL),
        ("since=2027-02-02", ALL[:2]),
        ("since=%202027-02-01", ALL),
        ("since=２０２７－02－01", ALL),
        ("since=2027-03-01", ALL[:2]),
        ("until=2027-02-28", ALL[2:]),
        ("until=2030-01-01", ALL),
        ("since=2027-02-02&until=2027-02-28", []),
        ("since=2027-01-21&until=1.1.0", ALL[2:]),
        ("version=1.1.0", ALL[2:]),
        ("version_not=1.1.0&since=1.0.0", ALL[:2]),
        ("id=late-stage,seed-stage", [ALL[1], ALL[3]]),
        ("id_not=late-stage", ALL[:3]),
        ("id=unheard-of", []),
        ("action=added", ALL[3:]),
        ("field=name", ALL[1:3]),
        ("field=名称&type=段階", ALL[1:3]),
        ("field=none", [ALL[0], ALL[3]]),
        ("type=measures", []),
        ("document=green-20270115&action=removed", ALL[:1]),
        ("q=late", ALL[3:]),
    ],
)
def test_changes_are_filtered(served: Client, query: str, expected: list[str]) -> None:
    assert found(served, query) == expected
    lines = served.get(f"/v1/exports/changes.ndjson?{query}").content
    assert lines == ndjson(map(orjson.dumps, walk(served, f"/v1/changes?{query}")))


def test_resources_and_fields_have_japanese_labels(served: Client) -> None:
    changes = next(each for each in answer(served, "/v1")["resources"] if each["name"] == "changes")
    labels = {each["name"]: {value["value"]: value["label"] for value in each["values"]} for each in changes["filters"]}
    assert labels["type"]["budget-lines"] == {"ja": "予算", "en": "budget-lines", "en_official": False}
    assert labels["field"]["name"] == {"ja": "名称", "en": "name", "en_official": False}


@pytest.mark.parametrize(
    ("query", "parameter", "message", "meant"),
    [
        ("since=2999-03-02", "since", "`2999-03-02` is in the future: the newest version is 2.0.0", "2027-03-01"),
        ("since=1.2.0", "since", "`1.2.0` is neither a version nor a day in the form `YYYY-MM-DD`.", None),
        ("since=none", "since", "`none` is neither a version nor a day", None),
        ("since=2027-02-30", "since", "`2027-02-30` is neither a version nor a day", None),
        ("since=2027/2/3", "since", "`2027/2/3` is neither a version nor a day", "2027-02-03"),
        ("since=20270203", "since", "`20270203` is neither a version nor a day", "2027-02-03"),
        ("until=2027年2月3日", "until", "`2027年2月3日` is neither a version nor a day", "2027-02-03"),
        ("until=2027-02-03T00:00:00Z", "until", "`2027-02-03T00:00:00Z` is neither", "2027-02-03"),
        ("until=2026-11", "until", "`2026-11` is neither a version nor a day", "2026-11-30"),
        ("since=2026-11", "since", "`2026-11` is neither a version nor a day", "2026-11-01"),
        ("until=2024/2", "until", "`2024/2` is neither a version nor a day", "2024-02-29"),
        ("since=202611", "since", "`202611` is neither a version nor a day", "2026-11-01"),
        ("until=2026年11月", "until", "`2026年11月` is neither a version nor a day", "2026-11-30"),
        ("since=2026", "since", "`2026` is neither a version nor a day", "2026-01-01"),
        ("until=2026年", "until", "`2026年` is neither a version nor a day", "2026-12-31"),
        ("since=令和8年1月", "since", "`令和8年1月` is neither a version nor a day", "2026-01-01"),
        ("until=R8.2.3", "until", "`R8.2.3` is neither a version nor a day", "2026-02-03"),
        ("until=平成三十一年", "until", "`平成三十一年` is neither a version nor a day", "2019-12-31"),
        ("since=2999-05", "since", "`2999-05` is in the future: the newest version is 2.0.0", "2027-03-01"),
        ("until=2026-13", "until", "`2026-13` is neither a version nor a day", None),
        ("until=2026-00", "until", "`2026-00` is neither a version nor a day", None),
        ("until=2026-11-00", "until", "`2026-11-00` is neither a version nor a day", None),
        ("until=2026111", "until", "`2026111` is neither a version nor a day", None),
        ("until=2026 November", "until", "`2026 November` is neither a version nor a day", None),
        ("from=2026-11-24", "from", "There is no parameter `from` here. Did you mean `since`?", "since"),
        ("after=1.0.0", "after", "There is no parameter `after` here. Did you mean `since`?", "since"),
        ("startDate=1.0.0", "startDate", "There is no parameter `startDate` here. Did you mean `since`?", "since"),
        ("before=1.0.0", "before", "There is no parameter `before` here. Did you mean `until`?", "until"),
        ("to=1.0.0", "to", "There is no parameter `to` here. Did you mean `until`?", "until"),
        ("since=v1.1.0", "since", "`v1.1.0` is neither a version nor a day", "1.1.0"),
        ("since=%20", "since", "A value of `since` is empty. Leave it out instead.", None),
        ("until=3.0.0", "until", "`3.0.0` is neither a version nor a day", None),
        ("since=2.0.0&until=1.1.0", "since", "`since` is after `until`. Swap them.", None),
        ("since=2027-02-02&until=2027-02-01", "since", "`since` is after `until`. Swap them.", None),
        ("since=2027-02-02&until=1.1.0", "since", "`since` is after `until`. Swap them.", None),
        ("since=2.0.0&until=2027-02-28", "since", "`since` is after `until`. Swap them.", None),
        ("since=1.0.0&since=1.1.0", "since", "`since` takes one value. Send it once.", None),
        ("id=Late%20stage", "id", "`id` takes ids: lower-case letters, digits, dots and hyphens.", None),
    ],
)
def test_a_bad_period_is_refused_with_a_hint(
    served: Client, query: str, parameter: str, message: str, meant: str | None
) -> None:
    error = answer(served, f"/v1/changes?{query}", 422)["errors"][0]
    assert error["parameter"] == parameter
    assert error["message"].startswith(message)
    assert error["did_you_mean"] == meant
    if "is not a value" in message or "Nothing" in message:
        assert error["allowed"] == ["2.0.0", "1.1.0", "1.0.0"]


def test_facets_count_changes(served: Client) -> None:
    facets = answer(served, "/v1/changes?since=1.0.0&facet=action,type,version&limit=0")["facets"]
    counts = {name: {each["value"]: each["count"] for each in facet["buckets"]} for name, facet in facets.items()}
    assert counts["action"] == {"added": 1, "changed": 2, "removed": 1}
    assert counts["version"] == {"2.0.0": 2, "1.1.0": 2, "1.0.0": 0}
    assert counts["type"]["stages"] == 4


def test_a_change_says_in_words_what_it_is(served: Client) -> None:
    removed, changed, *_, added = walk(served, "/v1/changes")
    assert removed["summary"] == {
        "ja": "「段階Growth」を取り下げた。統合した。",
        "en": "Withdrew “Growth”. It was merged.",
    }
    assert removed["patch"] == [{"op": "remove", "path": ""}]
    assert changed["summary"]["en"] == "Changed “Seed”: Name."
    assert changed["summary"]["ja"] == "「段階Seed」を改めた: 名称。"
    assert [each["path"] for each in changed["patch"]] == ["/name/ja", "/name/en"]
    assert added["summary"]["en"] == "Added “Late stage”."
    assert added["patch"][0]["value"] == answer(served, "/v1/stages/late-stage")
    assert added["id"] == "1.1.0.stages.late-stage"


def test_a_table_has_a_patch_as_json(served: Client) -> None:
    head, row = served.get("/v1/exports/changes.csv?id=seed-stage&fields=id,patch").text.splitlines()
    assert head == "id,patch"
    (change,) = walk(served, "/v1/changes?id=seed-stage")
    assert orjson.loads(row.partition(",")[2][1:-1].replace('""', '"')) == change["patch"]


def test_the_history_of_a_record_is_its_changes(served: Client) -> None:
    rows = walk(served, "/v1/stages/growth-stage/history", limit=1)  # of a withdrawn record, page by page
    assert rows == walk(served, "/v1/changes?type=stages&id=growth-stage")
    assert [each["action"] for each in rows] == ["removed", "changed"]
    assert walk(served, "/v1/documents/green-20270115/history") == []
    missing = answer(served, "/v1/stages/growth-stagex/history", 404)
    assert "There is no stage of this id." in missing["detail"]
    assert answer(served, "/v1/stages/growth-stage/history?sort=name", 422)["errors"][0]["parameter"] == "sort"


def test_changes_are_no_facts(served: Client) -> None:
    """They are found in their own list alone."""
    results = walk(served, "/v1/search?q=stage")
    assert {each["type"] for each in results} == {"stages"}
    suggested = answer(served, "/v1/suggest?q=Version")["data"]
    assert not [each for each in suggested if each["type"] in ("versions", "changes")]


@pytest.mark.parametrize("path", ["/changes?since=2027-02-01&id=seed-stage", "/versions", "/versions/1.1.0"])
def test_changes_have_pages(served: Client, path: str) -> None:
    page = served.get(path, params={"lang": "ja"} if "?" not in path else None)
    assert page.status_code == 200
    assert re.search(r"<h1[^>]*>", page.text)


def test_a_version_leads_to_its_changes(served: Client) -> None:
    page = served.get("/versions/1.1.0?lang=en").text
    assert '"/changes?version=1.1.0' in page
    assert "/changes?since=" not in page


@pytest.fixture(scope="module")
def tenth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Versions 1.8.0 to 1.10.0, the last two of one day."""
    folder = tmp_path_factory.mktemp("tenth")
    seed = folder / "seed"
    write_seed(seed, ONE)
    released(seed, "1.8.0", ONE, DAYS["1.0.0"])
    released(seed, "1.9.0", TWO, DAYS["1.1.0"])
    set_version(seed, "1.10.0", DAYS["1.1.0"])
    write_stages(seed, {**TWO, "exit": ("Exit", 4)})
    with serving(built(seed, folder / "shisaku.sqlite")) as client:
        yield client


NINTH = ["1.9.0.stages.growth-stage", "1.9.0.stages.late-stage"]
TENTH = "1.10.0.stages.exit"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("versions", ["1.10.0", "1.9.0", "1.8.0"]),
        *((f"versions?sort={sort}", ["1.8.0", "1.9.0", "1.10.0"]) for sort in ("id", "name", "released", "records")),
        *((f"versions?sort={sort}&order=desc", ["1.10.0", "1.9.0", "1.8.0"]) for sort in ("id", "name", "released")),
        ("changes", [TENTH, *NINTH]),
        *((f"changes?sort={sort}", [*NINTH, TENTH]) for sort in ("id", "released", "type")),
        ("changes?sort=id&order=desc", [TENTH, *reversed(NINTH)]),
        ("changes?since=1.9.0", [TENTH]),
        ("changes?since=1.8.0&until=1.9.0", NINTH),
        ("changes?version=1.10.0", [TENTH]),
        ("stages/exit/history", [TENTH]),
    ],
)
def test_the_tenth_version_comes_after_the_ninth(tenth: Client, query: str, expected: list[str]) -> None:
    assert [each["id"] for each in walk(tenth, f"/v1/{query}")] == expected


def test_the_tenth_version_comes_first_in_facets_hints_feeds_and_pages(tenth: Client) -> None:
    facet = answer(tenth, "/v1/changes?facet=version&limit=0")["facets"]["version"]["buckets"]
    hinted = answer(tenth, "/v1/changes?since=1.11.0", 422)["errors"][0]["allowed"]
    assert [each["value"] for each in facet] == hinted == ["1.10.0", "1.9.0", "1.8.0"]
    assert answer(tenth, "/v1/changes?since=1.10.0&until=1.9.0", 422)["errors"][0]["message"].startswith("`since` is")
    for path in ("/v1/versions.atom", "/versions?lang=en", "/changes?lang=en", "/v1/exports/changes.ndjson"):
        text = tenth.get(path).text
        assert -1 < text.index("1.10.0") < text.index("1.9.0")


def test_without_a_release_there_is_one_version(second: Any) -> None:
    with serving(second) as client:
        (version,) = walk(client, "/v1/versions")
        assert version["id"] == answer(client, "/v1")["dataset"]["version"]
        assert walk(client, "/v1/changes") == []
        measure = walk(client, "/v1/measures")[0]["id"]
        assert answer(client, f"/v1/measures/{measure}?version={version['id']}")["id"] == measure
