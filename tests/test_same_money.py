"""Lines that state the same money, or a part of it, count once in any sum: against brute force, over any relations."""

import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.query.notes import MAX_NAMED
from app.seeding.build import check
from app.seeding.errors import InvalidSeed
from app.sums.overlaps import MAX_LISTED
from tests.conftest import Client, answer, built_once, made_once, serving, walk
from tests.corpus import write

Record = dict[str, Any]
Pairs = set[tuple[str, str]]

SOURCE = "https://example.org/relations"


def relation(line: str, type_: str, other: str) -> Record:
    """An entry of line-relations.ndjson."""
    note = {"ja": "試験", "en": "A test."}
    evidence = {
        "basis": "external", "document": "corpus-0", "url": SOURCE, "note": note, "supports": ["line", "other"]
    }  # fmt: skip
    return {"id": f"{line}--{other}", "line": line, "type": type_, "other": other, "note": note, "evidence": [evidence]}


def write_relations(seed: Path, folder: Path) -> None:
    """A corpus whose lines are related at random: some are the same, and of these some are parts of others, which may
    be parts themselves."""
    shutil.copytree(seed, folder, dirs_exist_ok=True)
    random = Random(11)  # noqa: S311 - a corpus, not a secret
    by_year: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*/budget-lines.ndjson")):
        for entry in map(orjson.loads, path.read_bytes().splitlines()):
            by_year.setdefault(entry["id"].split("-fy")[1], []).append(entry["id"])
    relations: list[Record] = []
    for ids in by_year.values():
        shuffled = random.sample(ids, len(ids))
        groups: list[list[str]] = []
        while len(shuffled) > len(ids) // 3:
            size = random.choice((1, 1, 2, 3))
            groups.append([shuffled.pop() for _ in range(size)])
        for group in groups:
            relations.extend(relation(one, "same_as", other) for one, other in pairwise(group))
        for place, group in enumerate(groups[1:], 1):
            wholes = random.sample(groups[:place], random.choice((0, 0, 1, 1, 2)) if place > 1 else 0)
            relations.extend(relation(random.choice(group), "part_of", random.choice(whole)) for whole in wholes)
    # A measure has one line of a year: one states its money a second time.
    lines = folder / "corpus-0" / "budget-lines.ndjson"
    first = next(entry for entry in map(orjson.loads, lines.read_bytes().splitlines()) if "amount" in entry)
    again = {**first, "id": f"{first['id']}-2"}
    lines.write_bytes(lines.read_bytes() + orjson.dumps(again) + b"\n")
    relations.append(relation(again["id"], "same_as", first["id"]))
    (folder / "corpus-0" / "line-relations.ndjson").write_bytes(
        b"".join(orjson.dumps(each) + b"\n" for each in relations)
    )


class Related:
    """The lines of a service, and which of them say the same money, read from their records."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.rows = walk(client, "/v1/budget-lines", limit=500)
        self.by_id = {row["id"]: row for row in self.rows}
        self.place = {row["id"]: place for place, row in enumerate(self.rows)}
        self.same = {row["id"]: self.closed(row["id"]) for row in self.rows}

    def closed(self, id_: str) -> set[str]:
        found = {id_}
        while more := {each["id"] for one in found for each in self.by_id[one]["same_as"]} - found:
            found |= more
        return found

    def wholes(self, id_: str) -> set[str]:
        above = {whole["id"] for one in self.same[id_] for whole in self.by_id[one]["part_of"]}
        above = {each for one in above for each in self.same[one]}
        return above | {each for one in above for each in self.wholes(one)}

    def rank(self, id_: str) -> tuple[bool, int]:
        """All are printed in 億円, and issued on one day: the exact ones come before the approximate."""
        return self.by_id[id_]["amount"]["approximate"], self.place[id_]

    def counted(self, rows: list[Record]) -> list[Record]:
        """The rows less those that say the money of others of them."""
        stated = {row["id"] for row in rows if row["amount"]["jpy"] is not None}
        kept = []
        for row in rows:
            id_ = row["id"]
            first = id_ not in stated or id_ == min(self.same[id_] & stated, key=self.rank)
            if id_ not in stated or (first and self.wholes(id_).isdisjoint(stated)):
                kept.append(row)
        return kept


@pytest.fixture(scope="module")
def related(corpus_seed: Path, shared: Path) -> Iterator[Related]:
    seed = made_once(shared / "related-seed", lambda folder: write_relations(corpus_seed, folder))
    with serving(built_once(shared / "related", lambda: check(seed))) as client:
        yield Related(client)


MEMBERS: dict[str, Callable[[Record], set[str]]] = {
    "ministry": lambda row: {each["id"] for each in row["ministries"]},
    "fiscal_year": lambda row: {str(row["fiscal_year"]["year"])},
    "document": lambda row: set(row["documents"]),
    "pillar": lambda row: {row["pillar"]["id"]},
}


def jpy(rows: list[Record]) -> int | None:
    stated = [row["amount"]["jpy"] for row in rows if row["amount"]["jpy"] is not None]
    return sum(stated) if stated or not rows else None


@given(data=st.data())
def test_no_sum_counts_money_twice(data: st.DataObject, related: Related) -> None:
    query: dict[str, list[str]] = {}
    for name in data.draw(st.sets(st.sampled_from(sorted(MEMBERS)), max_size=2)):
        values = sorted({value for row in related.rows for value in MEMBERS[name](row)})
        query[name] = data.draw(st.lists(st.sampled_from(values), min_size=1, max_size=4, unique=True))
    group_by = data.draw(st.sampled_from(sorted(MEMBERS)))

    rows = [row for row in related.rows if all(MEMBERS[name](row) & set(query[name]) for name in query)]
    counted = related.counted(rows)
    found = answer(related.client, "/v1/budget-summary", group_by=group_by, **query)
    assert found["lines"] == len(counted)
    if rows:
        assert found["total"]["jpy"] == jpy(counted)
    for group in found["groups"]:
        own = related.counted([row for row in rows if group["key"] in MEMBERS[group_by](row)])
        assert group["lines"] == len(own)
        if own:
            assert group["involved"]["jpy"] == jpy(own)

    left_out = [row["id"] for row in rows if row not in counted]
    assert [each["id"] for each in found["overlaps"]] == left_out[:MAX_LISTED]
    notes = {note["code"] for note in found["notes"]}
    assert ("counted-once" in notes) == bool(left_out)
    assert ("overlaps-cut" in notes) == (len(left_out) > MAX_LISTED)
    for each in found["overlaps"]:
        instead = related.by_id[each["counted"]]
        assert instead in counted
        beside = related.same[each["id"]] if each["reason"] == "same_as" else related.wholes(each["id"])
        assert instead["id"] in beside


def test_measures_and_pillars_count_once_too(related: Related) -> None:
    found = set()
    for name, field in (("measures", "measure"), ("pillars", "pillar")):
        for record in walk(related.client, f"/v1/{name}", limit=500):
            own = [row for row in related.rows if row[field] and row[field]["id"] == record["id"]]
            counted = related.counted(own)
            assert record["amount"]["jpy"] == (jpy(counted) if own else None)
            left_out = [row["id"] for row in own if row not in counted]
            told = [note for note in record["notes"] if note["code"] == "counted-once"]
            assert len(told) == bool(left_out)
            for note in told:
                for language in ("ja", "en"):
                    assert all(id_ in note[language] for id_ in left_out[:MAX_NAMED])
                    assert ("…" in note[language]) == (len(left_out) > MAX_NAMED)
                found.add(name)
    assert found == {"measures", "pillars"}


def test_a_reconciliation_lists_what_it_leaves_out(related: Related) -> None:
    left_out = 0
    for package in walk(related.client, "/v1/packages"):
        found = answer(related.client, f"/v1/packages/{package['id']}/reconciliation")
        summed = answer(related.client, f"/v1/budget-summary?group_by=package&package={package['id']}")
        assert found["overlaps"] == summed["overlaps"]
        left_out += len(found["overlaps"])
    assert left_out


def test_relations_are_shown_at_both_ends_with_their_ground(related: Related) -> None:
    pairs: dict[str, Pairs] = {name: set() for name in ("same_as", "part_of", "parts")}
    for row in related.rows:
        for name, found in pairs.items():
            for each in row[name]:
                found.add((row["id"], each["id"]))
                assert each["amount"] == related.by_id[each["id"]]["amount"]
                assert (each["basis"], each["note"]["en"]) == ("external", "A test.")
                assert any(name in piece["supports"] and piece["url"] == SOURCE for piece in row["evidence"])
        # The evidence of a relation is no evidence of the line: a document's own lines are those that it states.
        assert len(row["documents"]) == 1 or row["documents"][0] != "corpus-0"
    assert pairs["same_as"] == {(other, one) for one, other in pairs["same_as"]}
    assert pairs["parts"] == {(other, one) for one, other in pairs["part_of"]}
    assert pairs["same_as"]
    assert pairs["part_of"]


def test_of_very_many_lines_that_are_left_out_the_first_are_listed(
    related: Related, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = answer(related.client, "/v1/budget-summary?group_by=pillar&limit=498")["overlaps"]
    assert len(every) > 1
    monkeypatch.setattr("app.sums.overlaps.MAX_LISTED", 1)
    found = answer(related.client, "/v1/budget-summary?group_by=pillar&limit=499")
    assert found["overlaps"] == every[:1]
    (note,) = [each for each in found["notes"] if each["code"] == "overlaps-cut"]
    assert note["en"].endswith(" lines are not counted; the first 1 are listed.")


def test_lines_of_two_documents_that_nothing_relates_are_told(related: Related) -> None:
    def told(query: str) -> bool:
        notes = answer(related.client, f"/v1/budget-summary?group_by=ministry&{query}")["notes"]
        return "may-hold-same-money" in [note["code"] for note in notes]

    assert told("")
    shown = answer(related.client, "/v1/budget-summary?group_by=ministry")["notes"]
    (note,) = (note for note in shown if note["code"] == "may-hold-same-money")
    assert note["en"].endswith("; and others.")
    assert not told("package=p0-2025")
    assert "may-hold-same-money" in [note["code"] for note in answer(related.client, "/v1/crosswalk")["notes"]]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic seed of lines of several years."""
    seed = tmp_path_factory.mktemp("small") / "seed"
    write(seed, 20)
    return seed


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ([("a", "part_of", "b"), ("b", "part_of", "a")], "break the circle"),
        ([("a", "part_of", "b"), ("b", "same_as", "a")], "break the circle"),
        ([("a", "part_of", "b"), ("b", "part_of", "c"), ("c", "same_as", "a")], "break the circle"),
        ([("a", "same_as", "a")], "related to itself: name two lines"),
        ([("a", "same_as", "later")], "money of two years differs"),
        ([("a", "same_as", "unknown")], "is no id in budget-lines"),
    ],
)
def test_relations_that_cannot_be_are_told(
    made: list[tuple[str, str, str]], message: str, small: Path, tmp_path: Path
) -> None:
    seed = shutil.copytree(small, tmp_path / "seed")
    lines = (seed / "corpus-0" / "budget-lines.ndjson").read_bytes().splitlines()
    ids = [orjson.loads(line)["id"] for line in lines]
    first = ids[0].split("-fy")[1]
    same_year = [id_ for id_ in ids if id_.endswith(first)]
    named = dict(zip("abc", same_year, strict=False)) | {"unknown": "no-such-line"}
    named["later"] = next(id_ for id_ in ids if not id_.endswith(first))
    entries = [relation(named[line], type_, named[other]) for line, type_, other in made]
    (seed / "corpus-0" / "line-relations.ndjson").write_bytes(b"\n".join(map(orjson.dumps, entries)))
    with pytest.raises(InvalidSeed, match=message) as caught:
        check(seed)
    assert {error.file for error in caught.value.errors} == {"seed/corpus-0/line-relations.ndjson"}
