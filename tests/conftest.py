"""Databases of one document and of two, of either kind, and a real server over each, for every test to ask."""

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from pydantic import SecretStr
from starlette.types import ASGIApp

from app.main import create_app
from app.http.protocol import Utf8Protocol
from app.seeding.build import SEED, build, check, target
from app.settings import Settings
from tests.postgres import OWNER, READER, Server, running

HERE = Path(__file__).parent
ALONE = HERE / "seed" / "alone"
TOGETHER = HERE / "seed" / "together"

Client = httpx.Client


@contextmanager
def serving(app: ASGIApp) -> Iterator[Client]:
    """A client of a real server over the application, on a port of its own."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        # A client of a whole session may rest longer than a server usually keeps a connection.
        config = uvicorn.Config(app, http=Utf8Protocol, log_level="error", access_log=False, timeout_keep_alive=600)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            host, port = listening.getsockname()
            with Client(base_url=f"http://{host}:{port}", timeout=30) as client:
                for _ in range(1_000):
                    if server.started:
                        break
                    threading.Event().wait(0.01)
                yield client
        finally:
            server.should_exit = True
            thread.join()


SQLITE, POSTGRES = "sqlite", "postgres"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module whose promises hold for every database says `EVERY_DATABASE = True`, and is asked of each."""
    if "kind" in metafunc.fixturenames:
        kinds = [SQLITE, POSTGRES] if getattr(metafunc.module, "EVERY_DATABASE", False) else [SQLITE]
        metafunc.parametrize("kind", kinds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of database."""
    return str(request.param)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL of the tests' own."""
    with running() as server:
        yield server


@dataclass(frozen=True)
class Built:
    """Where a test's data is kept: it is built by one role and read by another that may do nothing else."""

    building: Settings
    reading: Settings

    @classmethod
    def at(cls, path: Path, server: Server | None = None) -> "Built":
        """Settings without a cache: tests ask what is made, not what was kept."""
        if server is None:
            settings = Settings(database=path, database_url=None, cache_bytes=0)
            return cls(settings, settings)
        name = server.database()
        building, reading = (
            Settings(database=path, database_url=SecretStr(server.url(name, user)), cache_bytes=0)
            for user in (OWNER, READER)
        )
        return cls(building, reading)

    def build(self, seed: Path) -> str:
        return build(check(seed), target(self.building))


def built(seed: Path, path: Path, server: Server | None = None) -> Settings:
    """Makes a database from a seed, and gives the settings that it is read with."""
    made = Built.at(path, server)
    made.build(seed)
    return made.reading


Keep = Callable[[Path], Settings]


@pytest.fixture(scope="session")
def keep(kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Keep:
    """Makes a database from a seed, and gives the settings that it is read with."""

    def kept(seed: Path) -> Settings:
        server = request.getfixturevalue("server") if kind == POSTGRES else None
        return built(seed, tmp_path_factory.mktemp("kept") / "shisaku.sqlite", server)

    return kept


@pytest.fixture(scope="session")
def both_seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seed of the first document and the invented one, which adds evidence and a line to the first's measure."""
    seed = tmp_path_factory.mktemp("both") / "seed"
    shutil.copytree(SEED, seed)
    for folder in (*(path for path in ALONE.iterdir() if path.is_dir()), TOGETHER):
        shutil.copytree(folder, seed / folder.name)
    return seed


@pytest.fixture(scope="session")
def first(keep: Keep) -> Settings:
    """The first document."""
    return keep(SEED)


@pytest.fixture(scope="session")
def second(keep: Keep) -> Settings:
    """The invented document alone."""
    return keep(ALONE)


@pytest.fixture(scope="session")
def both(both_seed: Path, keep: Keep) -> Settings:
    """Both documents in one database."""
    return keep(both_seed)


@pytest.fixture(scope="session")
def client(first: Settings) -> Iterator[Client]:
    """A client of the first document's service."""
    with serving(create_app(first)) as client:
        yield client


@pytest.fixture(scope="session")
def clients(both: Settings) -> Iterator[Client]:
    """A client of both documents' service."""
    with serving(create_app(both)) as client:
        yield client


def answer(client: Client, path: str, status: int = 200, /, **query: Any) -> dict[str, Any]:
    """The JSON of a request whose status is as expected."""
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
