"""The list and the item of every resource, made from its declaration."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from app.api.parameters import NO_PARAMETERS, CurrentSnapshot, described, list_parameters, parsed
from app.api.responses import json_response
from app.index.ngrams import N
from app.query.page import list_page, page_model
from app.query.parser import Query
from app.query.records import read_record
from app.query.resource import Resource

FEW_ROWS = 100

RecordId = Annotated[str, Path(alias="id", description="The record's id.")]


def collections_router(resources: Iterable[Resource]) -> APIRouter:
    """The routes of all resources."""
    router = APIRouter()
    for resource in resources:
        _add_list(router, resource)
        _add_item(router, resource)
    return router


def is_light(query: Query) -> bool:
    """Whether a page takes less time than a switch to a thread: few rows, no facets, no text to verify."""
    return (
        query.number("limit") <= FEW_ROWS and not query.get("facet") and all(len(term) <= N for term in query.terms)
    )


def _add_list(router: APIRouter, resource: Resource) -> None:
    path, parameters = f"/v1/{resource.name}", list_parameters(resource)

    @router.get(
        path,
        operation_id=f"list_{resource.plural}",
        summary=f"List {resource.plural.replace('_', ' ')}",
        description=resource.meaning,
        tags=[resource.name],
        response_model=page_model(resource.record),
        openapi_extra=described(parameters),
    )
    async def list_records(
        request: Request, snapshot: CurrentSnapshot, query: Annotated[Query, Depends(parsed(parameters))]
    ) -> Response:
        shown = f"{request.scope['root_path']}{path}"
        body, links = await snapshot.run(
            lambda matcher: list_page(resource, query, snapshot, shown, matcher), light=is_light(query)
        )
        return json_response(body, links)


def _add_item(router: APIRouter, resource: Resource) -> None:
    noun = resource.singular.replace("_", " ")

    @router.get(
        f"/v1/{resource.name}/{{id}}",
        operation_id=f"get_{resource.singular}",
        summary=f"Get one {noun}",
        description=f"The {noun} of this id, as lists show it. An unknown id is a 404 that names the nearest one.",
        tags=[resource.name],
        response_model=resource.record,
        dependencies=[NO_PARAMETERS],
    )
    async def get_record(id_: RecordId, snapshot: CurrentSnapshot) -> Response:
        return json_response(
            await snapshot.run(lambda matcher: read_record(resource, id_, matcher.session), light=True)
        )
