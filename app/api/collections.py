"""The list and the item of every resource, made from its declaration; nothing here knows which resource it serves."""

from starlette.responses import Response

from app.db import Rows
from app.errors import Problem, near
from app.reading.filters import Parameter, one_of
from app.reading.operations import Operation, respond
from app.reading.page import LAST_OFFSET, is_light, list_page, page_of
from app.reading.question import LONGEST_Q, Question
from app.reading.resource import Resource
from app.reading.service import Service, Snapshot

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


def operations(resource: Resource, service: Service) -> list[Operation]:
    """The list and the item of one resource."""
    path = f"/v1/{resource.name}"
    shown = service.settings.prefix + path
    noun = resource.singular.replace("_", " ")

    async def list_records(snapshot: Snapshot, question: Question, _: str) -> Response:
        body, links = await snapshot.database.answer(
            lambda rows: list_page(resource, question, snapshot.dataset, snapshot.sets, shown, rows),
            light=is_light(question),
        )
        return respond(body, links)

    async def get_record(snapshot: Snapshot, _: Question, id_: str) -> Response:
        record = await snapshot.database.answer(lambda rows: item(resource, id_, rows), light=True)
        return respond(record)

    return [
        Operation(
            path=path,
            answer=list_records,
            parameters=list_parameters(resource),
            name=f"list_{resource.plural}",
            summary=f"List {resource.plural.replace('_', ' ')}",
            description=resource.meaning,
            tag=resource.name,
            shape=page_of(resource.record),
        ),
        Operation(
            path=f"{path}/{{id}}",
            answer=get_record,
            name=f"get_{resource.singular}",
            summary=f"Get one {noun}",
            description=f"The {noun} of this id, as lists show it. An unknown id is a 404 that names the nearest one.",
            tag=resource.name,
            shape=resource.record,
        ),
    ]


def item(resource: Resource, id_: str, rows: Rows) -> bytes:
    """One record as JSON; raises a 404 Problem that names the nearest id."""
    found = rows(resource.reads.record, id=id_)
    if found:
        return bytes(found[0][0])
    raise missing(resource, id_, rows)


def missing(resource: Resource, id_: str, rows: Rows) -> Problem:
    """The refusal of an unknown id, which names the nearest one."""
    begin = id_[:3]
    alike = rows(resource.reads.alike, first=begin, end=f"{begin}\U0010ffff")
    nearest = near(id_, [row[0] for row in alike])
    hint = f" Did you mean `{nearest}`?" if nearest else ""
    noun = resource.singular.replace("_", " ")
    return Problem(404, f"There is no {noun} of this id.{hint} `/v1/{resource.name}` lists them.")
