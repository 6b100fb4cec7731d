"""Suggestions while somebody types: filter values and record names that begin with, or contain, what was typed."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Annotated, Any

import orjson
from fastapi import APIRouter
from pydantic import Field
from pyroaring import BitMap
from starlette.responses import Response

from app.api.collections import is_light
from app.api.parameters import Context, Q, by_name, context_of, described
from app.api.responses import json_response
from app.api.search import FOUND, TYPE
from app.index import TextReader, search, search_beginnings
from app.query.filters import Filter, Parameter, one_of
from app.query.matching import Matcher
from app.query.notes import filter_notes
from app.query.parser import Query
from app.query.resource import Resource
from app.query.responses import AnswerMeta
from app.query.vocabulary import Vocabularies
from app.resources.facts import FACTS
from app.schemas import Int32, Name, Note, Schema, to_json
from app.text import phrase

MAX_SUGGESTIONS = 50
BEGINS, CONTAINS = range(2)  # ranks
BATCH = 1_000  # candidates whose texts are read by one statement


def _suggested() -> Mapping[tuple[str, str], list[tuple[Resource, Filter]]]:
    """The filters whose values have names, those that are the same filter of several resources together."""
    found: dict[tuple[str, str], list[tuple[Resource, Filter]]] = {}
    for resource in FACTS:
        for filter_ in resource.filters.values():
            if filter_.kind in ("code", "choice"):
                values = filter_.vocabulary or filter_.schema
                found.setdefault((filter_.name, values), []).append((resource, filter_))
    return found


FILTERS = _suggested()

PARAMETER = Parameter(
    "parameter",
    "Filters whose values to suggest; when left out, those of all filters, and the names of records.",
    "choice",
    many=True,
    choices=one_of(*dict.fromkeys(name for name, _ in FILTERS)),
    schema="FilterName",
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
    answer = partial(_suggestions, context.query, context.prefix)
    return json_response(await context.snapshot.run(answer, light=is_light(context.query)))


@dataclass(frozen=True)
class _Value:
    """A value that was found: in which rank, under which filter of which resource, and of how many of its records."""

    rank: int
    equal: bool
    count: int
    resource: Resource
    filter: Filter
    id: str


def _suggestions(query: Query, prefix: str, matcher: Matcher) -> bytes:
    """A query of PARAMETERS answered in the schema of Suggestions."""
    limit, vocabularies = query.number("limit"), matcher.vocabularies
    values = sorted(_values(query, matcher), key=lambda value: (not value.equal, -value.count))
    # Of equal rank, values come before records, and those that no record has after them.
    ranked: list[tuple[int, int, _Value | int]] = [(each.rank, 0 if each.count else 2, each) for each in values]
    ranked.extend((rank, 1, key) for rank, key in _records(query, matcher))
    shown = [found for *_, found in sorted(ranked, key=lambda each: each[:2])[:limit]]
    keys = [found for found in shown if isinstance(found, int)]
    read = {key: (name, json) for key, name, json in matcher.session.query(FOUND, keys=keys)} if keys else {}
    data, notes = [], dict[str, Note]()
    for found in shown:
        if isinstance(found, _Value):
            chosen = Query({found.filter.name: found.filter}, {found.filter.name: (found.id,)})
            data.append(_of_value(found, chosen, prefix, vocabularies))
            notes.update((note.code, note) for note in filter_notes(chosen, vocabularies))
        else:
            data.append(_of_record(*read[found], prefix))
    return to_json({"data": data, "notes": list(notes.values()), "meta": matcher.dataset.meta})


def _values(query: Query, matcher: Matcher) -> Iterator[_Value]:
    """The values that contain what was typed, in the order of their declaration."""
    types, names, (beginning, whole) = query.get("type"), query.get("parameter"), phrase(query.terms)
    for (name, _), of in FILTERS.items():
        searched = [each for each in of if not types or each[0].name in types]
        if not searched or (names and name not in names):
            continue
        for id_, texts in searched[0][1].values(matcher.vocabularies).searchable.items():
            begins = any(text.startswith(beginning) for text in texts)
            if begins or all(any(term in text for text in texts) for term in query.terms):
                counts = [(len(matcher.values(*each).of(id_)), *each) for each in searched]
                most = max(counts, key=lambda each: each[0])
                yield _Value(BEGINS if begins else CONTAINS, whole in texts, *most, id_)


def _records(query: Query, matcher: Matcher) -> list[tuple[int, int]]:
    """The rank and key of the first records whose names contain what was typed: as many as can be shown."""
    if query.get("parameter"):
        return []
    terms, limit = query.terms, query.number("limit")
    types = query.get("type") or [resource.name for resource in FACTS]
    rows = BitMap.union(*(matcher.index.rows(type_) for type_ in types))
    rows &= search(terms, _Unverified(matcher)).in_names
    found = dict.fromkeys(_first(lambda each: search_beginnings(*phrase(terms), rows, each)[1], matcher, limit), BEGINS)
    if len(found) < limit:
        for key in _first(lambda each: search(terms, each).in_names & rows, matcher, limit):
            found.setdefault(key, CONTAINS)
    return [(rank, key) for key, rank in found.items()]


def _first(find: Callable[[TextReader], BitMap], matcher: Matcher, count: int) -> list[int]:
    """The first rows that `find` gives, `count` or more of them if there are. A long term has to be verified in the
    texts of its candidates, which may be most records: they are read batch by batch, until there are enough."""
    candidates, found = find(_Unverified(matcher)), list[int]()
    while candidates and len(found) < count:
        batch = BitMap(islice(candidates, BATCH))
        found.extend(find(_Within(matcher, batch)) & batch)
        candidates -= batch
    return found


@dataclass(frozen=True)
class _Unverified:
    """Reads an index as if every candidate contained the text."""

    matcher: Matcher

    def entries(self, names: Sequence[str], values: Sequence[str]) -> Iterable[tuple[str, str, bytes]]:
        return self.matcher.entries(names, values)

    def containing(self, _: str, rows: BitMap, __: str) -> BitMap:
        return rows


@dataclass(frozen=True)
class _Within(_Unverified):
    """Reads an index as if only these rows were candidates."""

    within: BitMap

    def containing(self, field: str, rows: BitMap, text: str) -> BitMap:
        return self.matcher.containing(field, rows & self.within, text)


def _of_value(value: _Value, chosen: Query, prefix: str, vocabularies: Vocabularies) -> dict[str, Any]:
    return {
        "type": value.resource.name,
        "parameter": value.filter.name,
        "value": value.id,
        "label": value.filter.values(vocabularies).terms[value.id].label,
        "count": value.count,
        "path": f"{prefix}/v1/{value.resource.name}?{chosen.encode()}",
    }


def _of_record(name: str, json: bytes, prefix: str) -> dict[str, Any]:
    record = orjson.loads(json)
    return {
        "type": name,
        "parameter": None,
        "value": record["id"],
        "label": record["name"],
        "count": None,
        "path": f"{prefix}/v1/{name}/{record['id']}",
    }
