"""Suggestions while somebody types: filter values and record names that begin with, or hold, what was typed."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
from app.index import Keyset, search_beginnings
from app.query.filters import Filter, Parameter, one_of
from app.query.matching import Matcher
from app.query.parser import Query, filter_notes
from app.query.resource import Resource
from app.query.responses import AnswerMeta
from app.query.snapshot import Snapshot
from app.query.vocabulary import Vocabularies
from app.resources import RESOURCES
from app.schemas import Int32, Name, Note, Schema, to_json

MAX_SUGGESTIONS = 50
LATIN = re.compile("[a-z0-9]")


def _suggested() -> Mapping[tuple[str, str], list[tuple[Resource, Filter]]]:
    """The filters whose values have names, those that are the same filter of several resources together."""
    found: dict[tuple[str, str], list[tuple[Resource, Filter]]] = {}
    for resource in RESOURCES:
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
    total: Int32 = Field(description="How many there are without `limit`.")
    notes: list[Note] = Field(description="What to know of the filters suggested.")
    meta: AnswerMeta


router = APIRouter(tags=["suggest"])


@router.get(
    "/v1/suggest",
    operation_id="suggest",
    summary="Suggest while somebody types",
    description=(
        "Filter values and records whose names, abbreviations or ids hold what was typed: first those that equal it, "
        "then those that begin with it, then those that hold each of its words; in each of these, values before "
        "records, values of many records before those of few, and those of none last. A filter that several "
        "resources have is suggested once, for the resource with the most such records; `type` chooses the resource."
    ),
    response_model=Suggestions,
    openapi_extra=described(PARAMETERS),
)
async def suggest(context: Annotated[Context, context_of(PARAMETERS)]) -> Response:
    query, snapshot, prefix = context.query, context.snapshot, context.prefix
    body = await snapshot.run(lambda matcher: _suggestions(query, snapshot, prefix, matcher), light=is_light(query))
    return json_response(body)


@dataclass(frozen=True)
class _Value:
    """A value that was found: how well, and under which filter of which resource."""

    rank: int
    count: int
    resource: Resource
    filter: Filter
    id: str


def _suggestions(query: Query, snapshot: Snapshot, prefix: str, matcher: Matcher) -> bytes:
    """A query of PARAMETERS answered in the schema of Suggestions."""
    limit, vocabularies = query.number("limit"), snapshot.dataset.vocabularies
    values = sorted(_values(query, matcher), key=lambda value: (value.rank, -value.count))
    records = _records(query, matcher)
    # Of equal rank, values come before records, and those that no record has after them.
    ranked: list[tuple[int, int, _Value | int]] = [(each.rank, 0 if each.count else 2, each) for each in values]
    ranked.extend((row.at[0], 1, row.key) for row in records.page(None, limit))
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
    total = len(values) + len(records)
    return to_json({"data": data, "total": total, "notes": list(notes.values()), "meta": snapshot.dataset.meta})


def _values(query: Query, matcher: Matcher) -> Iterator[_Value]:
    """The values that hold what was typed, in the order of their declaration."""
    types, names = query.get("type"), query.get("parameter")
    for (name, _), of in FILTERS.items():
        asked = [each for each in of if not types or each[0].name in types]
        if not asked or (names and name not in names):
            continue
        for id_, texts in asked[0][1].values(matcher.vocabularies).folded.items():
            rank = _rank(texts, query.terms)
            if rank is not None:
                counts = [(len(matcher.values(*each).of(id_)), *each) for each in asked]
                yield _Value(rank, *max(counts, key=lambda each: each[0]), id_)


def _rank(texts: Iterable[str], terms: Sequence[str]) -> int | None:
    """0 if a text equals the terms, 1 if one begins with them, 2 if each term is in one, otherwise None."""
    phrase = " ".join(terms)
    if phrase in texts:
        return 0
    if any(text.startswith(phrase) for text in texts):
        return 1
    return 2 if all(any(_holds(text, term) for text in texts) for term in terms) else None


def _holds(text: str, term: str) -> bool:
    """Whether a folded text holds a folded term: one of Latin letters or digits at the beginning of a word."""
    if not LATIN.match(term):
        return term in text
    return re.search(rf"(?<![a-z0-9]){re.escape(term)}", text) is not None


def _records(query: Query, matcher: Matcher) -> Keyset:
    """The records whose names hold what was typed, in the ranks of values."""
    if query.get("parameter"):
        return Keyset.ranked()
    rows = matcher.search(query.terms).in_names
    if query.get("type"):
        rows = rows & BitMap.union(*(matcher.index.rows(type_) for type_ in query.get("type")))
    equal, beginning = search_beginnings(" ".join(query.terms), rows, matcher)
    return Keyset.ranked(equal, beginning - equal, rows - beginning)


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
