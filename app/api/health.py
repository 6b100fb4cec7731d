"""Health of the process and readiness of its database."""

import logging

import anyio.to_thread
import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.parameters import NoParameters
from app.api.responses import json_response
from app.db.base import Unusable
from app.errors import unavailable

NO_STORE = {"Cache-Control": "no-store"}
FAILED = {  # by check
    "connection": "The check `connection` failed: the database does not answer.",
    "rights": "The check `rights` failed: the service may not read the data.",
    "database": "The check `database` failed: the database is missing or cannot be served. Run `shisaku build`.",
    "integrity": "The check `integrity` failed: the data is not what was built. Run `shisaku build`.",
}

logger = logging.getLogger("shisaku")

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def healthz(_: NoParameters) -> Response:
    """The process runs."""
    return json_response(b'{"status":"ok"}', headers=NO_STORE)


@router.get("/readyz")
async def readyz(request: Request, context: NoParameters) -> Response:
    """The database is there, complete, of this code's schema, and what was built."""
    try:
        await anyio.to_thread.run_sync(request.app.state.snapshots.check)
    except Unusable as error:
        logger.warning("not ready: %s", error)
        raise unavailable(f"{FAILED[error.check]} The log says more.", 5) from error
    ready = {"status": "ready", **context.snapshot.dataset.version.model_dump()}
    return json_response(orjson.dumps(ready), headers=NO_STORE)
