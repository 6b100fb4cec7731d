"""Integrity: content that is not what was built is found at the start and beside serving, and is not served."""

import logging
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest
from click.testing import CliRunner

from app.cli import main
from app.db.base import INTEGRITY, Unusable
from app.db.sqlite import SqliteDatabase
from app.errors import Problem
from app.main import create_app
from app.query.cursor import Binding, Cursor, encode
from app.query.snapshot import Snapshot, Snapshots
from app.resources.schema import schema_version
from app.settings import Settings
from tests.conftest import ALONE, Client, answer, copied, eventually, serving
from tests.test_pages import opened

PLACES = 10


@pytest.fixture
def made(second: Settings, tmp_path: Path) -> Settings:
    """A database of its own."""
    return second.model_copy(update={"database": copied(second, tmp_path), "cache_bytes": 2**24})


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.query.snapshot.POLL_SECONDS", 0.02)
    monkeypatch.setattr("app.query.snapshot.VERIFY_SECONDS", 0.02)
    monkeypatch.setattr("app.query.snapshot.INTERVAL_FACTOR", 0)


@pytest.fixture
def client(made: Settings, quick: None) -> Iterator[Client]:
    with serving(made) as client:
        yield client


def flip(path: Path, place: int) -> None:
    """Inverts a byte where it stands, and leaves the times of the file as they were, as a failing disk does."""
    stat = path.stat()
    with path.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ 0xFF]))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def forge(path: Path) -> None:
    """Changes an amount in a record, as SQL would: the file stays a valid database."""
    text = path.read_bytes()
    assert text.count(b'"jpy":') > 0
    path.write_bytes(text.replace(b'"jpy":1', b'"jpy":9'))


@pytest.mark.parametrize("part", range(PLACES))
def test_a_flipped_byte_is_found_wherever_it_stands(part: int, made: Settings) -> None:
    size = made.database.stat().st_size
    flip(made.database, 100 + (size - 101) * part // (PLACES - 1))
    with pytest.raises(Unusable) as caught:
        create_app(made)
    assert "Run `shisaku build`." in str(caught.value)


def test_a_changed_amount_is_found_though_sqlite_finds_none(made: Settings) -> None:
    forge(made.database)
    connection = sqlite3.connect(made.database)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    with pytest.raises(Unusable, match="it is damaged") as caught:
        create_app(made)
    assert caught.value.check == INTEGRITY


def test_damage_beside_serving_ends_serving_until_it_is_mended(
    made: Settings, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    good = made.database.read_bytes()
    assert answer(client, "/v1/measures?limit=1")["data"]
    flip(made.database, len(good) // 2)
    eventually(lambda: client.get("/readyz").status_code == 503)
    assert answer(client, "/readyz", 503)["detail"].startswith("The check `integrity` failed: ")
    for path in ("/v1/measures?limit=1", "/v1/exports/measures.csv", "/v1/exports/dataset.sqlite", "/v1", "/measures"):
        refused = client.get(path)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60"), path
        assert refused.json()["detail"].startswith("The data here is damaged")
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    page = opened(client, "/measures", 503, Accept="text/html", **{"Accept-Language": "en"})
    assert "The data here is damaged" in page.text
    assert page.all("a", **{"class": "again"})
    sent = client.get("/measures?lang=ja", headers={"Accept": "text/html"}).headers
    assert (sent["Retry-After"], sent["Content-Language"], sent["Cache-Control"]) == ("60", "ja", "no-store")
    assert sent["Access-Control-Allow-Origin"] == "*"
    assert answer(client, "/healthz")["status"] == "ok"
    assert caplog.text.count("nothing is served: ") == 1
    flip(made.database, len(good) // 2)
    eventually(lambda: client.get("/readyz").status_code == 200)
    assert answer(client, "/v1/measures?limit=1")["data"]
    assert "the content is what was built again" in caplog.text


def test_a_file_written_to_in_its_place_is_damage_and_a_new_build_mends_it(
    second: Settings, made: Settings, client: Client
) -> None:
    old = answer(client, "/v1/measures?limit=1")["data"]
    forge(made.database)
    eventually(lambda: client.get("/v1/measures?limit=1").status_code == 503)
    assert "integrity" in answer(client, "/readyz", 503)["detail"]
    copied(second, made.database.parent)
    eventually(lambda: client.get("/readyz").status_code == 200)
    assert answer(client, "/v1/measures?limit=1")["data"] == old


def test_a_damaged_build_does_not_replace_the_one_in_service(
    made: Settings, client: Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copyfile(made.database, damaged)
    forge(damaged)
    damaged.replace(made.database)
    eventually(lambda: client.get("/readyz").status_code == 503)
    assert "integrity" in answer(client, "/readyz", 503)["detail"]
    assert answer(client, "/v1/measures?limit=1")["data"]
    assert caplog.text.count("still serving the old database") == 1
    made.database.unlink()
    eventually(lambda: "`database`" in answer(client, "/readyz", 503)["detail"])


def test_what_took_long_is_not_compared_again_at_once(made: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.query.snapshot.INTERVAL_FACTOR", 1e9)
    snapshots = Snapshots(made, schema_version())
    forge(made.database)
    snapshots.renew()
    monkeypatch.setattr("app.query.snapshot.Snapshot.open", lambda *_: pytest.fail("compared at once"))
    snapshots.renew()
    monkeypatch.setattr(SqliteDatabase, "verify", lambda _: pytest.fail("compared at once"))
    snapshots.poll()
    assert snapshots.current().damage
    snapshots.close()


def test_a_database_that_cannot_be_asked_is_not_damaged(
    made: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    snapshots = Snapshots(made, schema_version())

    def lost(_: SqliteDatabase) -> None:
        raise Problem(503, "no answer")

    monkeypatch.setattr(SqliteDatabase, "verify", lost)
    monkeypatch.setattr(snapshots, "_verify_at", 0.0)
    snapshots.poll()
    assert not snapshots.current().damage
    assert "the content was not verified: no answer" in caplog.text
    snapshots.close()


def test_a_disk_that_cannot_be_read_is_told(made: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("app.db.sqlite._digests", unreadable)
    with pytest.raises(Unusable, match=r"cannot be read \(Input/output error\)\. Run `shisaku build`\."):
        create_app(made)


def test_a_page_that_sqlite_cannot_read_is_a_refusal_and_no_fault_of_ours(
    made: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("app.query.snapshot.POLL_SECONDS", 3600.0)
    with serving(made.model_copy(update={"cache_bytes": 0})) as client:
        assert answer(client, "/v1/measures?limit=1")["data"]
        with made.database.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (made.database.stat().st_size - 8192))
        refused = client.get("/v1/search?q=緑&limit=500&type=measures")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")
        assert "cannot be read" in caplog.text


def test_verify_says_what_is_damaged(made: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHISAKU_DATABASE", str(made.database))
    good = CliRunner().invoke(main, ["verify"])
    assert (good.exit_code, good.output.count("\n")) == (0, 1)
    assert "is what was built" in good.output
    forge(made.database)
    bad = CliRunner().invoke(main, ["verify"])
    assert bad.exit_code == 1
    assert "the content is not what was built" in bad.output
    for workers in ("1", "2"):
        refused = CliRunner().invoke(main, ["serve", "--port", "0", "--workers", workers])
        assert refused.exit_code == 1
        assert "the content is not what was built" in refused.output
    assert "Traceback" not in bad.output


def test_a_damaged_database_is_built_anew_where_it_is_needed(made: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHISAKU_DATABASE", str(made.database))
    forge(made.database)
    result = CliRunner().invoke(main, ["build", "--if-needed", "--seed", str(ALONE)])
    assert result.exit_code == 0, result.output
    assert "not what was built" in result.output
    assert CliRunner().invoke(main, ["verify"]).exit_code == 0


def test_a_build_can_be_rolled_back(first: Settings, made: Settings, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    shutil.copyfile(made.database, kept)
    snapshots = Snapshots(made, schema_version())
    old = snapshots.current().dataset.version
    copied(first, made.database.parent)
    snapshots.renew()
    assert snapshots.current().dataset.version != old
    kept.replace(made.database)
    snapshots.renew()
    snapshots.check()
    assert snapshots.current().dataset.version == old
    snapshots.close()


def test_the_runbook_puts_back_a_database_with_its_downloads(
    first: Settings, second: Settings, quick: None, tmp_path: Path
) -> None:
    runbook = (Path(__file__).parents[1] / "app/db/README.md").read_text()
    named = runbook.replace("shisaku.sqlite", first.database.name)
    keep, back = re.findall(r"```sh\n(cp -a.*?)```", named, re.DOTALL)
    data = tmp_path / "data"
    data.mkdir()
    with serving(second.model_copy(update={"database": copied(second, data), "cache_bytes": 0})) as client:
        version = client.get("/v1/exports/dataset.sqlite").headers["ETag"]
        subprocess.run(["/bin/sh", "-ec", keep], cwd=tmp_path, check=True)
        for downloads in data.glob("*.sqlite.*"):
            shutil.rmtree(downloads)
        copied(first, data)
        eventually(lambda: client.get("/v1/exports/dataset.sqlite").headers.get("ETag") not in (None, version))
        subprocess.run(["/bin/sh", "-ec", back], cwd=tmp_path, check=True)
        eventually(lambda: client.get("/v1/exports/dataset.sqlite").headers.get("ETag") == version)


def test_the_build_before_is_forgotten_when_it_is_damaged(
    first: Settings, made: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    snapshots = Snapshots(made, schema_version())
    previous = snapshots.current()
    before = previous.dataset.version.digest
    copied(first, made.database.parent)
    snapshots.renew()
    assert snapshots.by_digest(before) is previous

    monkeypatch.setattr(snapshots, "_verify_at", 0.0)
    snapshots.poll()
    assert snapshots.by_digest(before) is previous

    def verify(database: SqliteDatabase) -> None:
        if database is previous.database:
            raise Unusable("flipped", INTEGRITY)

    monkeypatch.setattr(SqliteDatabase, "verify", verify)
    monkeypatch.setattr(snapshots, "_verify_at", 0.0)
    snapshots.poll()
    assert snapshots.by_digest(before) is None
    assert not snapshots.current().damage
    assert "the build before is served no more: flipped" in caplog.text
    snapshots.close()


def test_damage_of_a_build_that_is_replaced_meanwhile_is_not_that_of_the_new_one(
    first: Settings, made: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots = Snapshots(made, schema_version())
    old = snapshots.current()

    def verify(database: SqliteDatabase) -> None:
        if database is old.database:
            copied(first, made.database.parent)
            snapshots.renew()
            raise Unusable("flipped", INTEGRITY)

    monkeypatch.setattr(SqliteDatabase, "verify", verify)
    monkeypatch.setattr(snapshots, "_verify_at", 0.0)
    snapshots.poll()
    assert snapshots.current() is not old
    assert not snapshots.current().damage
    assert snapshots.by_digest(old.dataset.version.digest) is None
    snapshots.close()


def test_a_build_that_was_refused_is_ready_when_it_is_served(made: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshots = Snapshots(made, schema_version())
    snapshots.close()
    monkeypatch.setattr("app.query.snapshot.INTERVAL_FACTOR", 0)
    os.utime(made.database, ns=(0, 0))  # as a build of the same content

    def no_rights(*_: object) -> None:
        raise Unusable("not granted yet", "rights")

    with monkeypatch.context() as patch:
        patch.setattr("app.query.snapshot.open_database", no_rights)
        snapshots.renew()
        with pytest.raises(Unusable, match="not granted yet"):
            snapshots.check()
    snapshots.renew()
    snapshots.check()


def test_a_look_that_fails_is_not_the_last(
    made: Settings, quick: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks = []

    def poll(_: Snapshots) -> None:
        looks.append(1)
        if len(looks) == 1:
            raise RuntimeError("a fault of the driver")

    monkeypatch.setattr(Snapshots, "poll", poll)
    snapshots = Snapshots(made, schema_version())
    eventually(lambda: len(looks) > 1)
    snapshots.close()
    assert "a fault of the driver" in caplog.text


def test_a_cursor_of_unknown_data_does_not_wait_long_for_a_build_that_is_opened(
    first: Settings, made: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.snapshot.RENEW_SECONDS", 0.05)
    cursor = encode(Cursor((0, 1), backwards=False), Binding("0" * 12, "0" * 12))
    app, begun, end, opened = create_app(made), Event(), Event(), Snapshot.open
    monkeypatch.setattr("app.query.snapshot.POLL_SECONDS", 3600.0)

    def slow(settings: Settings, schema: str) -> Snapshot:
        begun.set()
        assert end.wait(60)
        return opened(settings, schema)

    with serving(app) as client:
        assert client.get(f"/v1/measures?cursor={cursor}").status_code == 410
        monkeypatch.setattr(Snapshot, "open", slow)
        copied(first, made.database.parent)
        for _ in range(2):  # one opens the new build, the other waits for it
            assert client.get(f"/v1/measures?cursor={cursor}").status_code == 410
        assert begun.is_set()
        end.set()
        with closing(sqlite3.connect(first.database)) as connection:
            (new,) = connection.execute("SELECT value FROM dataset WHERE fact = 'digest'").fetchone()
        eventually(lambda: answer(client, "/v1")["dataset"]["digest"] == new)
