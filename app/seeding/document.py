"""Makes the OpenAPI document from a service over the seed, so that its examples are true; the service never does."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from anyio.from_thread import start_blocking_portal
from starlette.types import ASGIApp, Message

from app import openapi
from app.main import api, create_app, operations
from app.reading.service import Service
from app.seeding.build import SEED, build, check
from app.settings import Settings


def generated() -> bytes:
    """The document, from the seed of this project."""
    with TemporaryDirectory() as folder:
        settings = Settings(database=Path(folder) / "shisaku.sqlite", database_url=None)
        build(check(SEED), settings.database)
        app = create_app(settings)
        with start_blocking_portal() as portal:
            service = Service(settings)
            return openapi.generated(
                api(operations(service), service.now, described=True), lambda path: portal.call(_get, app, path)
            )


async def _get(app: ASGIApp, url: str) -> tuple[int, Any]:
    """Asks the application itself: no server, no socket."""
    path, _, query = url.partition("?")
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": []}
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, asyncio.Queue[Message]().get, send)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    media_type = dict(sent[0]["headers"])[b"content-type"].partition(b";")[0]
    is_json = media_type.endswith(b"json") and not media_type.endswith(b"ndjson")
    return sent[0]["status"], orjson.loads(body) if is_json else body.decode()
