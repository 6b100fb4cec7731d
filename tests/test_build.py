"""A build is whole or not at all, the same from the same seed, and served only when it is of this code."""

import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli import main
from app.db.base import Unusable
from app.main import create_app
from app.query.snapshot import Snapshot
from app.resources.schema import schema_version
from app.seeding.build import build, check
from app.seeding.sqlite import SqliteTarget
from app.settings import PROJECT, Settings
from tests.conftest import ALONE, answer, copied, eventually, serving, walk

LOCK = ".shisaku.sqlite.lock"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a shell would run it."""
    env = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments], cwd=PROJECT, env=env, capture_output=True, text=True, check=False
    )


def test_a_database_whose_values_have_another_form_is_not_served(
    first: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.resources.schema.FORM", 0)
    with pytest.raises(Unusable, match="was built by another version"):
        Snapshot.open(first, schema_version())


def test_the_same_seed_gives_the_same_digest_and_bytes(first: Settings, first_seed: Path, tmp_path: Path) -> None:
    digest = build(check(first_seed), tmp_path / "again.sqlite")
    assert digest == Snapshot.open(first, schema_version()).dataset.version.digest
    assert (tmp_path / "again.sqlite").read_bytes() == first.database.read_bytes()


ASK = """
import hashlib, os, sys
from pathlib import Path
from app.main import create_app
from app.seeding.build import build, check
from app.settings import SEED, Settings
from tests.conftest import serving
path = Path(sys.argv[1])
build(check(SEED), path)
found = hashlib.sha256()
with serving(create_app(Settings(database=path))) as client:
    resources = client.get("/v1").json()["resources"]
    urls = ["/v1", "/v1/crosswalk", "/v1/budget-summary?group_by=section,modality", "/v1/search?q=薬", "/openapi.json"]
    urls += [f"{each['list_path']}?facet={','.join(each['facets'])}" for each in resources if each["facets"]]
    urls += [f"{each['list_path']}?x=1" for each in resources]
    for url in urls:
        response = client.get(url)
        del response.headers["date"]
        found.update(repr(sorted(response.headers.items())).encode() + response.content)
print(found.hexdigest())
"""


@pytest.mark.slow
def test_other_processes_and_hash_seeds_give_the_same_bytes(tmp_path: Path) -> None:
    answers = set()
    for hash_seed in ("0", "4242"):
        result = subprocess.run(
            [sys.executable, "-c", ASK, str(tmp_path / f"{hash_seed}.sqlite")],
            cwd=PROJECT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        answers.add(result.stdout)
    assert len(answers) == 1


def test_a_build_closes_every_file_that_it_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.13 and newer warn of a connection that is left to the garbage collector."""
    closed: dict[sqlite3.Connection, bool] = {}

    class Recorded(sqlite3.Connection):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            closed[self] = False

        def close(self) -> None:
            closed[self] = True
            super().close()

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Recorded))
    build(check(ALONE), tmp_path / "s.sqlite")
    assert len(closed) > 1
    assert all(closed.values())


@pytest.mark.parametrize("when", ["Writing", "Downloads"])
def test_a_build_that_fails_leaves_the_old_database(
    second: Settings, first_seed: Path, when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copied(second, tmp_path)
    before = path.read_bytes()

    @contextmanager
    def interrupt(name: str, _: int) -> Iterator[Callable[[int], None]]:
        if name == when:
            raise KeyboardInterrupt
        yield lambda _: None

    monkeypatch.setattr("app.seeding.build.progress", interrupt)
    with pytest.raises(KeyboardInterrupt):
        build(check(first_seed), path)
    assert path.read_bytes() == before
    assert {each.name for each in tmp_path.iterdir() if each.is_file()} == {"shisaku.sqlite", LOCK}
    assert [each.name for each in tmp_path.glob(".*")] == [LOCK]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a process is killed by a signal")
def test_what_a_killed_build_leaves_is_removed_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "shisaku.sqlite"
    others = [tmp_path / name for name in (".shisaku.sqlite", ".other.sqlite.abc.building", ".shisaku.sqlite.building")]
    for other in others:
        other.mkdir()
    for seconds in (0.0, 0.3):
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "build"], cwd=PROJECT, env={**os.environ, "SHISAKU_DATABASE": str(path)}
        )
        eventually(lambda: len(list(tmp_path.glob(".shisaku.sqlite.*.building"))) > 0)
        time.sleep(seconds)
        process.kill()
        process.wait()
        assert len(list(tmp_path.glob(".shisaku.sqlite.*.building"))) == 1  # that of the one before is gone
    assert not path.exists()
    build(check(ALONE), path)
    folders = {each for each in tmp_path.iterdir() if each.name.startswith(".") and each.is_dir()}
    assert folders == set(others)


def test_one_build_of_a_file_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "shisaku.sqlite"
    monkeypatch.setenv("SHISAKU_DATABASE", str(path))
    with SqliteTarget(path).building():
        result = CliRunner().invoke(main, ["build", "--seed", str(ALONE)])
        assert (result.exit_code, path.exists()) == (1, False)
        assert result.output == f"Error: {path}: another build of it is running. Wait for it, then build again.\n"
    with SqliteTarget(tmp_path / "other.sqlite").building():
        assert CliRunner().invoke(main, ["build", "--seed", str(ALONE)]).exit_code == 0


@pytest.mark.parametrize("blocked", [LOCK, f"{LOCK}-journal"])  # when it is opened, and when it is locked
def test_a_folder_in_which_nothing_can_be_locked_is_told(
    blocked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHISAKU_DATABASE", str(tmp_path / "shisaku.sqlite"))
    (tmp_path / blocked).mkdir()
    result = CliRunner().invoke(main, ["build", "--seed", str(ALONE)])
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert "unable to open database file. The old database, if there was one, stands." in result.output


@contextmanager
def limited(size: int) -> Iterator[None]:
    """A limit of the size of files, which this process may lift again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(sys.platform == "win32", reason="files are limited by the system")
@pytest.mark.parametrize("size", [20_000, *(pytest.param(size, marks=pytest.mark.slow) for size in (300_000, 900_000))])
def test_a_disk_that_is_full_ends_a_build_in_a_sentence(
    size: int, second: Settings, first_seed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of the size of files, which meets the build at several of its steps, as a full disk does."""
    path = copied(second, tmp_path)
    before = path.read_bytes()
    monkeypatch.setenv("SHISAKU_DATABASE", str(path))
    with limited(size):
        result = CliRunner().invoke(main, ["build", "--seed", str(first_seed)])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: "), result.stderr
    assert result.stderr.endswith("The old database, if there was one, stands.\n")
    assert result.stderr.count("\n") == 1
    assert path.read_bytes() == before
    assert not list(tmp_path.glob(".*.building"))


def test_a_process_that_is_ended_from_outside_ends_a_build_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_: object) -> None:
        raise BrokenProcessPool

    monkeypatch.setenv("SHISAKU_DATABASE", str(tmp_path / "shisaku.sqlite"))
    monkeypatch.setattr("app.seeding.build.write", ended)
    result = CliRunner().invoke(main, ["build", "--seed", str(ALONE)])
    assert result.exit_code == 1
    assert "perhaps for want of memory. The old database" in result.output


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("SHISAKU_DATABASE", str(blocked / "shisaku.sqlite"))
    result = CliRunner().invoke(main, ["build"])
    assert result.exit_code == 1
    assert "The old database, if there was one, stands." in result.output


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir], ids=["pipe", "folder"])
def test_what_is_no_file_is_not_replaced(
    make: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shisaku.sqlite"
    make(path)
    monkeypatch.setenv("SHISAKU_DATABASE", str(path))
    result = CliRunner().invoke(main, ["build"])
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {path}: this is no regular file. Remove it, or name another with")
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert not path.is_file()


@pytest.mark.slow
def test_build_if_needed_builds_once(tmp_path: Path) -> None:
    path = tmp_path / "data" / "shisaku.sqlite"
    made = run("build", "--if-needed", SHISAKU_DATABASE=str(path))
    assert made.returncode == 0
    assert "there is no database here" in made.stderr
    before = path.stat().st_mtime_ns
    again = run("build", "--if-needed", SHISAKU_DATABASE=str(path))
    assert (again.returncode, again.stdout) == (0, "")
    assert path.stat().st_mtime_ns == before
    other = run("build", "--if-needed", "--seed", str(ALONE), SHISAKU_DATABASE=str(path))
    assert other.returncode == 0
    assert "was built from another seed" in other.stderr
    assert path.stat().st_mtime_ns != before
    again = run("build", "--if-needed", "--seed", str(ALONE), SHISAKU_DATABASE=str(path))
    assert (again.returncode, again.stdout) == (0, "")


def test_a_seed_of_little_is_served(tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    shutil.copytree(ALONE, seed)
    for name in ("measures", "budget-lines", "packages", "pillars", "crosswalk"):
        next(seed.glob(f"*/{name}.yaml")).unlink()
    build(check(seed), tmp_path / "s.sqlite")
    with serving(create_app(Settings(database=tmp_path / "s.sqlite"))) as client:
        for url in (
            "/v1",
            "/v1/measures?facet=pillar",
            "/v1/crosswalk",
            "/v1/budget-summary?group_by=package",
            "/v1/exports",
        ):
            answer(client, url)
        answer(client, "/v1/measures?pillar=1", 422)
        found = walk(client, "/v1/search", q="の")
        assert found
        for row in found:  # a resource without rows begins where the next one does
            assert answer(client, f"/v1/{row['type']}/{row['id']}")["name"] == row["name"]


@pytest.mark.slow
def test_a_seed_without_sections_is_served(tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    shutil.copytree(ALONE, seed)
    for name in ("crosswalk", "sections", "strategies", "measures", "budget-lines"):
        next(seed.glob(f"*/{name}.yaml")).unlink()
    build(check(seed), tmp_path / "s.sqlite")
    with serving(create_app(Settings(database=tmp_path / "s.sqlite"))) as client:
        assert answer(client, "/v1/crosswalk")["data"] == []


def test_a_seed_without_errors_is_said_to_be_so() -> None:
    result = CliRunner().invoke(main, ["check", "--seed", str(ALONE)])
    assert result.exit_code == 0
    assert re.fullmatch(r"\d+ records, no errors\n", result.output)


@pytest.mark.slow
def test_many_documents_are_attributed_where_they_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.seeding.build.MAX_ATTRIBUTIONS", 0)
    path = tmp_path / "shisaku.sqlite"
    build(check(ALONE), path)
    with serving(create_app(Settings(database=path))) as client:
        assert "/v1/documents" in answer(client, "/v1")["attribution"]


@pytest.mark.slow
def test_generated_files_are_what_the_code_gives() -> None:
    for name in ("openapi", "schemas"):
        assert CliRunner().invoke(main, [name, "--check"]).exit_code == 0


@pytest.mark.slow
def test_generated_files_that_are_old_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.openapi.COMMITTED", tmp_path / "openapi.json")
    result = CliRunner().invoke(main, ["openapi", "--check"])
    assert result.exit_code == 1
    assert "make openapi" in result.output
    assert CliRunner().invoke(main, ["openapi"]).exit_code == 0
    assert CliRunner().invoke(main, ["openapi", "--check"]).exit_code == 0
