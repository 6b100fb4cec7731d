"""Databases of one document and of two, and a real server over each, for every test to ask."""

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp

from app.main import create_app
from app.protocol import TypedProtocol
from app.seeding.build import SEED, build, check
from app.settings import Settings

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
        config = uvicorn.Config(app, http=TypedProtocol, log_level="error", access_log=False, timeout_keep_alive=600)
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


def built(seed: Path, path: Path) -> Settings:
    """Settings of a database made from a seed, without a cache: tests ask what is made, not what was kept."""
    build(check(seed), path)
    return Settings(database=path, cache_bytes=0)


@pytest.fixture(scope="session")
def both_seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seed of the first document and the invented one, which adds evidence and a line to the first's measure."""
    seed = tmp_path_factory.mktemp("both") / "seed"
    shutil.copytree(SEED, seed)
    for folder in (*(path for path in ALONE.iterdir() if path.is_dir()), TOGETHER):
        shutil.copytree(folder, seed / folder.name)
    return seed


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The first document."""
    return built(SEED, tmp_path_factory.mktemp("first") / "shisaku.sqlite")


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The invented document alone."""
    return built(ALONE, tmp_path_factory.mktemp("second") / "shisaku.sqlite")


@pytest.fixture(scope="session")
def both(both_seed: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Both documents in one database."""
    return built(both_seed, tmp_path_factory.mktemp("together") / "shisaku.sqlite")


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
