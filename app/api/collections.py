"""The list and the item of every resource, made from its declaration."""

from collections.abc import Callable, Coroutine, Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from app.api.parameters import Context, RecordId, context_of, described, item_parameters, list_parameters
from app.api.responses import json_response
from app.index import MAX_NGRAM
from app.query.fields import project
from app.query.page import list_page, page_model
from app.query.parser import Query
from app.query.records import read_record, read_record_of
from app.query.resource import Resource
from app.query.searcher import Searcher

FEW_ROWS = 100


class CollectionRoute(APIRoute):
    """A route whose function takes what its path names and one dependency, its Context, and returns a response. The
    handler that FastAPI makes, for any parameters and dependencies, costs more than all else of an item together
    (`make bench`, an item in one process)."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        (context,) = self.dependant.dependencies
        context_of_request: Any = context.call
        path_params = {each.name: each.alias for each in self.dependant.path_params}

        async def handle(request: Request) -> Response:
            named = {name: request.path_params[alias] for name, alias in path_params.items()}
            response: Response = await self.endpoint(**named, context=await context_of_request(request))
            return response

        return handle


def add_collections(router: APIRouter, resources: Iterable[Resource]) -> None:
    """Adds the routes of all resources to the application's own router, because FastAPI matches those of an included
    router twice: that costs an item more than reading its record (`make bench`, an item in one process)."""
    for resource in resources:
        _add_list(router, resource)
        _add_item(router, resource)


def is_light(query: Query) -> bool:
    """Whether a page takes less time than a switch to a thread: few whole rows, no facets, no text to verify."""
    return (
        query.number("limit") <= FEW_ROWS
        and not query.get("facet")
        and not query.get("fields")
        and all(len(term) <= MAX_NGRAM for term in query.terms)
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
    async def list_records(context: Annotated[Context, context_of(parameters)]) -> Response:
        query, address = context.query, f"{context.prefix}{path}"
        return json_response(*await context.snapshot.run(list_page, resource, query, address, light=is_light(query)))


def _add_item(router: APIRouter, resource: Resource) -> None:
    parameters = item_parameters(resource)

    @router.get(
        f"/v1/{resource.name}/{{id}}",
        operation_id=f"get_{resource.singular}",
        summary=f"Get one {resource.noun}",
        description=f"The {resource.noun} of this id, as lists show it. An unknown id is a 404 that names the nearest "
        "one, a withdrawn record a 410 that names what replaced it.",
        tags=[resource.name],
        response_model=resource.record,
        openapi_extra=described(parameters),
    )
    async def get_record(id_: RecordId, context: Annotated[Context, context_of(parameters)]) -> Response:
        return json_response(await context.snapshot.run(read_item, resource, id_, context.query, light=True))


def read_item(resource: Resource, id_: str, query: Query, searcher: Searcher) -> bytes:
    """The record that a query of an item asks for: its fields, as its version has them."""
    if query.get("version"):
        record = read_record_of(
            query.text("version"), searcher.vocabularies["version"], resource, id_, searcher.session
        )
    else:
        record = read_record(resource, id_, searcher.session)
    (body,) = project([record], query.get("fields"))
    return body
