"""A build of many records: in parts, by any number of processes, with the same bytes and the same errors."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from app.query.columns import Column, row_of
from app.query.downloads import DATABASE
from app.seeding import pool, staging
from app.seeding.build import build, check
from app.seeding.entries.budgets import MeasureEntry
from app.seeding.entries.sources import OrganizationEntry
from app.seeding.errors import InvalidSeed
from app.seeding.transcript import Transcript
from app.settings import PROJECT
from tests.corpus import write

BUILD = """
import sys
from hashlib import sha256
from pathlib import Path
from app.seeding import pool, reading, rendering
from app.seeding.build import build, check
from app.seeding.errors import InvalidSeed
count, seed, path = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
pool.process_count = lambda: count
pool.SMALL_SEED = 100
reading.CHUNK = 20_000
rendering.SHARE_SIZE = 70
try:
    build(check(seed, path.parent), path)
except InvalidSeed as invalid:
    print(invalid)
else:
    for file in sorted(path.parent.rglob("*")):
        if file.is_file():
            print(file.relative_to(path.parent), sha256(file.read_bytes()).hexdigest())
"""


def made(processes: int, seed: Path, folder: Path, hash_seed: str = "0") -> str:
    """What a build by so many processes leaves, or the errors that it finds."""
    folder.mkdir()
    return subprocess.run(
        [sys.executable, "-c", BUILD, str(processes), str(seed), str(folder / "s.sqlite")],
        cwd=PROJECT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def change(path: Path, *changes: Callable[[dict[str, object]], object]) -> None:
    """Changes the first entries of a bulk file, one each."""
    lines = path.read_bytes().splitlines()
    for place, each in enumerate(changes):
        entry = orjson.loads(lines[place])
        each(entry)
        lines[place] = orjson.dumps(entry)
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def errors_of(seed: Path) -> list[str]:
    with pytest.raises(InvalidSeed) as caught:
        check(seed)
    return [str(error) for error in caught.value.errors]


@pytest.mark.slow
def test_any_number_of_processes_gives_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "seed", 300)
    one, *others = (
        made(count, tmp_path / "seed", tmp_path / f"by-{count}", hash_seed)
        for count, hash_seed in ((1, "0"), (2, "1"), (3, "42"))
    )
    assert "s.sqlite" in one
    assert "datapackage.zip" in one
    assert others == [one, one]


@pytest.mark.slow
def test_any_number_of_processes_finds_the_same_errors(tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    write(seed, 300)
    change(seed / "corpus-1" / "measures.ndjson", lambda m: m.update(sections=["cs-4.9"]), lambda m: m.update(kind="x"))
    change(seed / "corpus-2" / "budget-lines.ndjson", lambda line: line.update(package="p9-2018"))
    one, two = (made(count, seed, tmp_path / f"by-{count}") for count in (1, 2))
    assert one == two
    errors = one.splitlines()
    assert any(
        error.startswith("seed/corpus-1/measures.ndjson:1: `cs-4.9` is no id in sections.yaml") for error in errors
    )
    assert any(error.startswith("seed/corpus-1/measures.ndjson:2: `kind`") for error in errors)
    assert any(error.startswith("seed/corpus-2/budget-lines.ndjson:1: `p9-2018` is no id") for error in errors)
    assert len(errors) == 3
    assert list((tmp_path / "by-2").iterdir()) == []


def test_an_error_in_one_share_is_found_when_the_next_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.seeding.rendering.SHARE_SIZE", 20)
    seed = tmp_path / "seed"
    write(seed, 40)
    change(seed / "corpus-0" / "budget-lines.ndjson", lambda line: line["evidence"][0].update(quote="別の言葉"))  # type: ignore[index]
    errors = errors_of(seed)
    assert errors
    assert all(error.startswith("seed/corpus-0/budget-lines.ndjson:1: ") for error in errors)


@pytest.mark.slow
def test_a_process_that_fails_fails_the_build_and_leaves_nothing(tmp_path: Path) -> None:
    write(tmp_path / "seed", 60)
    (tmp_path / "made").mkdir()
    failing = BUILD.replace("try:", "rendering.csv_of = lambda _: 1 / 0\ntry:", 1)
    result = subprocess.run(
        [sys.executable, "-c", failing, "2", str(tmp_path / "seed"), str(tmp_path / "made" / "s.sqlite")],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "ZeroDivisionError" in result.stderr
    assert list((tmp_path / "made").iterdir()) == []


def test_an_id_that_is_taken_is_told_in_bulk_files_too(tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    write(seed, 40)
    path = seed / "corpus-0" / "measures.ndjson"
    first, second, *rest = path.read_bytes().splitlines()
    faulty = second.replace(b'"kind":"', b'"kind":"x')
    path.write_bytes(b"\n".join([first, first, second, *rest, faulty, b""]))
    one, two = (orjson.loads(line)["id"] for line in (first, second))
    name = "seed/corpus-0/measures.ndjson"
    mend = "choose another, or merge the two"
    assert errors_of(seed) == [
        f"{name}:2: the id `{one}` is already taken at {name}:1: {mend}",
        f"{name}:{len(rest) + 4}: the id `{two}` is already taken at {name}:3: {mend}",
    ]


def test_an_id_that_a_faulty_entry_has_is_taken(tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    write(seed, 40)
    path = seed / "corpus-0" / "measures.ndjson"
    first, *rest = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([first.replace(b'"kind":"', b'"kind":"x'), first, *rest, b"{", b""]))
    errors, taken = errors_of(seed), orjson.loads(first)["id"]
    mend = "choose another, or merge the two"
    assert f"seed/corpus-0/measures.ndjson:2: the id `{taken}` is already taken: {mend}" in errors
    assert any(error.startswith("seed/corpus-0/measures.ndjson:1: `kind`") for error in errors)


def test_what_only_a_lenient_reader_takes_is_read_as_before(tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    write(seed, 40)
    path = seed / "corpus-0" / "notes.ndjson"
    more = b'{"id": "half", "ja": "\\ud800", "en": "x"}\n{"id": "quoted", "ja": "\\u0022", "en": "x"}\n'
    path.write_bytes(path.read_bytes() + more)
    (error,) = errors_of(seed)
    assert error.startswith("seed/corpus-0/notes.ndjson:2: str is not valid UTF-8: surrogates not allowed")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\\ud800", b"x"))
    assert check(seed).count > 150


def test_a_transcript_of_no_document_is_told(tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    write(seed, 40)
    (seed / "corpus-9").mkdir()
    (seed / "corpus-9" / "transcript.md").write_text("words\n")
    assert errors_of(seed) == [
        "seed/corpus-9/transcript.md:1: no entry in documents.yaml is `corpus-9`: describe the document there"
    ]


def test_no_id_is_sought_that_was_meant_among_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seed = tmp_path / "seed"
    write(seed, 40)
    pillar = orjson.loads((seed / "corpus-0" / "pillars.ndjson").read_bytes().splitlines()[0])["id"]
    meant = f"{pillar[0]}{pillar}"
    change(seed / "corpus-0" / "budget-lines.ndjson", lambda line: line.update(pillar=meant))
    assert any(f"did you mean `{pillar}`" in error for error in errors_of(seed))
    monkeypatch.setattr("app.seeding.links.MAX_COMPARED", 3)
    assert any(f"`{meant}` is no id in pillars.yaml: add it to" in error for error in errors_of(seed))


def test_a_transcript_is_written_line_by_line(tmp_path: Path) -> None:
    write(tmp_path / "seed", 13)
    build(check(tmp_path / "seed"), tmp_path / "s.sqlite")
    lines = (tmp_path / "seed" / "corpus-0" / "transcript.md").read_text().splitlines()
    (folder,) = tmp_path.glob("s.sqlite.*")
    for path in (tmp_path / "s.sqlite", folder / DATABASE):
        with closing(sqlite3.connect(path)) as database:
            rows = database.execute("SELECT number, text FROM transcript_lines WHERE document_id = 'corpus-0'")
            assert rows.fetchall() == list(enumerate(lines, 1))


def test_temporary_files_are_removed_with_the_checked_seed(tmp_path: Path) -> None:
    write(tmp_path / "seed", 13)
    (tmp_path / "made").mkdir()
    checked = check(tmp_path / "seed", tmp_path / "made")
    assert [each.suffix for each in (tmp_path / "made").iterdir()] == [".records"]
    assert build(checked, tmp_path / "s.sqlite") == checked.history.versions[-1].header.digest
    del checked
    assert list((tmp_path / "made").iterdir()) == []


def test_there_are_as_many_processes_as_cores_where_they_can_be_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pool.process_count() >= 1
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert pool.process_count() == 3
    monkeypatch.setattr("multiprocessing.get_all_start_methods", lambda: ["spawn"])
    assert pool.process_count() == 1


def test_entries_are_kept_for_a_while_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "CACHE_SIZE", 10)
    write(tmp_path / "seed", 40)
    checked = check(tmp_path / "seed")
    seed = checked.seed
    measures = list(seed.each(MeasureEntry))
    assert len(measures) > 10
    assert [seed.get(MeasureEntry, measure.id) for measure in measures] == measures
    first = seed.get(OrganizationEntry, "mhlw")
    assert seed.get(OrganizationEntry, "mhlw") is first
    with pytest.raises(KeyError):
        seed.get(OrganizationEntry, "none")


def test_a_look_up_of_many_entries_leaves_the_cache_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "seed", 40)
    (tmp_path / "seed" / "stages.ndjson").touch()  # a file without entries
    usual = check(tmp_path / "seed")
    monkeypatch.setattr(staging, "MAX_CACHED_AT_ONCE", 0)
    small = check(tmp_path / "seed")
    assert small.history.versions[-1].header == usual.history.versions[-1].header


def test_a_transcript_gives_its_lines() -> None:
    transcript = Transcript("t", "一\n二\n\n四\n".encode(), "")
    assert (list(transcript), len(transcript)) == (["一", "二", "", "四"], 4)
    assert transcript.lines(2, 3) == ["二", ""]


def test_a_list_within_a_part_has_its_column() -> None:
    column = Column("part_names", "string", "", ("part", "names"), many=True)
    assert row_of([column])({"part": {"names": ["a", "b;c"]}}) == ["a;b\\;c"]
    assert row_of([column])({"part": None}) == [None]
