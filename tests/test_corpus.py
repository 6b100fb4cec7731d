"""What a service promises at any size: samples of it against brute force over the dataset's own public database.

    CORPUS_LINES=1000000 CORPUS_DATABASE=… CORPUS_TERMS=50 python -m pytest tests/test_corpus.py

`make test` does so at two small sizes; CORPUS_DATABASE names a database that `shisaku build` made of that many lines.
"""

import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.api import crosswalk
from app.query.downloads import DATABASE, folder_of
from app.query.snapshot import Snapshot
from app.resources.schema import schema_version
from app.settings import Settings
from app.text import fold
from tests.conftest import Client, answer, built, serving
from tests.corpus import write
from tests.searching import contains

SIZES = [int(size) for size in os.environ.get("CORPUS_LINES", "13").split(",")]
TERMS = int(os.environ.get("CORPUS_TERMS", "30"))

MEMBERS = {"ministry": "budget_line_ministries", "modality": "budget_line_modalities"}
HELD = {"pillar": "pillar_id", "fiscal_year": "fiscal_year", "package": "package_id", "joint": "joint"}
SORTED = {"amount": "amount_jpy", "name": "name_ja", "id": "id", "fiscal_year": "fiscal_year"}


@dataclass
class Corpus:
    """A service, and what its public database says."""

    client: Client
    public: sqlite3.Connection

    def pick(self, random: Random, columns: str, table: str) -> Any:
        """Some columns of a row of a table."""
        ((count,),) = self.ask(f"SELECT count(*) FROM {table}")
        (row,) = self.ask(f"SELECT {columns} FROM {table} LIMIT 1 OFFSET ?", random.randrange(count))
        return row

    def ask(self, statement: str, *values: object) -> list[Any]:
        return self.public.execute(statement, values).fetchall()

    @cached_property
    def texts(self) -> list[str]:
        """The folded texts that `q` reads of every measure and line, a record each."""
        links = [
            *(("ministry", "organization"), ("organization", "organization"), ("modality", "modality")),
            ("section", "section"),
        ]
        own = {
            "organization": "name_ja, name_en, abbreviation",
            "modality": "name_ja, name_en",
            "section": "name_ja, name_en, number, code",
        }
        names: dict[str, dict[str, list[str]]] = {}
        for kind, columns in own.items():
            table = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
            found = names[kind] = {
                row[0]: [text for text in row[1:] if text] for row in self.ask(f"SELECT id, {columns} FROM {table}")
            }
            if kind != "section":
                for id_, also in self.ask(f"SELECT {kind}_id, also FROM {kind}_also"):
                    found[id_].append(also)
        texts: dict[tuple[str, str], list[str]] = {}
        for noun, columns in (
            ("measure", "name_ja, name_en, description_ja, description_en"),
            ("budget_line", "name_ja, name_en"),
        ):
            for id_, *row in self.ask(f"SELECT id, {columns} FROM {noun}s"):
                texts[noun, id_] = [text for text in row if text]
            for link, kind in links:
                if noun == "measure" or link != "organization":
                    plural = f"{link[:-1]}ies" if link.endswith("y") else f"{link}s"
                    for id_, linked in self.ask(f"SELECT {noun}_id, {link}_id FROM {noun}_{plural}"):
                        texts[noun, id_].extend(names[kind][linked])
        return [fold("\n".join(each)) for each in texts.values()]


@pytest.fixture(scope="module", params=SIZES, ids=lambda size: f"{size} lines")
def corpus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    folder = tmp_path_factory.mktemp("corpus")
    if "CORPUS_DATABASE" in os.environ:
        settings = Settings(database=Path(os.environ["CORPUS_DATABASE"]), cache_bytes=0)
    else:
        write(folder / "seed", request.param)
        settings = built(folder / "seed", folder / "shisaku.sqlite")
    with serving(settings) as client:
        opened = Snapshot.open(settings, schema_version())
        path = folder_of(settings.database, opened.dataset.about.digest) / DATABASE
        opened.database.close()
        public = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        try:
            yield Corpus(client, public)
        finally:
            public.close()


def test_every_line_is_there(corpus: Corpus, request: pytest.FixtureRequest) -> None:
    wanted = request.node.callspec.params["corpus"]
    assert answer(corpus.client, "/v1/budget-lines", limit=0)["meta"]["total"] == wanted
    assert corpus.ask("SELECT count(*) FROM budget_lines") == [(wanted,)]


def test_facets_count_what_is_there(corpus: Corpus) -> None:
    facets = answer(corpus.client, "/v1/budget-lines", limit=0, facet=[*MEMBERS, "fiscal_year"])["facets"]
    years = dict(corpus.ask("SELECT CAST(fiscal_year AS TEXT), count(*) FROM budget_lines GROUP BY 1"))
    assert {each["value"]: each["count"] for each in facets["fiscal_year"]["buckets"] if each["count"]} == years
    paying = dict(corpus.ask("SELECT ministry_id, count(*) FROM budget_line_ministries GROUP BY 1"))
    assert {each["value"]: each["count"] for each in facets["ministry"]["buckets"] if each["count"]} == paying


def test_sums_are_what_the_lines_say(corpus: Corpus) -> None:
    sums = "SELECT m.ministry_id, count(*), sum(amount_jpy) FROM budget_lines l JOIN budget_line_ministries m"
    ((some,),) = corpus.ask("SELECT max(fiscal_year) FROM budget_lines")
    for year in (None, some):
        query = {"fiscal_year": year} if year else {}
        found = answer(corpus.client, "/v1/budget-summary", group_by="ministry", **query)
        where = "WHERE l.fiscal_year = ?" if year else ""
        expected = corpus.ask(f"{sums} ON m.budget_line_id = l.id {where} GROUP BY 1", *query.values())
        assert {
            (group["key"], group["lines"], group["involved"]["jpy"]) for group in found["groups"] if group["lines"]
        } == set(expected)
        ((total, lines),) = corpus.ask(f"SELECT sum(amount_jpy), count(*) FROM budget_lines l {where}", *query.values())
        assert (found["total"]["jpy"], found["lines"]) == (total or 0, lines)


def test_the_crosswalk_shows_the_links_of_each_measure_and_the_lines_under_the_filters(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    related, lines = defaultdict(list), defaultdict(list)
    for measure, programme in corpus.ask("SELECT measure_id, related_id FROM measure_related ORDER BY 1, position"):
        related[measure].append(programme)
    for programme, id_, year in corpus.ask("SELECT measure_id, id, fiscal_year FROM budget_lines ORDER BY key"):
        lines[programme].append((id_, year))
    years = sorted({year for several in lines.values() for _, year in several})
    for most, asked in ((50, []), (50, years[:1]), (1, years)):
        monkeypatch.setattr(crosswalk, "MAX_LINES", most)
        for section in answer(corpus.client, "/v1/crosswalk", fiscal_year=asked)["data"]:
            found = set()
            for measure in section["measures"]:
                assert [each["id"] for each in measure["related"]] == related[measure["id"]]
                for each in measure["related"]:
                    expected = [id_ for id_, year in lines[each["id"]] if year in (asked or years)]
                    assert [line["id"] for line in each["lines"]] == expected[:most]
                    found.update(expected)
            assert section["lines"] == len(found)


@pytest.mark.parametrize("sort", SORTED)
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("ministry", [None, "mext"])
def test_a_page_at_any_depth_is_where_it_belongs(corpus: Corpus, sort: str, order: str, ministry: str | None) -> None:
    column, query = SORTED[sort], {"sort": sort, "order": order, "limit": 20}
    where = "WHERE id IN (SELECT budget_line_id FROM budget_line_ministries WHERE ministry_id = 'mext')"
    statement = f"SELECT id FROM budget_lines {where if ministry else ''} ORDER BY {column} IS NULL, {column} {order}"
    ids = [id_ for (id_,) in corpus.ask(f"{statement}, rowid {order}")]
    if ministry:
        query["ministry"] = ministry

    def shown(page: dict[str, Any]) -> list[str]:
        return [row["id"] for row in page["data"]]

    total = len(ids)
    for offset in (0, 40, min(10_000, total // 2)):
        page = answer(corpus.client, "/v1/budget-lines", offset=offset, **query)
        assert (shown(page), page["meta"]["total"]) == (ids[offset : offset + 20], total)
    for _ in range(3):  # from the last page looked at, by cursor
        if page["links"]["next"] is None:
            break
        offset += 20
        page = answer(corpus.client, page["links"]["next"])
        assert shown(page) == ids[offset : offset + 20]
    last = answer(corpus.client, page["links"]["last"])
    assert shown(last)[-1:] == ids[-1:]
    assert last["links"]["next"] is None


def test_any_record_is_found_by_its_id(corpus: Corpus) -> None:
    random = Random(2)  # noqa: S311 - a sample, not a secret
    for _ in range(20):
        id_, name = corpus.pick(random, "id, name_ja", "measures")
        assert answer(corpus.client, f"/v1/measures/{id_}")["name"]["ja"] == name


def test_filters_together_are_brute_force(corpus: Corpus) -> None:
    random = Random(0)  # noqa: S311 - a sample, not a secret
    for _ in range(20):
        names = random.sample([*MEMBERS, *HELD], random.randint(1, 3))
        query, conditions, values = dict[str, Any](), list[str](), list[Any]()
        for name in names:
            if name in MEMBERS:
                table, column = MEMBERS[name], f"{name}_id"
                (value,) = corpus.pick(random, column, table)
                conditions.append(f"id IN (SELECT budget_line_id FROM {table} WHERE {column} = ?)")
                if name == "modality":  # a broader one holds its narrower ones
                    narrower = [id_ for (id_,) in corpus.ask("SELECT id FROM modalities WHERE broader_id = ?", value)]
                    if narrower:
                        continue
            else:
                (value,) = corpus.pick(random, HELD[name], "budget_lines")
                conditions.append(f"{HELD[name]} = ?")
            values.append(value)
            query[name] = ("false", "true")[value] if name == "joint" else value
        if len(values) < len(conditions):
            continue
        total = answer(corpus.client, "/v1/budget-lines", limit=0, **query)["meta"]["total"]
        counted = f"SELECT count(*) FROM budget_lines WHERE {' AND '.join(conditions)}"
        assert corpus.ask(counted, *values) == [(total,)], query


def test_search_is_brute_force(corpus: Corpus) -> None:
    random = Random(1)  # noqa: S311 - a sample, not a secret
    texts = corpus.texts
    for _ in range(TERMS):
        words = random.choice(random.choice(texts).split())
        start, length = random.randrange(len(words)), random.choice((1, 2, 2, 3, 3, 4, 5, 8))
        term = words[start : start + length]
        if random.random() < 0.1:
            term = term[::-1]
        expected = sum(contains(text, term) for text in texts)
        page = answer(corpus.client, "/v1/search", q=term, type="measures,budget-lines", limit=1)
        assert page["meta"]["total"] == expected, term


def test_a_note_names_ten_values_at_most(corpus: Corpus) -> None:
    ministries = corpus.ask(
        "SELECT count(DISTINCT ministry_id) FROM measure_ministries JOIN organizations o ON ministry_id = o.id"
        " WHERE name_ja LIKE '%省'"
    )[0][0]
    (note,) = answer(corpus.client, "/v1/measures", q="省")["meta"]["notes"]
    assert note["en"].count("ministry=") == min(ministries, 10)
    assert ("…" in note["en"]) == (ministries > 10)


def test_a_download_holds_every_line(corpus: Corpus, request: pytest.FixtureRequest) -> None:
    with corpus.client.stream("GET", "/v1/exports/budget-lines.csv") as response:
        rows = sum(chunk.count(b"\n") for chunk in response.iter_bytes())
    assert rows == 1 + request.node.callspec.params["corpus"]
