"""Query parameters: parsed by a dependency, and described for the OpenAPI document, from the same declarations."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Path, Request

from app.errors import Problem, prefixed
from app.query.fields import field_paths
from app.query.filters import Parameter, one_of, with_operators
from app.query.hints import Elsewhere
from app.query.page import MAX_OFFSET
from app.query.parser import MAX_Q_LENGTH, MAX_VALUES, Query, parse
from app.query.resource import Resource
from app.query.snapshot import Snapshot
from app.resources import RESOURCES
from app.resources.facts import FACTS

MAX_ROWS = 500
# A text without control characters and noncharacters, as JSON Schema says it.
PLAIN = r"^[^\u0000-\u001f\u007f-\u009f\ufffe\uffff]*$"

Parameters = Mapping[str, Parameter]

# By name of a filter, the lists that have it; by that of a record, its address.
REQUESTS: Mapping[str, Sequence[str]] = {each.singular: [f"/v1/{each.name}/{{id}}"] for each in RESOURCES} | {
    name: [f"/v1/{each.name}?{name}=" for each in RESOURCES if name in each.filters]
    for resource in RESOURCES
    for name, filter_ in resource.filters.items()
    if filter_.kind != "id"
}


@dataclass(frozen=True, slots=True)
class Context:
    """What a route answers from: the parsed query, the snapshot of the data, and the prefix of all links."""

    query: Query
    snapshot: Snapshot
    prefix: str


def context_of(parameters: Parameters, advice: str = "") -> Any:
    """A dependency that parses the query string against these parameters into a Context. It raises a 422 Problem that
    names every error, and ends with the advice; with no parameters, any query string is one."""
    required = any(parameter.required for parameter in parameters.values())
    empty = Query(parameters)

    async def context(request: Request) -> Context:
        snapshot: Snapshot = request.state.snapshot
        query_string, prefix = request.scope["query_string"], request.scope["root_path"]
        query = empty
        if query_string or required:
            try:
                query = parse(parameters, query_string, snapshot.dataset.vocabularies, Elsewhere(REQUESTS, prefix))
            except Problem as problem:
                detail = f"{problem.detail} {prefixed(advice, prefix)}".rstrip()
                raise Problem(problem.status, detail, errors=problem.errors) from problem
        return Context(query, snapshot, prefix)

    return Depends(context)


NoParameters = Annotated[Context, context_of({})]
RecordId = Annotated[str, Path(alias="id", description="The record's id.", json_schema_extra={"maxLength": 250})]


def by_name(*parameters: Parameter) -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in parameters}


def described(parameters: Parameters) -> dict[str, Any]:
    """The parameters for `openapi_extra`."""
    return {"parameters": list(map(_described, parameters.values()))}


def _described(parameter: Parameter) -> dict[str, Any]:
    """A parameter as the OpenAPI document has it: arrays plain and exploded, nothing nullable."""
    found: dict[str, Any] = {"name": parameter.name, "in": "query", "required": parameter.required}
    found["description"] = parameter.meaning
    schema = _schema(parameter)
    if parameter.many:
        found |= {"style": "form", "explode": True}
        schema = {"type": "array", "items": schema, "maxItems": MAX_VALUES}
    if parameter.default is not None:
        schema["default"] = parameter.default == "true" if parameter.kind == "boolean" else parameter.default
    found["schema"] = schema
    if parameter.example is not None:
        found["example"] = parameter.example.split(",") if parameter.many else parameter.example
    return found


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
            return {"type": "string", "enum": list(parameter.choices or ()), "title": parameter.component}
        case _:
            found = {"type": "string", "minLength": 1, "maxLength": parameter.maximum or MAX_Q_LENGTH}
            return found | {"pattern": PLAIN} if parameter.kind == "text" else found


Q = Parameter(
    "q",
    "Words that a record contains, in either language: in its names or descriptions, or in the names of the "
    "organizations, modalities and sections that it links to. Japanese is found anywhere in a text, Latin words and "
    "numbers by their beginning, whatever the case or width; hiragana and katakana differ. Several must all be there.",
    "text",
    maximum=MAX_Q_LENGTH,
    example="創薬",
)


def limit(default: int) -> Parameter:
    """The number of rows on a page, with a default."""
    return Parameter("limit", "Rows on a page; 0 gives the count alone.", "integer", maximum=MAX_ROWS, default=default)


LIMIT = limit(50)
OFFSET = Parameter(
    "offset",
    "Rows to pass over, for page numbers; further on, follow `links.next`.",
    "integer",
    maximum=MAX_OFFSET,
    default=0,
)
CURSOR = Parameter("cursor", "A place in the list, from `links`; not to be made by hand.", "text", maximum=600)
ORDER = Parameter(
    "order",
    "Direction of `sort`; rows without a value come last either way.",
    "choice",
    choices=one_of("asc", "desc"),
    component="SortOrder",
    default="asc",
)

LANG = Parameter(
    "lang", "Language of the words.", "choice", choices=one_of("en", "ja"), component="Language", default="en"
)


def fields(paths: Iterable[str]) -> Parameter:
    """The fields to show, from these paths. They are an open list in the document: a value with a dot is no name of a
    constant in a generated client."""
    return Parameter(
        "fields",
        "Fields to show, dotted within objects and lists of objects, such as `name.ja`: these alone, in the record's "
        "order, `id` too only where it is named. `/v1` lists them. The schema describes whole records: with `fields`, "
        "take the answer as plain JSON.",
        "code",
        many=True,
        choices=one_of(*paths),
        example="id,name.ja",
    )


def selection(resource: Resource) -> tuple[Parameter, ...]:
    """The parameters that decide which rows come, and in which order: the same for pages and downloads."""
    sort = Parameter(
        "sort",
        "What to order by; the collection's own order, mostly the documents', when left out.",
        "choice",
        choices=one_of(*resource.sorts),
        component=f"{resource.record.__name__}Sort",
    )
    version = () if "version" in resource.filters else (NEWEST,)
    return (*with_operators(resource.filters.values()), Q, sort, ORDER, *version)


VERSION = Parameter(
    "version",
    "Answer with the record as this version of the data has it; `/v1/versions` lists them. The newest when left out. "
    "The schema describes the newest: of an older version, take the answer as plain JSON.",
    "code",
    vocabulary="version",
)


NEWEST = Parameter(
    "version",
    "The newest version of the data, for a link that says which it was made from. An older one is refused: lists are "
    "answered as of the newest alone.",
    "code",
    vocabulary="version",
    newest=True,
)


def item_parameters(resource: Resource) -> Parameters:
    """The parameters of an item."""
    shown = fields(field_paths(resource.record))
    return by_name(shown, *([VERSION] if resource in FACTS else []))


def list_parameters(resource: Resource) -> Parameters:
    """The parameters of a list."""
    facet = Parameter(
        "facet",
        "Filters to count the rows of: each value under every filter but its own.",
        "choice",
        many=True,
        choices=one_of(*resource.facets),
        component=f"{resource.record.__name__}FacetName",
    )
    shown = fields(field_paths(resource.record))
    return by_name(*selection(resource), LIMIT, OFFSET, CURSOR, *([facet] if resource.facets else []), shown)
