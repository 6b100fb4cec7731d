"""Suggestions while somebody types: filter values and record names that begin with, or contain, what was typed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from pyroaring import BitMap
from starlette.responses import Response

from app.api.collections import is_light
from app.api.parameters import Context, Q, by_name, context_of, described
from app.api.responses import json_response
from app.api.search import TYPE
from app.index import search_beginnings
from app.query.filters import Filter, Parameter, one_of
from app.query.notes import filter_notes
from app.query.parser import Query
from app.query.records import own_fields, read_by_keys
from app.query.resource import Resource
from app.query.responses import AnswerMeta
from app.query.searcher import Searcher
from app.query.vocabulary import Vocabularies
from app.resources.facts import FACTS
from app.schemas import Int32, Name, Note, Schema, to_json
from app.text import phrase

MAX_SUGGESTIONS = 50
BEGINS, CONTAINS = range(2)  # ranks


def _suggested() -> Mapping[tuple[str, str], list[tuple[Resource, Filter]]]:
    """The filters whose values have names, those that are the same filter of several resources together."""
    found: dict[tuple[str, str], list[tuple[Resource, Filter]]] = {}
    for resource in FACTS:
        for filter_ in resource.filters.values():
            if filter_.kind in ("code", "choice"):
                values = filter_.vocabulary or filter_.component
                found.setdefault((filter_.name, values), []).append((resource, filter_))
    return found


FILTERS = _suggested()

PARAMETER = Parameter(
    "parameter",
    "Filters whose values to suggest; when left out, those of all filters, and the names of records.",
    "choice",
    many=True,
    choices=one_of(*dict.fromkeys(name for name, _ in FILTERS)),
    component="FilterName",
    example="ministry",
)
LIMIT = Parameter("limit", "Suggestions at most.", "integer", minimum=1, maximum=MAX_SUGGESTIONS, default=10)
PARAMETERS = by_name(
    replace(Q, required=True, meaning="What was typed, one character or more, in either language.", example="厚"),
    TYPE,
    PARAMETER,
    LIMIT,
)


class Suggestion(Schema):
    """A value of a filter, or a record."""

    type: str = Field(description="The resource: the one that the filter is of, or the record's.")
    parameter: str | None = Field(description="The filter that takes the value; null for a record.")
    value: str = Field(description="What the filter takes, or the record's id.")
    label: Name = Field(description="The value or the record by name.")
    count: Int32 | None = Field(description="How many records of `type` have the value; null for a record.")
    path: str = Field(description="The list under this filter, or the record.")


class Suggestions(Schema):
    """What may have been meant, the best first."""

    data: list[Suggestion]
    notes: list[Note] = Field(description="What to know of the filters suggested.")
    meta: AnswerMeta


router = APIRouter(tags=["suggest"])


@router.get(
    "/v1/suggest",
    operation_id="suggest",
    summary="Suggest while somebody types",
    description=(
        "Filter values whose labels, aliases or ids hold what was typed, and records whose names do: first those that "
        "begin with it, then those that hold each of its words. In both, values come before records: the value that "
        "equals it first, then those of many records before those of few, and those of no record after the records. "
        "A filter that several resources have is suggested once, for the resource with the most such records; `type` "
        "chooses the resource."
    ),
    response_model=Suggestions,
    openapi_extra=described(PARAMETERS),
)
async def suggest(context: Annotated[Context, context_of(PARAMETERS)]) -> Response:
    query = context.query
    return json_response(await context.snapshot.run(_suggestions, query, context.prefix, light=is_light(query)))


@dataclass(frozen=True)
class _Value:
    """A value of a filter of a resource, and of how many of its records."""

    count: int
    resource: Resource
    filter: Filter
    id: str


Order = tuple[int, ...]  # rank; values before records, those of no record after them; the equal one; those of many


def _suggestions(query: Query, prefix: str, searcher: Searcher) -> bytes:
    """A query of PARAMETERS answered in the schema of Suggestions."""
    ordered: list[tuple[Order, _Value | int]] = sorted(
        [*_values(query, searcher), *_records(query, searcher)], key=itemgetter(0)
    )
    shown = [found for _, found in ordered[: query.number("limit")]]
    keys = [found for found in shown if isinstance(found, int)]
    read = read_by_keys(keys, searcher.session)
    data, notes = [], dict[str, Note]()
    for found in shown:
        if isinstance(found, _Value):
            chosen = Query({found.filter.name: found.filter}, {found.filter.name: (found.id,)})
            data.append(_of_value(found, chosen, prefix, searcher.vocabularies))
            notes.update((note.code, note) for note in filter_notes(chosen, searcher.vocabularies))
        else:
            data.append(_of_record(*read[found], prefix))
    return to_json({"data": data, "notes": list(notes.values()), "meta": searcher.dataset.meta})


def _values(query: Query, searcher: Searcher) -> Iterator[tuple[Order, _Value]]:
    """The values that contain what was typed, in the order of their declaration."""
    types, names, (beginning, whole) = query.get("type"), query.get("parameter"), phrase(query.terms)
    for (name, _), of in FILTERS.items():
        searched = [each for each in of if not types or each[0].name in types]
        if not searched or (names and name not in names):
            continue
        for id_, texts in searched[0][1].values(searcher.vocabularies).searchable.items():
            begins = f"\n{beginning}" in texts
            if begins or all(term in texts for term in query.terms):
                counts = [(len(searcher.values(*each).of(id_)), *each) for each in searched]
                value = _Value(*max(counts, key=itemgetter(0)), id_)
                rank = BEGINS if begins else CONTAINS
                yield (rank, 0 if value.count else 2, f"\n{whole}\n" not in texts, -value.count), value


def _records(query: Query, searcher: Searcher) -> Iterator[tuple[Order, int]]:
    """The keys of the first records whose names contain what was typed: as many as can be shown."""
    if query.get("parameter"):
        return
    types = query.get("type") or [resource.name for resource in FACTS]
    of_types = BitMap.union(*(searcher.index.rows(type_) for type_ in types))
    contain = searcher.search(query.terms, []).in_names & of_types
    _, begin = search_beginnings(*phrase(query.terms), contain, searcher)
    for rank, rows in ((BEGINS, begin), (CONTAINS, contain - begin)):
        yield from (((rank, 1), key) for key in rows[: query.number("limit")])


def _of_value(value: _Value, chosen: Query, prefix: str, vocabularies: Vocabularies) -> dict[str, Any]:
    return {
        "type": value.resource.name,
        "parameter": value.filter.name,
        "value": value.id,
        "label": value.filter.values(vocabularies).concepts[value.id].label,
        "count": value.count,
        "path": f"{prefix}/v1/{value.resource.name}?{chosen.encode()}",
    }


def _of_record(name: str, json: bytes, prefix: str) -> dict[str, Any]:
    record = own_fields(json)
    return {
        "type": name,
        "parameter": None,
        "value": record["id"],
        "label": record["name"],
        "count": None,
        "path": f"{prefix}/v1/{name}/{record['id']}",
    }
