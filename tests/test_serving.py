"""Serving: a database that can be served or not, that is replaced meanwhile, and the processes that serve it."""

import gc
import logging
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy
from click.testing import CliRunner

from app.cli import main
from app.db.base import Contains, InList, Unusable
from app.db.sqlite import connect
from app.log import TextFormatter
from app.main import application, create_app
from app.query.snapshot import Snapshot, Snapshots
from app.resources.schema import schema_version
from app.seeding.build import build, check
from app.settings import PROJECT, Settings
from tests.conftest import answer, copied, eventually, get, process, serving, visible


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "app.cli", *arguments]


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
            connection.execute("UPDATE serving_value SET data = CAST('older' AS BLOB) WHERE name = 'schema'")
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
def test_an_unusable_database_is_told_with_what_mends_it(
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


def test_a_path_with_a_line_break_begins_no_line_of_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a\nINFO: all is well\x1b[2J"
    monkeypatch.setenv("SHISAKU_DATABASE", str(path))
    for arguments in (("serve", "--port", "0"), ("verify",), ("build", "--if-needed", "--seed", str(tmp_path))):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 1
        assert not [line for line in result.stderr.splitlines() if line.startswith("INFO")], result.stderr
        assert "\\nINFO: all is well\\x1b[2J" in result.stderr
        if arguments[0] == "serve":
            assert result.stderr.startswith("Error: ")
            assert result.stderr.count("\n") == 1  # an error is one line
    with pytest.raises(SystemExit, match=r"a\\nINFO"):
        application()
    record = logging.LogRecord("shisaku", logging.INFO, "", 0, "%s", (f"{path}　x",), None)
    assert TextFormatter("%(levelname)s: %(message)s").format(record).count("\n") == 0
    assert TextFormatter("%(message)s").format(record).endswith("\\x1b[2J　x")


WITHOUT_BUILD = """
import asyncio, importlib.util, sys
sys.modules["pyarrow"] = None
import httpx
from app.main import application
assert importlib.util.find_spec("app.seeding") is None
async def ask():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application()), base_url="http://a.example") as client:
        for path in sys.argv[1:]:
            print((await client.get(path)).status_code)
asyncio.run(ask())
print([name for name in sys.modules if name.startswith(("psycopg", "app.db.postgres"))])
"""


@pytest.mark.slow
def test_a_file_is_served_without_the_build_package_and_the_driver_of_postgresql(
    first: Settings, tmp_path: Path
) -> None:
    shutil.copytree(PROJECT / "app", tmp_path / "app", ignore=shutil.ignore_patterns("seeding", "__pycache__"))
    paths = ("/v1/measures", "/v1/budget-summary?group_by=ministry", "/v1/exports/stages.parquet", "/docs")
    printed = subprocess.run(
        [sys.executable, "-c", WITHOUT_BUILD, *paths],
        cwd=tmp_path,
        env={**os.environ, "SHISAKU_DATABASE": str(first.database), "SHISAKU_ACCESS_LOG": "0"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    assert printed.split() == ["200"] * len(paths) + ["[]"]


def test_a_newer_database_is_served_without_a_restart(
    second: Settings, first_seed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copied(second, tmp_path)
    monkeypatch.setattr("app.query.snapshot.POLL_SECONDS", 0.02)
    with serving(Settings(database=path, cache_bytes=0)) as client:
        old = answer(client, "/v1/measures?limit=1")
        reading = sqlite3.connect(path)
        assert answer(client, "/v1")["dataset"]["version"] == "0.1.0"
        build(check(first_seed), path)
        assert reading.execute("SELECT value FROM dataset WHERE fact = 'version'").fetchone() == (
            "0.1.0",
        )  # its file is another one now
        reading.close()
        eventually(lambda: answer(client, "/v1")["dataset"]["version"] == "1.0.0")
        kept = answer(client, old["links"]["next"])  # of the build before, to whose pages the cursor belongs
        assert (kept["meta"]["dataset"]["version"], kept["meta"]["total"]) == ("0.1.0", old["meta"]["total"])
        path.unlink()
        assert answer(client, "/v1")["dataset"]["version"] == "1.0.0"
        assert answer(client, "/readyz", 503)["title"] == "Service Unavailable"
        path.write_bytes(b"")
        assert answer(client, "/v1")["dataset"]["version"] == "1.0.0"


def test_processes_that_change_over_at_different_times_take_each_others_cursors(
    first: Settings, second: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.query.snapshot.POLL_SECONDS", 3600.0)
    path = copied(second, tmp_path)
    early, late = create_app(Settings(database=path)), create_app(Settings(database=path))
    with serving(early) as ahead, serving(late) as behind:
        old = answer(ahead, "/v1/measures?limit=1")["links"]["next"]
        copied(first, tmp_path)
        early.state.snapshots.renew()
        assert answer(behind, "/v1/measures?limit=2")["meta"]["dataset"]["version"] == "0.1.0"
        new = answer(ahead, "/v1/measures?limit=1")["links"]["next"]
        pages = [answer(each, url) for url in (new, old) for each in (ahead, behind)]
        assert [page["meta"]["dataset"]["version"] for page in pages] == ["1.0.0", "1.0.0", "0.1.0", "0.1.0"]
        assert pages[0] == pages[1]
        assert pages[2] == pages[3]
        # Only the build before is kept, and for a time.
        monkeypatch.setattr(early.state.snapshots, "_forget_at", 0.0)
        early.state.snapshots.poll()
        (error,) = answer(ahead, old, 410)["errors"]
        assert error["parameter"] == "cursor"
        assert "Start again from the first page" in error["message"]
        assert ahead.get(old.replace("/v1/", "/")).status_code == 410  # a page
        assert "Start again" in ahead.get(old.replace("/v1/", "/")).text
        assert answer(ahead, new.replace("limit=1", "limit=3"))["data"]
        assert answer(ahead, new.replace("measures", "pillars"), 422)["errors"][0]["parameter"] == "cursor"
        assert answer(ahead, new[:-3], 422)["errors"][0]["parameter"] == "cursor"


def test_a_replaced_database_is_closed_after_its_last_use(
    first: Settings, second: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copied(second, tmp_path)
    monkeypatch.setattr("app.query.snapshot.PREVIOUS_SECONDS", 0.0)
    snapshots = Snapshots(Settings(database=path), schema_version())
    old = weakref.ref(snapshots.current().database)
    copied(first, tmp_path)
    snapshots.poll()
    snapshots.close()
    assert snapshots.current().dataset.version.version == "1.0.0"
    gc.collect()
    assert old() is None
    links = [str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    assert not [link for link in links if str(path) in link and "deleted" in link]


def test_a_newer_database_that_cannot_be_opened_is_tried_again(
    first: Settings, second: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = copied(second, tmp_path)
    snapshots = Snapshots(Settings(database=path), schema_version())
    snapshots.close()
    monkeypatch.setattr("app.query.snapshot.INTERVAL_FACTOR", 0)
    copied(first, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("app.query.snapshot.open_database", lambda *_: 1 / 0)
        for _ in range(3):
            snapshots.renew()
            assert snapshots.current().dataset.version.version == "0.1.0"
    assert caplog.text.count("still serving the old database") == 1
    snapshots.renew()
    assert snapshots.current().dataset.version.version == "1.0.0"


def test_a_file_that_may_not_be_read_is_told(first: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr("app.db.sqlite.connect", refuse)
    with pytest.raises(Unusable, match="cannot be opened"):
        Snapshots(first, schema_version())


def test_what_was_opened_is_closed_when_the_file_disappears_meanwhile(
    first: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[sqlite3.Connection] = []

    def connect_twice(path: Path) -> sqlite3.Connection:
        if len(opened) == 2:
            raise sqlite3.OperationalError("unable to open database file")
        opened.append(connect(path))
        return opened[-1]

    monkeypatch.setattr("app.db.sqlite.connect", connect_twice)
    with pytest.raises(sqlite3.OperationalError):
        Snapshots(first, schema_version())
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[-1].execute("SELECT 1")


def test_a_build_that_comes_while_the_file_is_opened_is_opened_whole(
    first: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = iter([(1, 1, 1, 1), (1, 1, 1, 1), (2, 2, 2, 2), (2, 2, 2, 2), (2, 2, 2, 2)])
    monkeypatch.setattr("app.db.sqlite.file_identity", lambda _: next(seen))
    assert Snapshot.open(first, schema_version()).database.identity == (2, 2, 2, 2)


@pytest.mark.slow
def test_a_killed_server_starts_again_and_a_killed_worker_is_replaced(first: Settings, tmp_path: Path) -> None:
    with process(first, tmp_path) as server:
        assert get(f"{server.url}/v1").status_code == 200
        os.kill(server.pid, signal.SIGKILL)
    with process(first, tmp_path, "--workers", "2") as server:
        eventually(lambda: len(children(server.pid)) == 2)
        killed = children(server.pid)[0]
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: killed not in children(server.pid) and len(children(server.pid)) == 2)
        eventually(lambda: answers(server.url))


def answers(url: str) -> bool:
    with suppress(httpx.TransportError):  # before a process listens
        return get(f"{url}/v1").status_code == 200
    return False


def children(pid: int) -> list[int]:
    """The processes that a process has started, but for that which ends what they share."""
    found = []
    for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(OSError):  # it has ended meanwhile
            if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes():
                found.append(int(each))
    return found


@pytest.mark.slow
def test_the_server_stops_at_sigterm(first: Settings) -> None:
    process = subprocess.Popen(
        command("serve", "--port", "0"),
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
    assert process.wait(timeout=60) in (0, -signal.SIGTERM)
    process.stderr.close()


@pytest.mark.skipif(sys.platform != "linux", reason="one of two processes is stopped by a signal")
@pytest.mark.slow
def test_two_processes_give_the_same_answers(first: Settings, tmp_path: Path) -> None:
    environment = {**os.environ, "SHISAKU_DATABASE": str(first.database)}
    log = tmp_path / "log"
    with (
        log.open("w") as written,
        subprocess.Popen(
            command("serve", "--workers", "2", "--port", "0"), cwd=PROJECT, env=environment, stderr=written
        ) as process,
    ):
        try:
            eventually(lambda: log.read_text().count("startup complete") == 2)
            port = re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text())
            assert port
            processes = [int(found) for found in re.findall(r"Started server process \[(\d+)\]", log.read_text())]
            found = [answers_while_stopped(other, int(port[1])) for other in processes]
            assert len(found) == 2
            assert found[0] == found[1]
        finally:
            process.terminate()


def answers_while_stopped(other: int, port: int) -> list[object]:
    """What the one process says to every kind of question, twice, while the other is stopped."""
    paths = ("/v1", "/v1/measures?limit=3&facet=kind", "/v1/search?q=%E8%96%AC", "/v1/exports/stages.csv", "/nowhere",
             "/v1/budget-summary?group_by=ministry,pillar", "/v1/crosswalk", "/v1/measures?x=1", "/docs")  # fmt: skip
    os.kill(other, signal.SIGSTOP)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            answers = [client.get(path) for path in (*paths, *paths)]
    finally:
        os.kill(other, signal.SIGCONT)
    return [visible(each) for each in answers]


def test_statements_with_conditions_of_our_own_are_compiled_once() -> None:
    table = sqlalchemy.table("lines", sqlalchemy.column("id", sqlalchemy.Text))
    compiled: dict[Any, Any] = {}
    with sqlalchemy.create_engine("sqlite://").connect() as connection:
        connection.exec_driver_sql("CREATE TABLE lines (id TEXT)")
        for _ in range(2):
            statement = sqlalchemy.select(table).where(InList(table.c.id, "ids"), Contains(table.c.id, "text"))
            connection.execute(statement, {"ids": "[]", "text": ""}, execution_options={"compiled_cache": compiled})
    connection.engine.dispose()
    assert len(compiled) == 1
