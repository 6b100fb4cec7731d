"""Health of the process, readiness of its database, and the OpenAPI document."""

import logging

import anyio.to_thread
import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api import openapi
from app.api.parameters import NoParameters
from app.api.responses import json_response
from app.db.base import Unusable
from app.db.opening import check_usable
from app.errors import unavailable
from app.resources.schema import schema_version

NO_STORE = {"Cache-Control": "no-store"}

logger = logging.getLogger("shisaku")

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def healthz(_: NoParameters) -> Response:
    """The process runs."""
    return json_response(b'{"status":"ok"}', headers=NO_STORE)


@router.get("/readyz")
async def readyz(request: Request, context: NoParameters) -> Response:
    """The database is there, complete, and of this code's schema."""
    try:
        await anyio.to_thread.run_sync(check_usable, request.app.state.settings, schema_version())
    except Unusable as error:
        logger.warning("not ready: %s", error)
        detail = "The database is missing or cannot be served; the log says more. Run `shisaku build`."
        raise unavailable(detail, 5) from error
    ready = {"status": "ready", **context.snapshot.dataset.version.model_dump()}
    return json_response(orjson.dumps(ready), headers=NO_STORE)


@router.get("/openapi.json")
async def openapi_document(context: NoParameters) -> Response:
    return json_response(openapi.served(context.prefix))
