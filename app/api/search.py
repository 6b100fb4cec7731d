"""Search: one ranked list over all resources, with the field that matched."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import orjson
from fastapi import APIRouter
from pydantic import Field
from pyroaring import BitMap
from sqlmodel import col, select
from starlette.responses import Response

from app.api.collections import is_light
from app.api.parameters import CURSOR, LIMIT, OFFSET, Context, Q, asked, by_name, described
from app.api.responses import json_response
from app.db.base import InList, Statement
from app.db.tables import ServingRecord
from app.index import Keyset, Row, search_beginnings
from app.query.filters import Parameter, one_of
from app.query.matching import Matcher
from app.query.page import Listing, page_model, render_page
from app.query.parser import Query
from app.query.resource import Resource, texts_of
from app.resources import RESOURCES
from app.schemas import Id, Name, Schema, Sentence
from app.text import fold

CONTEXT = 40  # characters of an excerpt on each side of the match

BY_NAME: Mapping[str, Resource] = {resource.name: resource for resource in RESOURCES}
FOUND = Statement(
    select(ServingRecord.key, ServingRecord.resource, ServingRecord.record).where(
        InList(col(ServingRecord.key), "keys")
    )
)

TYPE = Parameter(
    "type",
    "Resources to search; all when left out.",
    "choice",
    many=True,
    choices=one_of(*BY_NAME),
    schema="RecordType",
    example="measures",
)
PARAMETERS = by_name(replace(Q, required=True), TYPE, LIMIT, OFFSET, CURSOR)


class Match(Schema):
    """What matched first."""

    field: Sentence = Field(description="The record's field, such as `name.ja`.")
    excerpt: Sentence = Field(description="The words around the match, as they stand in the record.")


class SearchResult(Schema):
    """One record found."""

    type: str = Field(description="The resource.")
    id: Id
    name: Name
    matched: Match


router = APIRouter(tags=["search"])


@router.get(
    "/v1/search",
    operation_id="search",
    summary="Search everything",
    description=(
        "Records whose names or descriptions contain every word of `q`, in either language: exact names first, "
        "then names that begin with it, names that contain it, and descriptions."
    ),
    response_model=page_model(SearchResult),
    openapi_extra=described(PARAMETERS),
)
async def search_records(context: Annotated[Context, asked(PARAMETERS)]) -> Response:
    query, snapshot = context.query, context.snapshot
    path = f"{context.prefix}/v1/search"
    body, links = await snapshot.run(
        lambda matcher: render_page(_listing(query, matcher), query, snapshot, path), light=is_light(query)
    )
    return json_response(body, links)


def _listing(query: Query, matcher: Matcher) -> Listing:
    """Ranked: names equal to the query, names that begin with it, names that contain each term, and descriptions."""
    terms = query.terms
    matches = matcher.search(terms)
    rows = matches.anywhere
    if query.get("type"):
        rows = rows & BitMap.union(*(matcher.index.rows(type_) for type_ in query.get("type")))
    in_names = matches.in_names & rows
    equal, beginning = search_beginnings(" ".join(terms), in_names, matcher)
    ranked = Keyset.ranked(equal, beginning - equal, in_names - beginning, rows - in_names)

    def render(page: Sequence[Row]) -> list[dict[str, Any]]:
        records = matcher.session.query(FOUND, keys=[row.key for row in page])
        found = {key: (name, record) for key, name, record in records}
        return [_result(*found[row.key], terms[0]) for row in page]

    return Listing("search", ranked, render)


def _result(name: str, json: bytes, term: str) -> dict[str, Any]:
    """The result for a record of a resource, one of whose texts contains the term."""
    resource, record = BY_NAME[name], orjson.loads(json)
    texts = texts_of((*resource.names, *resource.descriptions), record)
    field, text = next(each for each in texts if term in fold(each[1]))
    matched = {"field": field, "excerpt": excerpt(text, term)}
    return {"type": name, "id": record["id"], "name": record["name"], "matched": matched}


def excerpt(text: str, term: str) -> str:
    """The text around the first occurrence of a folded term. Folding may change the number of characters, so both ends
    of the occurrence are searched for in the text as it is."""
    end = bisect_left(range(len(text)), True, key=lambda place: term in fold(text[:place]))  # noqa: FBT003
    start = bisect_right(range(end), False, key=lambda place: term not in fold(text[place:end])) - 1  # noqa: FBT003
    first, last = max(0, start - CONTEXT), min(len(text), end + CONTEXT)
    return f"{'…' if first else ''}{text[first:last]}{'…' if last < len(text) else ''}"
