"""The list and the item of every resource, made from its declaration."""

from collections.abc import Iterable
from functools import partial
from typing import Annotated

from fastapi import FastAPI
from starlette.responses import Response

from app.api.parameters import Context, RecordId, context_of, described, item_parameters, list_parameters
from app.api.responses import json_response
from app.index import MAX_NGRAM
from app.query.fields import project
from app.query.matching import Matcher
from app.query.page import list_page, page_model
from app.query.parser import Query
from app.query.records import read_record, read_record_of
from app.query.resource import Resource

FEW_ROWS = 100


def add_collections(app: FastAPI, resources: Iterable[Resource]) -> None:
    """Adds the routes of all resources. They are routes of the application itself, because FastAPI matches those of an
    included router twice: that costs an item more than reading its record (`make bench`, an item in one process)."""
    for resource in resources:
        _add_list(app, resource)
        _add_item(app, resource)


def is_light(query: Query) -> bool:
    """Whether a page takes less time than a switch to a thread: few whole rows, no facets, no text to verify."""
    return (
        query.number("limit") <= FEW_ROWS
        and not query.get("facet")
        and not query.get("fields")
        and all(len(term) <= MAX_NGRAM for term in query.terms)
    )


def _add_list(app: FastAPI, resource: Resource) -> None:
    path, parameters = f"/v1/{resource.name}", list_parameters(resource)

    @app.get(
        path,
        operation_id=f"list_{resource.plural}",
        summary=f"List {resource.plural.replace('_', ' ')}",
        description=resource.meaning,
        tags=[resource.name],
        response_model=page_model(resource.record),
        openapi_extra=described(parameters),
    )
    async def list_records(context: Annotated[Context, context_of(parameters)]) -> Response:
        answer = partial(list_page, resource, context.query, f"{context.prefix}{path}")
        return json_response(*await context.snapshot.run(answer, light=is_light(context.query)))


def _add_item(app: FastAPI, resource: Resource) -> None:
    noun = resource.singular.replace("_", " ")
    parameters = item_parameters(resource)

    @app.get(
        f"/v1/{resource.name}/{{id}}",
        operation_id=f"get_{resource.singular}",
        summary=f"Get one {noun}",
        description=f"The {noun} of this id, as lists show it. An unknown id is a 404 that names the nearest one, a "
        "withdrawn record a 410 that names what replaced it.",
        tags=[resource.name],
        response_model=resource.record,
        openapi_extra=described(parameters),
    )
    async def get_record(id_: RecordId, context: Annotated[Context, context_of(parameters)]) -> Response:
        read = partial(read_item, resource, id_, context.query)
        body = await context.snapshot.run(read, light=True)
        return json_response(body)


def read_item(resource: Resource, id_: str, query: Query, matcher: Matcher) -> bytes:
    """The record that a query of an item asks for: its fields, as its version has them."""
    if query.get("version"):
        record = read_record_of(query.text("version"), matcher.vocabularies["version"], resource, id_, matcher.session)
    else:
        record = read_record(resource, id_, matcher.session)
    (body,) = project([record], query.get("fields"))
    return body
