"""Routes: every resource's list and item, made from its declaration; nothing here knows which resource it serves."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.db import Rows
from app.errors import Problem, conflict, near
from app.reading.answers import Links
from app.reading.filters import Parameter, one_of
from app.reading.page import LAST_OFFSET, is_light, list_page, page_of
from app.reading.question import LONGEST_Q, MOST_VALUES, Question, ask
from app.reading.resource import Resource
from app.reading.service import Service, Snapshot

JSON = "application/json"
CONTENTS: Mapping[str, Any] = {
    "text/csv": {"type": "string"},
    "application/x-ndjson": {"type": "string"},
    "application/ld+json": {"type": "object", "additionalProperties": True},
}
MOST_ROWS = 500

Q = Parameter(
    name="q",
    meaning=(
        "Words that the names or descriptions contain, in either language: each is found as a part of the text, "
        "whatever its case or width; several must all be there."
    ),
    kind="text",
    maximum=LONGEST_Q,
    example="創薬",
)


def limit_to(default: int) -> Parameter:
    """How many rows a page has when the caller does not say."""
    meaning = "Rows on a page; 0 gives the count alone."
    return Parameter(name="limit", meaning=meaning, kind="integer", maximum=MOST_ROWS, default=default)


LIMIT = limit_to(50)
OFFSET = Parameter(
    name="offset",
    meaning="Rows to pass over, for page numbers; further on, follow `links.next`.",
    kind="integer",
    maximum=LAST_OFFSET,
    default=0,
)
CURSOR = Parameter(
    name="cursor",
    meaning="A place in the list, from `links`; not to be made by hand.",
    kind="text",
    maximum=600,
)
ORDER = Parameter(
    name="order",
    meaning="Direction of `sort`; rows without a value come last either way.",
    kind="choice",
    choices=one_of("asc", "desc"),
    schema="SortOrder",
    default="asc",
)


def by_name(*parameters: Parameter) -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in parameters}


def ordering(resource: Resource) -> tuple[Parameter, ...]:
    """What decides which rows come, and in which order: the same for pages and downloads."""
    sort = Parameter(
        name="sort",
        meaning="What to order by; the collection's own order, mostly the documents', when left out.",
        kind="choice",
        choices=one_of(*resource.sorts),
        schema=f"{resource.record.__name__}Sort",
    )
    return (*resource.filters.values(), Q, sort, ORDER)


def list_parameters(resource: Resource) -> dict[str, Parameter]:
    """Everything that a list takes."""
    facets = Parameter(
        name="facet",
        meaning="Filters to count the rows of: each value under every filter but its own.",
        kind="choice",
        many=True,
        choices=one_of(*resource.facets),
        schema=f"{resource.record.__name__}FacetName",
    )
    offered = (facets,) if resource.facets else ()
    return by_name(*ordering(resource), LIMIT, OFFSET, CURSOR, *offered)


def question_of(request: Request, parameters: Mapping[str, Parameter], snapshot: Snapshot) -> Question:
    """The question that a request asks; raises a 422 Problem that names every fault."""
    question = ask(parameters, request.scope["query_string"], snapshot.dataset.vocabularies)
    if question.get("cursor") and question.number("offset"):  # generated clients send the default beside a cursor
        message = "`cursor` and `offset` are two places at once. Send one of them."
        raise Problem(422, message, errors=[conflict("offset", message)])
    return question


def no_parameters(request: Request) -> None:
    """Refuses any parameter, with a 422 Problem: what takes none ignores none."""
    ask({}, request.scope["query_string"], {})


def respond(body: bytes, links: Links | None = None) -> Response:
    """A JSON answer; its links are in the header too (RFC 8288)."""
    response = Response(body, media_type=JSON)
    if links is not None:
        shown = links.model_dump()
        response.headers["Link"] = ", ".join(f'<{to}>; rel="{rel}"' for rel, to in shown.items() if to)
    return response


def add(
    router: APIRouter,
    path: str,
    endpoint: Callable[[Request], Awaitable[Response]],
    *,
    operation: str,
    summary: str,
    description: str,
    tag: str,
    answer: type[Any] | None = None,
    media_type: str = JSON,
    parameters: Mapping[str, Parameter] | None = None,
) -> None:
    """A GET route. Its parameters are read by `ask`, and described in the OpenAPI document from the same list. An
    answer that is no JSON has a media type in place of a model."""
    told: dict[str, Any] = {"description": f"{summary}."}
    if answer is None:
        told["content"] = {media_type: {"schema": CONTENTS.get(media_type, {"type": "string", "format": "binary"})}}
    else:
        told["model"] = answer
    router.add_api_route(
        path,
        endpoint,
        methods=["GET"],
        operation_id=operation,
        summary=summary,
        description=description,
        tags=[tag],
        responses={200: told},
        response_class=Response,
        openapi_extra={"parameters": [*_in_path(path), *map(described, (parameters or {}).values())]},
    )


def routes(resource: Resource, service: Service) -> APIRouter:
    """The list and the item of one resource."""
    router = APIRouter()
    parameters = list_parameters(resource)
    path = f"/v1/{resource.name}"

    async def list_records(request: Request) -> Response:
        snapshot = service.now()
        question = question_of(request, parameters, snapshot)
        shown = service.settings.prefix + path
        body, links = await snapshot.database.answer(
            lambda rows: list_page(resource, question, snapshot.dataset, snapshot.sets, shown, rows),
            light=is_light(question),
        )
        return respond(body, links)

    async def get_record(request: Request) -> Response:
        snapshot = service.now()
        id_: str = request.path_params["id"]
        no_parameters(request)
        record = await snapshot.database.answer(lambda rows: item(resource, id_, rows), light=True)
        return respond(record.encode())

    noun = resource.singular.replace("_", " ")
    add(
        router,
        path,
        list_records,
        operation=f"list_{resource.plural}",
        summary=f"List {resource.plural.replace('_', ' ')}",
        description=resource.meaning,
        tag=resource.name,
        answer=page_of(resource.record),
        parameters=parameters,
    )
    add(
        router,
        f"{path}/{{id}}",
        get_record,
        operation=f"get_{resource.singular}",
        summary=f"Get one {noun}",
        description=f"The {noun} of this id, as lists show it. An unknown id is a 404 that names the nearest one.",
        tag=resource.name,
        answer=resource.record,
    )
    return router


def item(resource: Resource, id_: str, rows: Rows) -> str:
    """One record as JSON; raises a 404 Problem that names the nearest id."""
    found = rows(resource.reads.record, id=id_)
    if found:
        return str(found[0][0])
    raise missing(resource, id_, rows)


def missing(resource: Resource, id_: str, rows: Rows) -> Problem:
    """The refusal of an unknown id, which names the nearest one."""
    begin = id_[:3]
    alike = rows(resource.reads.alike, first=begin, end=f"{begin}\U0010ffff")
    nearest = near(id_, [row[0] for row in alike])
    hint = f" Did you mean `{nearest}`?" if nearest else ""
    noun = resource.singular.replace("_", " ")
    return Problem(404, f"There is no {noun} of this id.{hint} `/v1/{resource.name}` lists them.")


def _in_path(path: str) -> list[dict[str, Any]]:
    names = [piece[1:-1] for piece in path.split("/") if piece.startswith("{")]
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": "The record's id.",
            "schema": {"type": "string", "maxLength": 200},
        }
        for name in names
    ]


def described(parameter: Parameter) -> dict[str, Any]:
    """A parameter as the OpenAPI document tells it: arrays plain and exploded, nothing nullable."""
    shown: dict[str, Any] = {"name": parameter.name, "in": "query", "required": parameter.required}
    shown["description"] = parameter.meaning
    schema = _schema(parameter)
    if parameter.many:
        shown |= {"style": "form", "explode": True}
        schema = {"type": "array", "items": schema, "maxItems": MOST_VALUES}
    if parameter.default is not None:
        schema["default"] = parameter.default == "true" if parameter.kind == "boolean" else parameter.default
    shown["schema"] = schema
    if parameter.example is not None:
        shown["example"] = [parameter.example] if parameter.many else parameter.example
    return shown


def _schema(parameter: Parameter) -> dict[str, Any]:
    match parameter.kind:
        case "integer":
            limits = {"minimum": parameter.minimum, "maximum": parameter.maximum}
            return {"type": "integer", "format": "int32", **limits}
        case "amount":
            return {"type": "integer", "format": "int64", "minimum": parameter.minimum}
        case "boolean":
            return {"type": "boolean"}
        case "choice":
            return {"type": "string", "enum": list(parameter.choices or ()), "title": parameter.schema}
        case _:
            return {"type": "string", "minLength": 1, "maxLength": parameter.maximum or LONGEST_Q}
