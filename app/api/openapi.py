"""The OpenAPI document, served as it is committed: `make openapi` generates it."""

from pathlib import Path

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from app.api.parameters import NoParameters
from app.api.responses import json_response

COMMITTED = Path(__file__).with_name("openapi.json")

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
async def openapi_document(context: NoParameters) -> Response:
    """The committed document, with the path under which this service is published."""
    text = COMMITTED.read_bytes()
    if context.prefix:
        document = orjson.loads(text)
        document["servers"] = [{**document["servers"][0], "url": context.prefix}]
        text = orjson.dumps(document)
    return json_response(text)
