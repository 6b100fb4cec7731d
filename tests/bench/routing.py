"""What an item costs inside one process, without a server: from the response cache, what its line of the log and its
metrics add, through the application, and through the same routes in an included router, with the handler that FastAPI
makes too. `app.api.collections` and `app.main` rest on these figures."""

import os
import time
from typing import Any

import anyio
from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp, Message

from app.api.collections import CollectionRoute, add_collections
from app.http.access import AccessLog, AccessMiddleware
from app.http.metrics import Metrics
from app.main import create_app, service
from app.query.records import read_record
from app.query.snapshot import Snapshot
from app.resources import RESOURCES
from app.resources.budget_lines import BUDGET_LINES
from app.settings import Settings
from tests.bench.corpora import Corpus
from tests.bench.questions import Values
from tests.bench.scenarios import Figure

ROUNDS = 15
REQUESTS = 400  # of a round
CACHED = "an item in one process, from the response cache"
TOLD = "the same, with its line of the log and its metrics"
MOST = 5.0  # microseconds that these may add


def with_collections(settings: Settings, router: APIRouter) -> FastAPI:
    """The application, with the collections in an included router before its own routes."""
    app = create_app(settings)
    add_collections(router, RESOURCES)
    count = len(app.router.routes)
    app.include_router(router)
    app.router.routes[:] = [*app.router.routes[count:], *app.router.routes[:count]]
    return app


def telling(app: FastAPI, quiet: AccessMiddleware) -> ASGIApp:
    """The service, with a line of the log and metrics for each request."""
    refusing: Any = quiet.app
    metrics = Metrics(app.state.snapshots, refusing.app.app, refusing.app)
    return AccessMiddleware(refusing, [AccessLog(os.open(os.devnull, os.O_WRONLY), as_json=False), metrics])


def routing_figures(corpus: Corpus, values: Values) -> list[Figure]:
    settings = Settings(database=corpus.database, database_url=None, access_log=False)
    path = f"/v1/{BUDGET_LINES.name}/{values.ids[0]}"
    app = create_app(settings)
    quiet = service(app)
    assert isinstance(quiet, AccessMiddleware)
    apps: dict[str, ASGIApp] = {
        CACHED: quiet,
        TOLD: telling(app, quiet),
        "the same, by a route of the application": app,
        "the same, by a route of an included router": with_collections(
            settings, APIRouter(route_class=CollectionRoute)
        ),
        "the same, with the handler that FastAPI makes": with_collections(settings, APIRouter()),
    }
    took: dict[str, list[float]] = {name: [] for name in apps}

    async def run() -> None:
        for _ in range(ROUNDS):
            for name, each in apps.items():
                took[name].append(await microseconds(each, path))

    anyio.run(run)
    read = _reading(app.state.snapshots.current(), values.ids[0])
    figures = [Figure(name, "", f"{min(times):,.0f} µs") for name, times in took.items()]
    told = min(took[TOLD]) - min(took[CACHED])
    figures.append(Figure("log and metrics of a request", f"≤ {MOST:g} µs", f"{told:.1f} µs", told <= MOST))
    return [*figures, Figure("the same, reading the record alone", "", f"{read:,.0f} µs")]


def _reading(snapshot: Snapshot, id_: str) -> float:
    """Microseconds of CPU of the query that an item is read with, least of all rounds."""
    found = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(REQUESTS):
            snapshot.database.query(lambda session: read_record(BUDGET_LINES, id_, session))
        found.append((time.process_time() - begun) / REQUESTS * 1e6)
    return min(found)


async def microseconds(app: ASGIApp, url: str, requests: int = REQUESTS) -> float:
    """Microseconds of CPU per request."""
    await _request(app, url)
    begun = time.process_time()
    for _ in range(requests):
        await _request(app, url)
    return (time.process_time() - begun) / requests * 1e6


async def _request(app: ASGIApp, url: str) -> None:
    path, _, query = url.partition("?")
    scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "query_string": query.encode()}
    scope |= {"raw_path": path.encode(), "headers": []}

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise RuntimeError(f"{path}: {message['status']}")

    await app(scope, receive, send)
