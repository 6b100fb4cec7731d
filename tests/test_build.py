"""A build is whole or not at all, the same from the same seed, and served only when it is of this code."""

import gc
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main
from app.db import Unusable
from app.main import application, create_app
from app.reading.service import Service
from app.seeding.build import SEED, build, check
from app.settings import PROJECT, Settings
from tests.conftest import ALONE, answer, serving, walk


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a shell would run it."""
    env = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments], cwd=PROJECT, env=env, capture_output=True, text=True, check=False
    )


def test_the_same_seed_gives_the_same_digest_and_bytes(tmp_path: Path) -> None:
    paths = [tmp_path / "one.sqlite", tmp_path / "two.sqlite"]
    digests = {build(check(SEED), path) for path in paths}
    assert len(digests) == 1
    assert paths[0].read_bytes() == paths[1].read_bytes()


ASK = """
import hashlib, os, sys
from pathlib import Path
from app.main import create_app
from app.seeding.build import SEED, build, check
from app.settings import Settings
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


def test_other_processes_and_hash_seeds_give_the_same_bytes(tmp_path: Path) -> None:
    answers = set()
    for hash_seed in ("0", "1", "4242"):
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


@pytest.mark.parametrize("when", ["Writing", "Downloads"])
def test_a_build_that_fails_leaves_the_old_database(when: str, tmp_path: Path) -> None:
    path = tmp_path / "shisaku.sqlite"
    build(check(ALONE), path)
    before = path.read_bytes()

    @contextmanager
    def interrupt(name: str, _: int) -> Iterator[Callable[[int], None]]:
        if name == when:
            raise KeyboardInterrupt
        yield lambda _: None

    with pytest.raises(KeyboardInterrupt):
        build(check(SEED), path, interrupt)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["shisaku.sqlite"]
    assert not list(tmp_path.glob(".*"))


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("SHISAKU_DATABASE", str(blocked / "shisaku.sqlite"))
    result = CliRunner().invoke(main, ["build"])
    assert result.exit_code == 1
    assert "The old database, if there was one, stands." in result.output


def damaged(name: str, path: Path, good: Path) -> None:
    """A database as it must not be served."""
    data = good.read_bytes()
    match name:
        case "missing":
            pass
        case "empty":
            path.write_bytes(b"")
        case "truncated":
            path.write_bytes(data[: len(data) // 2])
        case "cut short":
            path.write_bytes(data[:-100])
        case "not SQLite":
            path.write_bytes(b"id,name\n" * 1_000)
        case "another database":
            sqlite3.connect(path).execute("CREATE TABLE t (x)").connection.close()
        case "an older schema":
            path.write_bytes(data)
            connection = sqlite3.connect(path)
            connection.execute("UPDATE dataset SET schema = 'older'")
            connection.commit()
            connection.close()
        case "a folder":
            path.mkdir()


DAMAGES = [
    "missing",
    "empty",
    "truncated",
    "cut short",
    "not SQLite",
    "another database",
    "an older schema",
    "a folder",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_database_that_cannot_be_served_is_told_with_what_mends_it(
    damage: str, first: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shisaku.sqlite"
    damaged(damage, path, first.database)
    with pytest.raises(Unusable, match=r"shisaku\.sqlite: .*Run `shisaku build`\."):
        create_app(Settings(database=path))
    monkeypatch.setenv("SHISAKU_DATABASE", str(path))
    with pytest.raises(SystemExit, match=r"Run `shisaku build`\."):
        application()
    result = CliRunner().invoke(main, ["serve"])
    assert result.exit_code == 1
    assert str(path) in result.output
    assert "Run `shisaku build`." in result.output
    assert "Traceback" not in result.output


def test_serve_without_a_database_is_one_clear_line(tmp_path: Path) -> None:
    result = run("serve", "--port", "0", SHISAKU_DATABASE=str(tmp_path / "no.sqlite"))
    assert result.returncode == 1
    assert result.stderr.strip().startswith("Error: ")
    assert len(result.stderr.strip().splitlines()) == 1


def test_build_if_needed_builds_once(tmp_path: Path) -> None:
    path = tmp_path / "data" / "shisaku.sqlite"
    made = run("build", "--if-needed", SHISAKU_DATABASE=str(path))
    assert made.returncode == 0
    assert "there is no database here" in made.stderr
    before = path.stat().st_mtime_ns
    again = run("build", "--if-needed", SHISAKU_DATABASE=str(path))
    assert (again.returncode, again.stdout) == (0, "")
    assert path.stat().st_mtime_ns == before


def test_a_new_database_is_served_without_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "shisaku.sqlite"
    build(check(ALONE), path)
    monkeypatch.setattr("app.reading.service.LOOK_EVERY", 0.0)
    with serving(create_app(Settings(database=path))) as client:
        old = answer(client, "/v1/measures?limit=1")
        reading = sqlite3.connect(path)
        assert answer(client, "/v1")["dataset"]["version"] == "0.1.0"
        build(check(SEED), path)
        assert reading.execute("SELECT version FROM dataset").fetchone() == ("0.1.0",)  # its file is another one now
        reading.close()
        assert answer(client, "/v1")["dataset"]["version"] == "1.0.0"
        (error,) = answer(client, old["links"]["next"], 422)["errors"]
        assert error["parameter"] == "cursor"
        path.unlink()
        assert answer(client, "/v1")["dataset"]["version"] == "1.0.0"
        assert answer(client, "/readyz", 503)["title"] == "Service Unavailable"
        path.write_bytes(b"")
        assert answer(client, "/v1")["dataset"]["version"] == "1.0.0"


def test_an_old_database_is_closed_when_the_last_answer_from_it_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shisaku.sqlite"
    build(check(ALONE), path)
    monkeypatch.setattr("app.reading.service.LOOK_EVERY", -1.0)
    service = Service(Settings(database=path))
    old = weakref.ref(service.now().database)
    build(check(SEED), path)
    assert service.now().dataset.version.version == "1.0.0"
    gc.collect()
    assert old() is None
    links = [str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    assert not [link for link in links if str(path) in link and "deleted" in link]


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


def test_a_seed_without_sections_is_served(tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    shutil.copytree(ALONE, seed)
    for name in ("crosswalk", "sections", "strategies", "measures", "budget-lines"):
        next(seed.glob(f"*/{name}.yaml")).unlink()
    build(check(seed), tmp_path / "s.sqlite")
    with serving(create_app(Settings(database=tmp_path / "s.sqlite"))) as client:
        assert answer(client, "/v1/crosswalk")["data"] == []


def test_a_new_database_that_could_not_be_opened_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "shisaku.sqlite"
    build(check(ALONE), path)
    service = Service(Settings(database=path))
    monkeypatch.setattr("app.reading.service.LOOK_EVERY", -1.0)
    build(check(SEED), path)
    with monkeypatch.context() as patch:
        patch.setattr("app.reading.service.opened", lambda _: 1 / 0)
        for _ in range(3):
            assert service.now().dataset.version.version == "0.1.0"
    assert caplog.text.count("still serving the old database") == 1
    assert service.now().dataset.version.version == "1.0.0"


def test_a_file_that_may_not_be_read_is_told(first: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr("app.db.sqlite._open", refuse)
    with pytest.raises(Unusable, match="cannot be opened"):
        Service(first)


def test_a_build_that_comes_while_the_file_is_opened_is_opened_whole(
    first: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = iter([(1, 1, 1), (1, 1, 1), (2, 2, 2), (2, 2, 2), (2, 2, 2)])
    monkeypatch.setattr("app.db.sqlite.identity", lambda _: next(seen))
    assert Service(first).now().database.identity == (2, 2, 2)


def test_the_service_looks_at_the_file_only_now_and_then(first: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(first)
    snapshot = service.now()
    monkeypatch.setattr(service, "renew", lambda: pytest.fail("looked at once"))
    assert service.now() is snapshot


def test_a_seed_without_faults_is_said_to_be_so() -> None:
    result = CliRunner().invoke(main, ["check"])
    assert result.exit_code == 0
    assert re.fullmatch(r"\d+ records, no faults\n", result.output)


def test_many_documents_are_attributed_where_they_are_listed(
    both_seed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.seeding.build.MAX_ATTRIBUTIONS", 1)
    path = tmp_path / "shisaku.sqlite"
    build(check(both_seed), path)
    with serving(create_app(Settings(database=path))) as client:
        assert "/v1/documents" in answer(client, "/v1")["attribution"]


def test_generated_files_are_what_the_code_gives() -> None:
    for name in ("openapi", "schemas"):
        assert CliRunner().invoke(main, [name, "--check"]).exit_code == 0


def test_generated_files_that_are_old_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.openapi.COMMITTED", tmp_path / "openapi.json")
    result = CliRunner().invoke(main, ["openapi", "--check"])
    assert result.exit_code == 1
    assert "make openapi" in result.output
    assert CliRunner().invoke(main, ["openapi"]).exit_code == 0
    assert CliRunner().invoke(main, ["openapi", "--check"]).exit_code == 0


def test_it_stops_when_told(first: Settings) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve", "--port", "0"],
        cwd=PROJECT,
        env={**os.environ, "SHISAKU_DATABASE": str(first.database)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    for line in process.stderr:
        if "running on" in line:
            break
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=15) in (0, -signal.SIGTERM)
    process.stderr.close()
