"""Warm-up: the entry points are answered once when the server starts, so that the first client finds them cached."""

import anyio
from starlette.types import ASGIApp, Message

from app.resources import RESOURCES

PATHS = ("/v1", "/v1/exports", "/v1/crosswalk", "/openapi.json", *(f"/v1/{resource.name}" for resource in RESOURCES))


async def warm_up(app: ASGIApp) -> None:
    """Requests each path, in gzip as browsers ask for it."""
    for path in PATHS:
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"accept-encoding", b"gzip")],
        }
        await app(scope, _no_request_body, _discard)
        await anyio.sleep(0)  # requests of clients come first


async def _no_request_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _discard(_: Message) -> None:
    """Nobody waits for these responses."""
