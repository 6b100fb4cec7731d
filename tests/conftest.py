"""Databases of one document and of two, in SQLite and in PostgreSQL, and a real server over each.

With pytest-xdist, the workers of a run share the SQLite databases: the first that needs one builds it.
"""

import fcntl
import gc
import os
import re
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx
import orjson
import pytest
import uvicorn
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr
from starlette.types import ASGIApp

from app.http.protocol import HttpProtocol
from app.main import create_app, service
from app.query.dataset import Dataset
from app.query.filters import values_at
from app.query.snapshot import Snapshots
from app.resources.amount import in_oku
from app.resources.budget_lines import BUDGET_LINES
from app.resources.measures import MEASURES
from app.resources.schema import schema_version
from app.seeding.build import Checked, build, check, target_of
from app.seeding.releases import ENDING, FOLDER, Release, write_release
from app.seeding.rendered_records import csv_of
from app.settings import PROJECT, SEED, Settings
from tests.corpus import write
from tests.first import write_first
from tests.postgres import OWNER, READER, Server, running

HERE = Path(__file__).parent
ALONE = HERE / "seed" / "alone"
TOGETHER = HERE / "seed" / "together"

SQLITE, POSTGRES = "sqlite", "postgres"

T = TypeVar("T")

for profile, examples in {"quick": 5, "default": 12, "thorough": 200}.items():
    # No deadline: a loaded machine is no error of the code.
    hypothesis_settings.register_profile(
        profile, max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
hypothesis_settings.load_profile("default")


def some(values: Sequence[T], count: int) -> Sequence[T]:
    """A sample of values that are all handled alike, of at least so many if there are; all in `make test-all`."""
    thorough = hypothesis_settings.get_current_profile_name() == "thorough"
    return values if thorough else values[:: max(1, len(values) // count)]


# What is imported here stays: to look through it for garbage, as often as usual, takes a tenth of the time of a run.
gc.set_threshold(50_000, 20, 100)


def pytest_collection_finish() -> None:
    gc.freeze()


Client = httpx.Client
# The servers here speak plain HTTP: to read certificates for each client takes longer than many answers.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
get = partial(httpx.get, verify=NO_CERTIFICATES)


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


def quiet(settings: Settings) -> Settings:
    """The settings without a log of each request."""
    return settings.model_copy(update={"access_log": False})


@contextmanager
def serving(what: Settings | ASGIApp, http: type[HttpProtocol] = HttpProtocol) -> Iterator[Client]:
    """A client of a real server over an application, on a port of its own; with settings, over the whole service."""
    app = service(create_app(quiet(what))) if isinstance(what, Settings) else what
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        # A client of a whole session may rest longer than a server usually keeps a connection.
        config = uvicorn.Config(app, http=http, log_level="error", access_log=False, timeout_keep_alive=600)
        server = _Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            assert server.listening.wait(60)
            host, port = listening.getsockname()
            # Without compression, on which both sides would spend more time than on most answers.
            uncompressed = {"Accept-Encoding": "identity"}
            with Client(
                base_url=f"http://{host}:{port}", timeout=60, headers=uncompressed, verify=NO_CERTIFICATES
            ) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module whose promises may differ between databases says `EVERY_DATABASE = True`, and runs with each."""
    if "kind" in metafunc.fixturenames:
        kinds = [SQLITE]
        if getattr(metafunc.module, "EVERY_DATABASE", False):
            kinds.append(pytest.param(POSTGRES, marks=pytest.mark.postgres))  # type: ignore[arg-type]
        metafunc.parametrize("kind", kinds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of database."""
    return str(request.param)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server of the tests' own."""
    with running() as server:
        yield server


@dataclass(frozen=True)
class Built:
    """A database that one role builds, and another reads that may do nothing else."""

    building: Settings
    reading: Settings

    @classmethod
    def at(cls, path: Path, server: Server | None = None) -> "Built":
        """Settings without a cache: tests ask for responses that are made, not for cached ones."""
        if server is None:
            settings = Settings(database=path, database_url=None, cache_bytes=0, deadline_seconds=60)
            return cls(settings, settings)
        name = server.database()
        building, reading = (
            Settings(database=path, database_url=SecretStr(server.url(name, user)), cache_bytes=0, deadline_seconds=60)
            for user in (OWNER, READER)
        )
        return cls(building, reading)

    def build(self, seed: Path) -> str:
        return build(check(seed), target_of(self.building))


def built(seed: Path, path: Path, server: Server | None = None) -> Settings:
    """Builds a database from a seed. Returns the settings that it is read with."""
    made = Built.at(path, server)
    made.build(seed)
    return made.reading


def copied(settings: Settings, folder: Path) -> Path:
    """Copies a database with its downloads. One that is there is replaced in one step, as a build does. Returns its
    path."""
    path = folder / settings.database.name
    for downloads in settings.database.parent.glob(f"{path.name}.*"):
        shutil.copytree(downloads, folder / downloads.name, dirs_exist_ok=True)
    (folder / "copy").write_bytes(settings.database.read_bytes())
    (folder / "copy").replace(path)
    return path


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of a run share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


def made_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """A folder that the first worker makes, and for which the others wait."""
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            incomplete = folder.with_suffix(".incomplete")
            shutil.rmtree(incomplete, ignore_errors=True)
            incomplete.mkdir()
            make(incomplete)
            incomplete.rename(folder)
    return folder


def built_once(folder: Path, checked: Callable[[], Checked]) -> Settings:
    """Builds a SQLite database in a folder that all workers share."""
    made_once(folder, lambda made: build(checked(), made / "shisaku.sqlite"))
    return Built.at(folder / "shisaku.sqlite").reading


BuildDatabase = Callable[[str, Callable[[], Checked]], Settings]


@pytest.fixture(scope="session")
def build_database(kind: str, shared: Path, request: pytest.FixtureRequest) -> BuildDatabase:
    """Builds a database from a checked seed, once in a run for each name. Returns the settings that it is read with."""

    def build_named(name: str, checked: Callable[[], Checked]) -> Settings:
        if kind == SQLITE:
            return built_once(shared / name, checked)
        folder = request.getfixturevalue("tmp_path_factory").mktemp(name)
        made = Built.at(folder / "shisaku.sqlite", request.getfixturevalue("server"))
        build(checked(), target_of(made.building))
        return made.reading

    return build_named


def write_frozen(seed: Path, version: str) -> None:
    """Freezes the records of a seed as a version that was released before."""
    checked = check(seed)
    (seed / FOLDER).mkdir()
    now = checked.history.versions[-1]
    earlier = Release(now.header.model_copy(update={"version": version}), now.records)
    write_release(seed / FOLDER / f"{version}{ENDING}", earlier)


def _write_both(folder: Path) -> None:
    write_first(folder)
    write_frozen(folder, "0.9.0")
    for each in (*(path for path in ALONE.iterdir() if path.is_dir()), TOGETHER):
        shutil.copytree(each, folder / each.name)


@pytest.fixture(scope="session")
def both_seed(shared: Path) -> Path:
    """The seed of the first document and the invented one, which adds evidence and a line to the first's measure."""
    return made_once(shared / "both-seed", _write_both)


@pytest.fixture(scope="session")
def corpus_seed(shared: Path) -> Path:
    """A synthetic seed of 200 budget lines."""
    return made_once(shared / "corpus-seed", lambda folder: write(folder / "seed", 200)) / "seed"


def _cut(value: Any) -> Any:
    """A part of a record, with each amount as a cut of 1.3 % of it: sums of amounts stay sums."""
    if isinstance(value, list):
        return [_cut(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("jpy") is None:
        return {name: _cut(inner) for name, inner in value.items()}
    jpy = -value["jpy"] * 13 // 1_000
    return {**value, "jpy": jpy, "oku_yen": in_oku(jpy), "text": value["text"] and f"{jpy // 1_000:,}千円"}


def _with_cuts(checked: Checked) -> Checked:
    """Makes the amounts of every third programme negative, in the file that everything else is made from."""
    for resource, path in ((MEASURES, "id"), (BUDGET_LINES, "measure.id")):
        records = [orjson.loads(text) for text in checked.rendered.records(resource)]
        for place, record in enumerate(records):
            (id_,) = values_at(record, path)
            if int(id_.rpartition("-")[2]) % 3 == 0:
                records[place] = _cut(record)
        line = csv_of(resource.record).line
        rows = [(orjson.dumps(record), line(record), record["id"]) for record in records]
        with closing(sqlite3.connect(checked.rendered.path)) as connection:
            connection.executemany(f'UPDATE "{resource.name}" SET json = ?, csv = ? WHERE id = ?', rows)  # noqa: S608
            connection.commit()
    return checked


@pytest.fixture(scope="session")
def cuts(corpus_seed: Path, build_database: BuildDatabase) -> Iterator[Client]:
    """A client of a service over the synthetic lines, every third programme's below zero, in blocks so small that a
    sort order has many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.index.orders.BLOCK", 16)
        settings = build_database("cuts", lambda: _with_cuts(check(corpus_seed)))
    with serving(settings) as client:
        yield client


@pytest.fixture(scope="session")
def first_seed(shared: Path) -> Path:
    """The seed of the first document."""
    return made_once(shared / "first-seed", write_first)


@pytest.fixture(scope="session")
def first(first_seed: Path, build_database: BuildDatabase) -> Settings:
    """The first document."""
    return build_database("first", lambda: check(first_seed))


@pytest.fixture(scope="session")
def everything(build_database: BuildDatabase) -> Settings:
    """All documents of the project, without the workbooks of many rows, which take a third of the build."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.seeding.downloads.MAX_XLSX_ROWS", 500)
        return build_database("everything", lambda: check(SEED))


@pytest.fixture(scope="session")
def second(build_database: BuildDatabase) -> Settings:
    """The invented document alone."""
    return build_database("second", lambda: check(ALONE))


@pytest.fixture(scope="session")
def both(both_seed: Path, build_database: BuildDatabase) -> Settings:
    """Both documents in one database."""
    return build_database("both", lambda: check(both_seed))


@pytest.fixture(scope="session")
def dataset(both: Settings) -> Dataset:
    """What a service knows of both documents' database."""
    return Snapshots(both, schema_version()).current().dataset


@pytest.fixture(scope="session")
def client(first: Settings) -> Iterator[Client]:
    """A client of the first document's service."""
    with serving(first) as client:
        yield client


@pytest.fixture(scope="session")
def whole(everything: Settings) -> Iterator[Client]:
    """A client of a service over all documents of the project."""
    with serving(everything) as client:
        yield client


@pytest.fixture(scope="session")
def clients(both: Settings) -> Iterator[Client]:
    """A client of both documents' service."""
    with serving(both) as client:
        yield client


def answer(client: Client, path: str, status: int = 200, /, **query: Any) -> dict[str, Any]:
    """The JSON of a response whose status is as expected."""
    response = client.get(path, params=query) if query else client.get(path)
    assert response.status_code == status, response.text
    found: dict[str, Any] = response.json()
    return found


def walk(client: Client, path: str, /, **query: Any) -> list[dict[str, Any]]:
    """Every row of a list, by following `next`."""
    rows: list[dict[str, Any]] = []
    page = answer(client, path, **query)
    while True:
        rows.extend(page["data"])
        if page["links"]["next"] is None:
            return rows
        page = answer(client, page["links"]["next"])


def eventually(holds: Callable[[], object], seconds: float = 60) -> None:
    """Waits until something holds: for what other threads and processes do and nothing tells of."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def visible(response: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    """All of a response that must be the same whenever and by whomever it is made."""
    headers = {name: value for name, value in response.headers.items() if name not in ("date", "x-request-id")}
    return response.status_code, headers, response.content


def connected(port: int, *parts: bytes) -> socket.socket:
    """A connection over which these bytes were sent as they are."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    for part in parts:
        connection.sendall(part)
    return connection


def rest(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    with connection:
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def raw(port: int, *parts: bytes) -> bytes:
    return rest(connected(port, *parts))


@dataclass(frozen=True)
class Process:
    """A running server: its process and port, and the files of its log and its output."""

    pid: int
    port: int
    log: Path
    output: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def raw(self, *parts: bytes) -> bytes:
        return raw(self.port, *parts)

    def memory(self) -> int:
        """Resident megabytes."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def process(settings: Settings, folder: Path, *arguments: str, files: int = 0, **environment: Any) -> Iterator[Process]:
    """A server in a process of its own over a database, as an operator starts it, with settings by their names; `files`
    bounds what it may have open."""
    given = {f"SHISAKU_{name.upper()}": str(value) for name, value in environment.items()}
    command = [sys.executable, "-m", "app.cli", "serve", "--port", "0", *arguments]
    if files:
        command = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", *command]
    log, output = folder / "log", folder / "output"
    with log.open("w") as told, output.open("w") as lines:
        running = subprocess.Popen(
            command,
            cwd=PROJECT,
            env={**os.environ, "SHISAKU_DATABASE": str(settings.database), **given},
            stdout=lines,
            stderr=told,
        )
    try:
        eventually(lambda: "running on http" in log.read_text() or running.poll() is not None)
        port = re.search(r"running on http://127\.0\.0\.1:(\d+)", log.read_text())
        assert port, log.read_text()
        yield Process(running.pid, int(port[1]), log, output)
    finally:
        running.terminate()
        running.wait(60)
