"""What the benchmark is made of, without its clock: questions, languages, tables, and the corpus it runs on."""

import sqlite3
from contextlib import closing
from io import BytesIO
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
import uvicorn
from click.testing import CliRunner

from app.cli import main
from app.seeding.build import check
from tests.bench import languages, references, sql, table
from tests.bench.measure import Measured, Supply
from tests.bench.questions import CLASSES, RequestClass, Values
from tests.bench.scenarios import Figure
from tests.corpus import write

VALUES = Values(
    lines=10_000,
    ids=[f"m0-{place}-fy2020-supplementary" for place in range(100)],
    ministries=["mhlw", "mext", "meti"],
    modalities=["modality-0", "modality-1"],
    sections=["4.1", "4.1.1", "4.1.2"],
    years=["2019", "2020", "2021"],
    pillars=["1", "2"],
    cursors=["abc", "def"],
)


@pytest.mark.parametrize("asked", CLASSES, ids=lambda asked: asked.name)
def test_questions_of_a_class_are_distinct_and_the_same_in_every_run(asked: RequestClass) -> None:
    once, again = (list(islice(asked.questions(VALUES, Random(1)), 500)) for _ in range(2))
    assert once == again
    paths = [languages.path_of(question) for question in once]
    assert len(set(paths)) == len(paths) > 0


@pytest.mark.parametrize("asked", CLASSES, ids=lambda asked: asked.name)
def test_questions_are_valid_sql(asked: RequestClass) -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        for name, peer in sql.TABLES.items():
            database.execute(f"CREATE TABLE {name} ({peer.columns})")
        for question in islice(asked.questions(VALUES, Random(1)), 30):
            text = sql.sqlite(question)
            assert text is None or database.execute(text).fetchall() is not None
            assert (text is None) == (sql.datafusion(question) is None)


def test_a_supply_gives_each_question_once_and_ends_where_a_server_cannot_be_asked() -> None:
    (by_id,) = (each for each in CLASSES if each.name == "one by id")
    supply = Supply(by_id.questions(VALUES, Random(1)), languages.ours)
    assert supply.prepare(60)
    first = list(supply)
    assert supply.prepare(60)
    rest = list(supply)
    assert len({*first, *rest}) == len(first) + len(rest) == 100
    assert not supply.prepare(1)
    (search,) = (each for each in CLASSES if each.name == "search of every resource")
    assert not Supply(search.questions(VALUES, Random(1)), languages.plain).prepare(1)


def measured(microseconds: float) -> Measured:
    times = [0.001] * 99 + [0.2]
    return Measured(microseconds / 1e6 * 100, 1.0, 0, times, [microseconds])


def test_tables_show_ratios_with_their_targets_and_judge_them() -> None:
    name = CLASSES[1].name
    cold = {(name, "ours"): measured(200), (name, "naive"): measured(3_000), (name, "Datasette page"): measured(1_100)}
    hot = {(name, "ours"): measured(28), (name, "bare"): measured(27)}
    result = table.Result(10_000, 8, cold, hot, {name: measured(200)}, [Figure("start", "≤ 1 s", "2 s", met=False)])
    (row,) = (line for line in table.cold(result).splitlines() if line.startswith(f"| {name} "))
    assert row == f"| {name} | 200 | 14% | 5.5 × (≥ 1.3 ×) | 15 × (≥ 10 ×) | 5.5 × (≥ 6 ×) | – | – | **no** |"
    assert f"| {name} | 96.4% (≥ 92%) | 28.0 | 27.0 | 100 | yes |" in table.hot(result)
    assert "200.0 (≤ 100) | **no** |" in table.alone(result, None)
    larger = table.Result(1_000_000, 4, {(name, "ours"): measured(500)}, {}, {name: measured(500)})
    assert "2.5 × (≤ 2.5 ×)" in table.alone(larger, result)
    assert table.around(result.figures).endswith("| start | ≤ 1 s | 2 s | **no** |")


def test_the_references_run_as_the_service_does(monkeypatch: pytest.MonkeyPatch) -> None:
    served: dict[str, Any] = {}
    monkeypatch.setattr("app.cli.open_database", lambda *_: BytesIO())
    monkeypatch.setattr(uvicorn, "run", lambda *_, **options: served.update(options))
    CliRunner().invoke(main, ["serve"], catch_exceptions=False)
    here = {"factory", "host", "port", "workers", "limit_concurrency"}
    assert {name: value for name, value in served.items() if name not in here} == references.OPTIONS


def test_the_smallest_corpus_is_a_seed_without_errors(tmp_path: Path) -> None:
    write(tmp_path / "seed", 13)
    checked = check(tmp_path / "seed")
    assert checked.count == 111
