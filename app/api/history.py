"""The history of one record: its rows of `changes`."""

from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter
from pyroaring import BitMap
from starlette.responses import Response

from app.api.collections import is_light
from app.api.parameters import CURSOR, LIMIT, OFFSET, Context, RecordId, by_name, context_of, described
from app.api.responses import json_response
from app.index import Keyset, Row
from app.query.page import Links, Listing, page_model, render_page
from app.query.records import RECORDS, read_record, read_rows
from app.query.resource import Resource
from app.query.searcher import Searcher
from app.resources.changes import CHANGES, Change
from app.resources.facts import FACTS

PARAMETERS = by_name(LIMIT, OFFSET, CURSOR)


router = APIRouter()


def _add_history(resource: Resource) -> None:
    @router.get(
        f"/v1/{resource.name}/{{id}}/history",
        operation_id=f"get_{resource.singular}_history",
        summary=f"Tell what changed of one {resource.noun}",
        description=f"The changes of the {resource.noun}, the newest first, as `/v1/changes` lists them; none if it is "
        "as the first version has it. What was withdrawn has a history too.",
        tags=[resource.name],
        response_model=page_model(Change),
        openapi_extra=described(PARAMETERS),
    )
    async def get_history(id_: RecordId, context: Annotated[Context, context_of(PARAMETERS)]) -> Response:
        light = is_light(context.query)
        return json_response(*await context.snapshot.run(_page, resource, id_, context, light=light))


def _page(resource: Resource, id_: str, context: Context, searcher: Searcher) -> tuple[bytes, Links]:
    path = f"{context.prefix}/v1/{resource.name}/{id_}/history"
    return render_page(history_of(resource, id_, searcher), context.query, path, searcher)


def history_of(resource: Resource, id_: str, searcher: Searcher) -> Listing:
    """The changes of a record. Raises a 404 Problem if no version has it."""
    rows = _rows(resource, id_, searcher)
    if not rows:
        read_record(resource, id_, searcher.session)

    def render(page: Sequence[Row]) -> list[Any]:
        return list(map(orjson.Fragment, read_rows(RECORDS, page, searcher.session)))

    return Listing(f"{resource.name}/{id_}/history", Keyset.by_key(rows), render)


def last_change(resource: Resource, id_: str, searcher: Searcher) -> Any:
    """The newest change of a record; None if it is as the first version has it."""
    rows = _rows(resource, id_, searcher)
    if not rows:
        return None
    ((_, change),) = searcher.session.query(RECORDS, keys=[rows.min()])
    return orjson.loads(change)


def _rows(resource: Resource, id_: str, searcher: Searcher) -> BitMap:
    rows = searcher.rows_of(CHANGES, CHANGES.filters["id"], (id_,))
    return rows & searcher.rows_of(CHANGES, CHANGES.filters["type"], (resource.name,))


for _resource in FACTS:
    _add_history(_resource)
