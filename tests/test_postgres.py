"""PostgreSQL: the same bytes, read-only sessions, complete builds, and connections that are lost and found again."""

import gc
import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import psycopg
import pytest
from alembic import command
from click.testing import CliRunner
from pydantic import SecretStr
from sqlalchemy import func, literal_column, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InternalError
from sqlmodel import col

from app.cli import main
from app.db.base import DOWNLOAD_THREADS, Session, Statement, Unusable
from app.db.opening import open_database
from app.db.postgres import FILES, PostgresDatabase
from app.db.postgres_engine import CONNECT_ARGS
from app.db.tables import ServingRecord
from app.errors import Problem
from app.main import application, create_app
from app.query.dataset import Dataset
from app.query.snapshot import Snapshots
from app.resources import RESOURCES
from app.resources.schema import schema_version
from app.seeding.build import build, check, target_of
from app.seeding.migrating import alembic_config
from app.seeding.postgres import LOCK
from app.settings import Settings
from tests.conftest import ALONE, Built, Client, answer, eventually, free_port, serving, visible
from tests.network import Network, network
from tests.postgres import OWNER, READER, Server, running

pytestmark = pytest.mark.postgres

SLEEP = Statement(select(func.pg_sleep(30)))
ONE = Statement(select(literal_column("1")))
URLS = [
    "/v1",
    "/",
    "/docs",
    "/terms",
    "/stability",
    "/budget-lines?ministry=mhlw&lang=ja",
    "/measures/biosimilar-uptake",
    "/sitemap/measures/1.xml",
    "/openapi.json",
    "/readyz",
    "/healthz",
    "/nowhere",
    "/v1/exports",
    "/.well-known/api-catalog",
    "/v1/exports/catalog.jsonld",
    "/v1/exports/dataset.sqlite",
    "/v1/exports/datapackage.zip",
    "/v1/crosswalk",
    "/v1/crosswalk?section=4.3&ministry=厚",
    "/v1/exports/crosswalk.csv",
    "/v1/budget-summary?group_by=ministry,document&sort=involved&order=desc&limit=2",
    "/v1/search",
    "/v1/search?q=薬",
    "/v1/search?q=バイオシミラー",
    "/v1/search?q=bio&limit=2",
    "/v1/search?q=a_b%25",
    "/v1/search?q=薬&type=measures",
    "/v1/search?q=%00",
    "/v1/budget-lines?amount_min=1000000000000000000",
    "/v1/budget-lines?amount_max=400000000",
    "/v1/measures/%00",
    "/v1/measures/a%00b",
    "/v1/measures/Biosimilar-uptake",
    "/v1/measures/%F4%8F%BF%BF",
    "/v1/measures/%27%3B--",
    "/v1/packages/%00/reconciliation",
    "/v1/measures/a%00b/history",
    "/v1/measures/%00?version=1.0.0",
    "/v1/documents/%00/lines",
    "/v1/documents/cao-20260203-bio/lines?from=3&to=9",
    "/v1/documents/cao-20260203-bio/lines?limit=2&offset=7",
    "/v1/packages/supplementary-2025/reconciliation",
    "/v1/measures?cursor=x",
    "/v1/measures?limit=501",
]
DIMENSIONS = ("ministry", "pillar", "modality", "section", "fiscal_year", "package", "ministry,section", "document")


@pytest.fixture
def made(server: Server, tmp_path: Path) -> Built:
    """The invented document, in a database of its own."""
    found = Built.at(tmp_path / "shisaku.sqlite", server)
    found.build(ALONE)
    return found


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.query.snapshot.POLL_SECONDS", 0.02)


def name(made: Built) -> str:
    """Its database."""
    assert made.building.database_url
    return str(make_url(made.building.database_url.get_secret_value()).database)


def schemas(server: Server, made: Built) -> list[str]:
    found = server.run("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shisaku%' ORDER BY 1", name(made))
    return [schema for (schema,) in found]


@contextmanager
def while_it_writes(act: Callable[[], object]) -> Iterator[None]:
    """Something happens while a build writes."""

    @contextmanager
    def progress(name: str, _: int) -> Iterator[Callable[[int], None]]:
        if name == "Writing":
            act()
        yield lambda _: None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.seeding.build.progress", progress)
        yield


def asked(client: Client) -> Iterator[str]:
    """A wide list of what can be asked."""
    yield from URLS
    for dimension in DIMENSIONS:
        yield f"/v1/budget-summary?group_by={dimension}"
    for resource in RESOURCES:
        path = f"/v1/{resource.name}"
        yield from (path, f"{path}?q=開発", f"{path}?q=創薬 基盤&limit=3", f"{path}?limit=1&offset=1", f"{path}?sort=x")
        yield from (f"{path}?sort={sort}&order={order}&limit=4" for sort in resource.sorts for order in ("asc", "desc"))
        yield from (f"{path}?facet={facet}&{facet}=none" for facet in resource.facets)
        yield answer(client, f"{path}?limit=2")["links"]["next"] or path
        yield from (f"{path}/{row['id']}" for row in answer(client, path)["data"])
        yield from (f"/v1/exports/{resource.name}.{extension}" for extension in ("csv", "ndjson", "xlsx", "parquet"))


def test_both_databases_give_the_same_bytes(server: Server, both_seed: Path, tmp_path: Path) -> None:
    here, there = Built.at(tmp_path / "file.sqlite"), Built.at(tmp_path / "brought.sqlite", server)
    assert here.build(both_seed) == there.build(both_seed)
    with serving(here.reading) as file, serving(there.reading) as postgres:
        urls = list(asked(file))
        assert len(urls) > 250
        for url in urls:
            assert visible(file.get(url)) == visible(postgres.get(url)), url


def test_text_is_ordered_by_code_point_and_the_tables_are_the_migrations(server: Server, made: Built) -> None:
    (schema,) = schemas(server, made)
    columns = "SELECT table_name, collation_name FROM information_schema.columns WHERE table_schema = '{}'"
    found = server.run(f"{columns.format(schema)} AND data_type = 'text' AND table_name != '{FILES.name}'", name(made))
    assert {collation for _, collation in found} == {"C"}
    assert {table for table, _ in found} > {"measures", "serving_index", "transcript_lines"}
    links = f"SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND connamespace = '{schema}'::regnamespace"
    ((count,),) = server.run(links, name(made))
    assert count > 10
    server.run(f"DROP TABLE {schema}.{FILES.name}", name(made))
    assert made.building.database_url
    url = make_url(made.building.database_url.get_secret_value())
    command.check(alembic_config(url.update_query_dict({"options": f"-csearch_path={schema}"})))


def test_the_role_that_serves_can_do_nothing_else(server: Server, made: Built) -> None:
    (schema,) = schemas(server, made)
    for statement in (f"DELETE FROM {schema}.measures", f"CREATE TABLE {schema}.t (x int)", "CREATE SCHEMA s"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            server.run(statement, name(made), READER)
    database = open_database(made.building, schema_version())  # even a role that may write opens sessions that do not
    with pytest.raises(InternalError, match="read-only transaction"):
        database.query(lambda session: session.query(Statement(text("DELETE FROM measures"))))  # type: ignore[arg-type]
    assert database.query(lambda session: session.query(ONE)) == [(1,)]
    database.close()


def test_a_build_is_published_whole_and_the_last_one_is_kept(server: Server, made: Built) -> None:
    (first,) = schemas(server, made)
    second, third = (made.build(ALONE) for _ in range(2))
    assert second == third
    built_of = first.rpartition("_")[2]  # everything that it consists of, not the records alone
    assert schemas(server, made) == [f"shisaku_{number:06}_{built_of}" for number in (2, 3)]
    assert first == f"shisaku_000001_{built_of}"


# The cursor that was being opened when its connection was cut is nobody's to close.
@pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")
def test_a_build_that_fails_leaves_the_old_one(first_seed: Path, server: Server, made: Built) -> None:
    before = schemas(server, made)

    def interrupt() -> None:
        assert any("building" in schema for schema in schemas(server, made))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), while_it_writes(interrupt):
        build(check(first_seed), target_of(made.building))
    assert schemas(server, made) == before

    def cut() -> None:
        server.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name(made)}'")

    told = r"shisaku_\d+: .*connection.*What was published before stands\."
    with pytest.raises(Unusable, match=told), while_it_writes(cut):
        build(check(first_seed), target_of(made.building))
    gc.collect()
    (left,) = set(schemas(server, made)) - set(before)
    assert left.startswith("shisaku_building_")
    with serving(made.reading) as client:
        assert answer(client, "/v1")["dataset"]["version"] == "0.1.0"
    made.build(ALONE)
    assert left not in schemas(server, made)


def test_a_fault_of_the_database_is_told_in_its_words(
    server: Server, made: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(building: Any, *_: object) -> None:
        building._run("SELECT nothing_here")  # noqa: SLF001 - as the building runs its own

    monkeypatch.setattr("app.seeding.postgres._PostgresBuilding.publish", broken)
    with pytest.raises(Unusable, match='column "nothing_here" does not exist'):
        made.build(ALONE)
    assert len(schemas(server, made)) == 1


def test_one_build_at_a_time(server: Server, made: Built) -> None:
    with psycopg.connect(server.place(OWNER, name(made))) as another:
        another.execute(LOCK)
        with pytest.raises(Unusable, match="another build is running"):
            made.build(ALONE)
    made.build(ALONE)


def test_an_old_build_that_is_being_read_is_swept_by_the_next(
    server: Server, made: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.seeding.postgres.SWEEP_TIMEOUT", "50ms")
    (first,) = schemas(server, made)
    made.build(ALONE)
    with psycopg.connect(server.place(READER, name(made))) as reading:
        reading.execute(f"SELECT * FROM {first}.stages".encode())
        made.build(ALONE)
        assert first in schemas(server, made)
    made.build(ALONE)
    assert first not in schemas(server, made)


def test_a_database_in_another_encoding_is_refused(server: Server, tmp_path: Path) -> None:
    server.run(f"CREATE DATABASE latin OWNER {OWNER} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    settings = Settings(database=tmp_path / "s", database_url=SecretStr(server.url("latin")))
    with pytest.raises(Unusable, match="not in UTF-8"):
        build(check(ALONE), target_of(settings))


@pytest.mark.usefixtures("impatient")
def test_another_build_is_served_without_a_restart(
    first_seed: Path, server: Server, made: Built, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), serving(made.reading) as client:
        old = answer(client, "/v1/measures?limit=1")
        made.build(first_seed)
        eventually(lambda: answer(client, "/v1")["dataset"]["version"] == "1.0.0")
        assert answer(client, old["links"]["next"])["meta"]["dataset"]["version"] == "0.1.0"
        made.build(ALONE)
        eventually(lambda: answer(client, "/v1")["dataset"]["version"] == "0.1.0")
        # One of other code is not served; the one before it is.
        *_, newest = schemas(server, made)
        other = newest.replace("shisaku_000003", "shisaku_000004")
        statements = f"CREATE SCHEMA {other}; CREATE TABLE {other}.serving_value (name text, data bytea)"
        server.run(f"{statements}; GRANT USAGE ON SCHEMA {other} TO {READER}", name(made))
        server.run(f"GRANT SELECT ON {other}.serving_value TO {READER}", name(made))
        eventually(lambda: "still serving the old database" in caplog.text)
        assert answer(client, "/v1/measures?limit=2")["meta"]["dataset"]["version"] == "0.1.0"
        assert answer(client, "/readyz", 503)["title"] == "Service Unavailable"
        # An operator goes back to the build before.
        server.run(f"DROP SCHEMA {other} CASCADE; DROP SCHEMA {newest} CASCADE", name(made))
        eventually(lambda: client.get("/v1/measures?limit=3").status_code == 200)
        eventually(lambda: answer(client, "/v1")["dataset"]["version"] == "1.0.0")
    server.run(f"CREATE SCHEMA {other}; CREATE TABLE {other}.serving_value (name text, data bytea)", name(made))
    owner = made.building.model_copy(update={"database_url": SecretStr(server.url(name(made), "postgres"))})
    with pytest.raises(Unusable, match="another version"):
        open_database(owner, schema_version())
    server.run(f"DROP TABLE {other}.serving_value", name(made))
    with pytest.raises(Unusable, match="another version"):
        open_database(owner, schema_version())


def test_what_was_swept_under_a_question_is_told(server: Server, made: Built) -> None:
    database = open_database(made.reading, schema_version())
    (schema,) = schemas(server, made)
    server.run(f"DROP SCHEMA {schema} CASCADE", name(made))
    records = Statement(select(col(ServingRecord.key)))
    with pytest.raises(Problem, match="replaced") as caught:
        database.query(lambda session: session.query(records))
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "1")
    assert database.newest() is None
    database.close()


@pytest.mark.usefixtures("impatient")
def test_the_watch_ends_with_its_service(made: Built) -> None:
    before = set(threading.enumerate())
    snapshots = Snapshots(made.reading, schema_version())
    (watch,) = set(threading.enumerate()) - before
    del snapshots
    watch.join(60)
    assert not watch.is_alive()


@pytest.mark.usefixtures("impatient")
def test_the_watch_has_ended_when_its_service_is_closed(made: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = threading.Event()

    def look(_: Snapshots) -> None:
        looks.set()
        time.sleep(0.5)

    monkeypatch.setattr(Snapshots, "renew", look)
    before = set(threading.enumerate())
    snapshots = Snapshots(made.reading, schema_version())
    assert looks.wait(60)
    snapshots.close()
    assert set(threading.enumerate()) == before


def test_a_server_that_restarts_is_not_noticed_and_one_that_is_down_is_told(
    server: Server, made: Built, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    app = create_app(made.reading)
    snapshots = Snapshots(made.reading, schema_version())
    with serving(app) as client:
        assert client.get("/v1/measures?limit=1").status_code == 200
        server.stop()
        server.start()
        assert client.get("/v1/measures?limit=2").status_code == 200
        server.stop()
        try:
            for url in ("/v1/measures?limit=3", "/v1/stages/x", "/v1/exports/measures.csv", "/readyz"):
                refused = client.get(url)
                assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5"), url
                assert refused.headers["Content-Type"] == "application/problem+json; charset=utf-8"
            assert client.get("/healthz").status_code == 200
            snapshots.renew()  # finds nothing, and loses nothing
            assert snapshots.current().dataset.version.version == "0.1.0"
        finally:
            server.start()
        assert client.get("/v1/measures?limit=3").status_code == 200
        assert client.get("/readyz").status_code == 200
    assert server.secret not in caplog.text
    assert "the database cannot be reached" in caplog.text
    assert "the database answers again" in caplog.text


def test_a_connection_lost_between_requests_is_replaced_and_one_lost_in_a_request_is_503(
    server: Server, made: Built
) -> None:
    database = open_database(made.reading, schema_version())
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name(made)}'"
    assert database.query(lambda session: session.query(ONE)) == [(1,)]
    server.run(cut)
    assert database.query(lambda session: session.query(ONE)) == [(1,)]

    def cut_meanwhile(session: Session) -> Any:
        session.query(ONE)
        server.run(cut)
        return session.query(ONE)

    with pytest.raises(Problem) as caught:
        database.query(cut_meanwhile)
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "5")
    assert database.query(lambda session: session.query(ONE)) == [(1,)]
    database.close()


def test_a_slow_query_is_stopped_on_the_server(server: Server, made: Built) -> None:
    settings = made.reading.model_copy(update={"deadline_seconds": 0.2})
    database = PostgresDatabase(settings, schema_version())
    with pytest.raises(Problem, match=r"longer than 0\.2 s") as caught:
        database.query(lambda session: session.query(SLEEP))
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "5")
    running = f"SELECT query FROM pg_stat_activity WHERE state = 'active' AND datname = '{name(made)}'"
    assert server.run(running) == []
    short = Statement(select(func.pg_sleep(0.12)))
    with pytest.raises(Problem, match="longer"):
        database.query(lambda session: [session.query(short) for _ in range(9)])
    assert database.query(lambda session: session.query(ONE)) == [(1,)]
    database.close()


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    """Every process of the server is stopped: it takes what is sent, and says nothing."""
    assert server._process  # noqa: SLF001 - to stop it, not to end it
    first = server._process.pid  # noqa: SLF001
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    processes = [first, *map(int, children)]
    for each in processes:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in processes:
            os.kill(each, signal.SIGCONT)


@pytest.mark.skipif(sys.platform != "linux", reason="the processes are stopped by signals")
def test_a_server_that_says_nothing_is_waited_for_no_longer_than_the_deadline(
    server: Server, made: Built, caplog: pytest.LogCaptureFixture
) -> None:
    settings = made.reading.model_copy(update={"deadline_seconds": 0.5})
    with serving(settings) as client:
        assert client.get("/v1/measures?limit=1").status_code == 200
        with stopped(server):
            for url, most in (("/v1/measures?limit=2", 5), ("/readyz", 10), ("/v1/exports/measures.csv", 5)):
                began = time.monotonic()
                refused = client.get(url)
                assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5"), url
                assert time.monotonic() - began < most, url
            assert "`connection`" in client.get("/readyz").json()["detail"]
            assert client.get("/healthz").status_code == 200
        eventually(lambda: client.get("/readyz").status_code == 200)
        eventually(lambda: client.get("/v1/measures?limit=3").status_code == 200)
    assert caplog.text.count("the database cannot be reached") >= 1


PATIENCE = 60.0  # seconds: a network that was not given up would be waited for many minutes
Cut = Callable[[Network], AbstractContextManager[None]]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="packets are dropped by a filter of the kernel")
CUTS = pytest.mark.parametrize(
    "cut",
    [pytest.param(Network.dropping, marks=LINUX, id="dropping"), pytest.param(Network.resetting, id="resetting")],
)


def over(network: Network, made: Built) -> Settings:
    """How a service reads over a network, with half a second for a question."""
    url = SecretStr(network.url(name(made), READER))
    return made.reading.model_copy(update={"database_url": url, "deadline_seconds": 0.5})


def refusals(client: Client) -> None:
    """Each of many questions asked at once is refused in time: 503, in the shape of errors."""
    paths = [*(f"/v1/measures?limit={limit}" for limit in range(10, 22)), "/v1/exports/measures.csv", "/readyz"]

    def ask(path: str) -> None:
        answers[path] = client.get(path, timeout=PATIENCE)

    answers: dict[str, httpx.Response] = {}
    threads = [threading.Thread(target=ask, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.keys() == set(paths)  # one that was not answered in time is missing
    for path, refused in answers.items():
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5"), path
        assert refused.headers["Content-Type"] == "application/problem+json; charset=utf-8"
        assert refused.json()["title"] == "Service Unavailable"
    assert "`connection`" in answer(client, "/readyz", 503)["detail"]
    assert client.get("/healthz").status_code == 200


def recovers(client: Client) -> None:
    """Questions and readiness are answered as before."""
    eventually(lambda: client.get("/v1/measures?limit=3").status_code == 200)
    eventually(lambda: client.get("/readyz").status_code == 200)


@CUTS
def test_a_network_that_is_cut_is_told_and_not_waited_for(
    cut: Cut, server: Server, made: Built, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with network(server) as way, serving(over(way, made)) as client:
        assert client.get("/v1/measures?limit=1").status_code == 200
        with cut(way):
            refusals(client)
        recovers(client)
        with cut(way):
            pass
        assert client.get("/v1/measures?limit=4").status_code == 200  # nobody notices
    assert "the database cannot be reached" in caplog.text
    assert "the database answers again" in caplog.text


@CUTS
@pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")
def test_a_network_that_is_cut_ends_a_build_in_a_sentence(
    cut: Cut, server: Server, made: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONNECT_ARGS, "tcp_user_timeout", 1_000)
    before = schemas(server, made)
    with network(server) as way, ExitStack() as ended:
        settings = made.building.model_copy(update={"database_url": SecretStr(way.url(name(made)))})
        cutting = while_it_writes(partial(ended.enter_context, cut(way)))
        began = time.monotonic()
        with pytest.raises(Unusable, match=r"What was published before stands\."), cutting:
            build(check(ALONE), target_of(settings))
        assert time.monotonic() - began < PATIENCE
        gc.collect()
    assert [each for each in schemas(server, made) if "building" not in each] == before


@pytest.fixture(scope="module")
def small() -> Iterator[Server]:
    """A server with little room."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can make a file system")
    with running(megabytes=120) as server:
        yield server


SORT = text("SELECT md5(n::text) FROM generate_series(1, 300000) AS n ORDER BY 1")


def test_a_full_disk_of_the_server_ends_a_build_and_not_the_service(
    small: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    made = Built.at(tmp_path / "shisaku.sqlite", small)
    made.build(ALONE)
    database = open_database(made.reading, schema_version())
    with serving(made.reading) as client:
        with small.full():
            with pytest.raises(Unusable, match=r"No space left on device\. What was published before stands\."):
                made.build(ALONE)
            for url in ("/v1/measures?limit=1", "/v1/search?q=薬", "/v1/exports/dataset.sqlite", "/readyz"):
                assert client.get(url).status_code == 200, url
            with pytest.raises(Problem, match="no room") as caught:  # what needs a temporary file
                database.query(lambda session: session.query(Statement(SORT)))  # type: ignore[arg-type]
            assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "60")
            assert re.search(r"has no room: .*No space left on device", caplog.text)
        assert len(database.query(lambda session: session.query(Statement(SORT)))) == 300_000  # type: ignore[arg-type]
    assert "the database answers again" in caplog.text
    database.close()
    made.build(ALONE)
    assert len(schemas(small, made)) == 2


@pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")
def test_a_server_that_ends_because_its_disk_is_full_is_told_and_is_back_when_it_is_started(
    small: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = Built.at(tmp_path / "shisaku.sqlite", small)
    made.build(ALONE)
    before = schemas(small, made)

    def fill() -> None:
        """The server ends when its log has no room."""
        ended.enter_context(small.full())
        with suppress(psycopg.OperationalError):
            while True:
                small.run("SELECT pg_switch_wal()")
                small.run("CREATE TABLE something (); DROP TABLE something")
        small.wait()

    with serving(made.reading) as client:
        with ExitStack() as ended:
            with pytest.raises(Unusable, match=r"What was published before stands\."), while_it_writes(fill):
                build(check(ALONE), target_of(made.building))
            gc.collect()
            refusals(client)
        small.start()
        recovers(client)
    assert "the database cannot be reached" in caplog.text
    assert [each for each in schemas(small, made) if "building" not in each] == before
    made.build(ALONE)
    assert len(schemas(small, made)) == 2


def test_readiness_has_a_deadline_of_its_own(server: Server, made: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.db.postgres.READY_SECONDS", 0.3)
    (schema,) = schemas(server, made)
    with serving(made.reading) as client, psycopg.connect(server.place(OWNER, name(made))) as locking:
        locking.execute(f"LOCK TABLE {schema}.serving_value".encode())
        began = time.monotonic()
        threads = [
            threading.Thread(target=lambda: httpx.get(f"{client.base_url}/readyz", timeout=30)) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        assert "`connection`" in answer(client, "/readyz", 503)["detail"]
        for thread in threads:
            thread.join()
        assert time.monotonic() - began < 10
        locking.rollback()
        eventually(lambda: client.get("/readyz").status_code == 200)


def test_what_is_taken_away_is_told_as_what_it_is(
    server: Server, made: Built, caplog: pytest.LogCaptureFixture
) -> None:
    (schema,) = schemas(server, made)
    with serving(made.reading) as client:
        server.run(f"REVOKE SELECT ON {schema}.serving_record FROM {READER}", name(made))
        refused = client.get("/v1/measures?limit=1")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert "may not read" in refused.json()["detail"]
        assert "what was built may not be read: permission denied for table serving_record" in caplog.text
        server.run(f"GRANT SELECT ON {schema}.serving_record TO {READER}", name(made))
        assert client.get("/v1/measures?limit=1").status_code == 200
        server.run(f"REVOKE USAGE ON SCHEMA {schema} FROM {READER}", name(made))
        assert client.get("/v1/measures?limit=2").status_code == 503
        assert "`rights`" in answer(client, "/readyz", 503)["detail"]
        server.run(f"GRANT USAGE ON SCHEMA {schema} TO {READER}", name(made))
        assert client.get("/v1/measures?limit=2").status_code == 200
        server.run(f"ALTER SCHEMA {schema} RENAME TO elsewhere", name(made))
        caplog.clear()
        assert "was replaced or taken away" in answer(client, "/v1/measures?limit=3", 503)["detail"]
        assert "somebody renamed or removed the schema" in caplog.text
        assert "`database`" in answer(client, "/readyz", 503)["detail"]
        server.run(f"ALTER SCHEMA elsewhere RENAME TO {schema}", name(made))
        assert client.get("/v1/measures?limit=3").status_code == 200


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "table",
    ["serving_record SET record = record || ' '", "serving_csv SET line = '\\x'",
     "serving_index SET value = value || 'x'", "serving_text SET names = ''",
     "serving_value SET data = data || ' ' WHERE name <> 'schema'",
     "serving_file SET data = '\\x00' WHERE position = 1"],
)  # fmt: skip
def test_a_changed_table_is_damage(table: str, server: Server, made: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.query.snapshot.VERIFY_SECONDS", 0.02)
    monkeypatch.setattr("app.query.snapshot.INTERVAL_FACTOR", 0)
    (schema,) = schemas(server, made)
    with serving(made.reading) as client:
        assert client.get("/v1/measures").status_code == 200
        server.run(f"UPDATE {schema}.{table}", name(made))
        eventually(lambda: client.get("/v1/measures").status_code == 503)
        assert "`integrity`" in answer(client, "/readyz", 503)["detail"]
    with pytest.raises(Unusable, match="not what was built"):
        create_app(made.reading)


def test_a_table_that_the_server_cannot_read_is_told(made: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    database = open_database(made.reading, schema_version())

    def corrupted(_: Session) -> None:
        raise DBAPIError("SELECT", {}, psycopg.errors.DataCorrupted("invalid page in block 7"))

    with pytest.raises(Problem, match="damaged") as caught:
        database.query(corrupted)
    assert caught.value.status == 503

    def unreadable(_: object) -> None:
        raise DBAPIError("SELECT", {}, psycopg.errors.DataCorrupted("invalid page in block 7"))

    monkeypatch.setattr("app.db.postgres.checksums", unreadable)
    with pytest.raises(Unusable, match="not what was built"):
        database.verify()

    def lost(_: object) -> None:
        raise DBAPIError("SELECT", {}, psycopg.OperationalError("the connection is lost"))

    monkeypatch.setattr("app.db.postgres.checksums", lost)
    with pytest.raises(Problem, match="cannot be reached"):
        database.verify()
    database.close()


def test_a_file_that_another_request_has_fetched_is_not_fetched_again(
    made: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_database(made.reading, schema_version())
    dataset = database.query(Dataset.load)
    file = next(each for each in dataset.about.downloads if each.path.endswith("dataset.sqlite"))
    path = tmp_path / "dataset.sqlite"
    assert anyio.run(database.fetch_file, path.name, path, file.sha256 or "")
    content = path.read_bytes()
    monkeypatch.setattr(PostgresDatabase, "query", lambda *_: pytest.fail("fetched again"))
    assert anyio.run(database.fetch_file, path.name, path, file.sha256 or "")
    assert path.read_bytes() == content
    database.close()


def test_a_statement_that_is_wrong_is_not_told_as_a_server_that_is_lost(
    made: Built, caplog: pytest.LogCaptureFixture
) -> None:
    database = open_database(made.reading, schema_version())
    wrong = Statement(select(literal_column("1 / 0")))
    with pytest.raises(DBAPIError, match="division by zero"):
        database.query(lambda session: session.query(wrong))
    assert not caplog.text
    assert database.query(lambda session: session.query(ONE)) == [(1,)]
    database.close()


def test_a_server_that_was_silent_is_not_asked_at_once(made: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    database = PostgresDatabase(made.reading, schema_version())
    monkeypatch.setattr(database, "_silent_until", time.monotonic() + 60)
    with pytest.raises(Problem, match="cannot be reached"):
        database.query(lambda _: pytest.fail("asked"))
    database.close()


def test_connections_are_as_many_as_questions(server: Server, made: Built) -> None:
    settings = made.reading.model_copy(update={"threads": 2})
    with serving(settings) as client:
        base = str(client.base_url)

        def ask(number: int) -> None:
            with Client(base_url=base, timeout=30) as own:
                for place in range(10):
                    assert own.get(f"/v1/measures?q={number}{place}&facet=kind").status_code == 200

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ((count,),) = server.run(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name(made)}'")
        assert 0 < count <= settings.threads + DOWNLOAD_THREADS + 1


def test_downloads_of_the_whole_are_brought_once_and_kept_whole(
    server: Server, made: Built, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = [tmp_path / f"shisaku.sqlite.{number:016x}" for number in range(3)]
    for folder in old:
        folder.mkdir()
    with serving(made.reading) as client:
        whole = client.get("/v1/exports/dataset.sqlite")
        assert whole.content.startswith(b"SQLite format 3")
        part = client.get("/v1/exports/dataset.sqlite", headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, whole.content[100:200])
        (kept,) = (path for path in tmp_path.glob("shisaku.sqlite.*/dataset.sqlite"))
        assert len([folder for folder in old if folder.exists()]) == 1
        kept.unlink()
        assert client.get("/v1/exports/dataset.sqlite").content == whole.content
    kept.write_bytes(whole.content[:-1])
    with serving(made.reading) as client:
        assert client.get("/v1/exports/dataset.sqlite").content == whole.content
        assert client.get("/v1/exports/dataset.sqlite").content == whole.content
    with serving(made.reading) as client:  # another process finds it there
        assert client.get("/v1/exports/dataset.sqlite").content == whole.content
    kept.unlink()
    (schema,) = schemas(server, made)
    with serving(made.reading) as client:
        server.run(f"UPDATE {schema}.{FILES.name} SET data = data || '\\x00'::bytea", name(made))
        assert answer(client, "/v1/exports/dataset.sqlite", 503)["detail"].startswith("The file cannot be brought")
    assert "dataset.sqlite is damaged in the database" in caplog.text
    blocked = tmp_path / "file"
    blocked.write_text("")
    server.run(f"UPDATE {schema}.{FILES.name} SET data = substr(data, 1, length(data) - 1)", name(made))
    unwritable = made.reading.model_copy(update={"database": blocked / "shisaku.sqlite"})
    with serving(unwritable) as client:
        assert answer(client, "/v1/exports/datapackage.zip", 503)["detail"].startswith("The file cannot be brought")


WRONG = {
    "an unreachable server": ("postgresql+psycopg://x:SECRET@127.0.0.1:1/x", "cannot be reached: .*refused"),
    "a missing database": ("{}", 'database "nowhere" does not exist'),
    "a wrong secret": ("{}", "authentication failed"),
    "an empty database": ("{}", r"nothing was built here\. Run `shisaku build`\."),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_database_that_cannot_be_served_is_told_in_a_sentence(
    what: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, told = WRONG[what]
    match what:
        case "a missing database":
            url = server.url("nowhere")
        case "a wrong secret":
            url = server.url("postgres", secret="not-the-SECRET")  # noqa: S106 - it is no secret of anything
        case "an empty database":
            url = server.url(server.database(), READER)
    monkeypatch.setenv("SHISAKU_DATABASE_URL", url)
    with pytest.raises(Unusable, match=told) as caught:
        create_app(Settings(database=tmp_path / "s.sqlite"))
    with pytest.raises(SystemExit, match=told):
        application()
    commands = ["serve"] if what == "an empty database" else ["serve", "build"]
    for each in commands:
        result = CliRunner().invoke(main, [each])
        assert result.exit_code == 1
        assert "Traceback" not in result.output
        for secret in (server.secret, "SECRET"):
            assert secret not in result.output + str(caught.value)


def test_a_role_that_may_not_read_or_build_is_told(server: Server, made: Built) -> None:
    (schema,) = schemas(server, made)
    server.run(f"REVOKE USAGE ON SCHEMA {schema} FROM {READER}", name(made))
    with pytest.raises(Unusable, match=rf"permission denied for schema {schema}\. Grant it USAGE and SELECT"):
        create_app(made.reading)
    with pytest.raises(Unusable, match="permission denied for database"):
        build(check(ALONE), target_of(made.reading))


def test_the_command_builds_where_the_setting_says(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = server.database()
    monkeypatch.setenv("SHISAKU_DATABASE", str(tmp_path / "s.sqlite"))
    monkeypatch.setenv("SHISAKU_DATABASE_URL", "")
    assert Settings().database_url is None
    monkeypatch.setenv("SHISAKU_DATABASE_URL", server.url(database))
    made = CliRunner().invoke(main, ["build", "--if-needed", "--seed", str(ALONE)])
    assert made.exit_code == 0, made.output
    assert f"{database}: " in made.output
    assert server.secret not in made.output + repr(Settings())
    again = CliRunner().invoke(main, ["build", "--if-needed", "--seed", str(ALONE)])
    assert (again.exit_code, again.output) == (0, "")
    told = CliRunner().invoke(main, ["status", "--port", str(free_port())])
    assert told.exit_code == 1
    assert "\nfiles:    of the downloads, in the database\n" in told.output
    assert told.output.endswith("service:  nothing answers\n")
    assert not list(tmp_path.iterdir())
