"""Search: one ranked list over all resources, with the field that matched."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from pyroaring import BitMap
from starlette.responses import Response

from app.api.collections import is_light
from app.api.parameters import CURSOR, LIMIT, NEWEST, OFFSET, Context, Q, by_name, context_of, described
from app.api.responses import json_response
from app.index import Keyset, Row, TextMatches, search_beginnings
from app.query.filters import Parameter, one_of, values_at
from app.query.notes import query_notes
from app.query.page import Links, Listing, page_model, render_page
from app.query.parser import Query
from app.query.records import own_fields, read_by_keys
from app.query.resource import Resource, texts_of
from app.query.searcher import Searcher
from app.query.vocabulary import Vocabularies
from app.resources import BY_NAME
from app.resources.facts import FACTS
from app.schemas import Id, Name, Schema, Sentence
from app.text import phrase, place_of, searchable, whole_words

CONTEXT = 40  # characters of an excerpt on each side of the match

TYPE = Parameter(
    "type",
    "Resources to search; all when left out.",
    "choice",
    many=True,
    choices=one_of(*(each.name for each in FACTS)),
    component="RecordType",
    example="measures",
)
PARAMETERS = by_name(replace(Q, required=True), TYPE, LIMIT, OFFSET, CURSOR, NEWEST)


class Match(Schema):
    """What matched first."""

    field: Sentence = Field(
        description="The record's field, such as `name.ja`; `ministries` where it is a name of one of them."
    )
    excerpt: Sentence = Field(description="The words around the match, as they stand there.")


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
        "Records that contain every word of `q`, in either language. Their own texts come first, whole words before "
        "beginnings of words: names equal to `q`, names that begin with it, names that contain it, descriptions. Last "
        "come records found by the names of the organizations, modalities and sections that they link to."
    ),
    response_model=page_model(SearchResult),
    openapi_extra=described(PARAMETERS),
)
async def search_records(context: Annotated[Context, context_of(PARAMETERS)]) -> Response:
    query, path = context.query, f"{context.prefix}/v1/search"
    return json_response(*await context.snapshot.run(results, query, path, light=is_light(query)))


def results(query: Query, path: str, searcher: Searcher) -> tuple[bytes, Links]:
    """A page of the results as JSON, and its links."""
    return render_page(_listing(query, searcher), query, path, searcher)


def _listing(query: Query, searcher: Searcher) -> Listing:
    """Ranked: names equal to the query, names that begin with it, names that contain each term, and descriptions."""
    resources = [BY_NAME[type_] for type_ in query.get("type")] or FACTS
    of_types = BitMap.union(*(searcher.index.rows(resource.name) for resource in resources))
    matches = searcher.search(query.terms, resources)
    ranks = [*_own_ranks(query.terms, matches, searcher), matches.anywhere - matches.in_texts]

    def render(page: Sequence[Row]) -> list[dict[str, Any]]:
        found = read_by_keys([row.key for row in page], searcher.session)
        return [_result(*found[row.key], query.terms[0], searcher.vocabularies) for row in page]

    notes = query_notes(query, resources, matches.anywhere & of_types, searcher)
    return Listing("search", Keyset.ranked(*(rank & of_types for rank in ranks)), render, notes)


def _own_ranks(terms: tuple[str, ...], matches: TextMatches, searcher: Searcher) -> list[BitMap]:
    """The rows whose own texts contain the terms, the best first: as whole words, then as beginnings of words; within
    these, names equal to the query, names that begin with it, names, and descriptions."""
    whole = tuple(map(whole_words, terms))
    equal, beginning = search_beginnings(*phrase(terms), matches.in_names, searcher)
    ranks = [equal, beginning - equal, matches.in_names - beginning, matches.in_texts - matches.in_names]
    in_words = matches.in_texts if whole == terms else searcher.search(whole, []).in_texts
    return [*(rank & in_words for rank in ranks), *(rank - in_words for rank in ranks)]


def _result(name: str, json: bytes, term: str, vocabularies: Vocabularies) -> dict[str, Any]:
    """The result for a record of a resource that contains the term."""
    resource, record = BY_NAME[name], own_fields(json)
    own = texts_of((*resource.names, *resource.descriptions), record)
    texts = ((*each, searchable(each[1])) for each in chain(own, _linked_names(resource, record, term, vocabularies)))
    field, text, plain = next(each for each in texts if term in each[2])
    matched = {"field": field, "excerpt": excerpt(text, plain, term)}
    return {"type": name, "id": record["id"], "name": record["name"], "matched": matched}


def _linked_names(resource: Resource, record: Any, term: str, vocabularies: Vocabularies) -> Iterator[tuple[str, str]]:
    """The names of what a record links to, of that which contains the term, each with the field that links."""
    return (
        (path.partition(".")[0], name)
        for path, vocabulary in resource.searched_links.items()
        for id_ in values_at(record, path)
        if term in vocabularies[vocabulary].searchable[id_]
        for name in vocabularies[vocabulary].concepts[id_].names
    )


def excerpt(text: str, plain: str, term: str) -> str:
    """The text around the first occurrence of a term; `plain` is the text as it is searched."""
    start, end = place_of(term, text, plain)
    first, last = max(0, start - CONTEXT), min(len(text), end + CONTEXT)
    return f"{'…' if first else ''}{text[first:last]}{'…' if last < len(text) else ''}"
