"""Search: one ranked list over all resources, with the words that matched; it finds what `q` finds in each."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from pydantic import Field
from pyroaring import BitMap
from starlette.responses import Response

from app.db import Rows
from app.facts.shapes import Id, Name, Sentence, Shape
from app.facts.text import fold
from app.reading.filters import Parameter, one_of
from app.reading.operations import Operation, respond
from app.reading.page import Listing, answer, is_light, page_of
from app.reading.question import Question
from app.reading.resource import Resource, texts_of
from app.reading.routes import CURSOR, LIMIT, OFFSET, Q, by_name
from app.reading.service import Service, Snapshot
from app.reading.sets import SHOWN, Sets
from app.reading.views import Found, Keys, View

AROUND = 40  # characters of an excerpt on each side of the match


class Match(Shape):
    """What matched first."""

    field: Sentence = Field(description="The record's field, such as `name.ja`.")
    excerpt: Sentence = Field(description="The words around the match, as they stand in the record.")


class SearchResult(Shape):
    """One record found."""

    type: str = Field(description="The resource.")
    id: Id
    name: Name
    matched: Match


def operations(service: Service, resources: Sequence[Resource]) -> list[Operation]:
    """The search over these resources; records of one rank come in their order."""
    by_type = {resource.name: resource for resource in resources}
    type_ = Parameter(
        name="type",
        meaning="Resources to search; all when left out.",
        kind="choice",
        many=True,
        choices=one_of(*by_type),
        schema="RecordType",
        example="measures",
    )
    parameters = by_name(replace(Q, required=True), type_, LIMIT, OFFSET, CURSOR)

    async def search(snapshot: Snapshot, question: Question, _: str) -> Response:
        path = f"{service.settings.prefix}/v1/search"
        body, links = await snapshot.database.answer(
            lambda rows: answer(
                _listing(question, by_type, snapshot.sets, rows), question, snapshot.dataset, path, rows
            ),
            light=is_light(question),
        )
        return respond(body, links)

    return [
        Operation(
            path="/v1/search",
            answer=search,
            name="search",
            summary="Search everything",
            description=(
                "Records whose names or descriptions contain every word of `q`, in either language: exact names first, "
                "then names that begin with it, names that contain it, and descriptions."
            ),
            tag="search",
            shape=page_of(SearchResult),
            parameters=parameters,
        )
    ]


def _listing(question: Question, by_type: Mapping[str, Resource], sets: Sets, rows: Rows) -> Listing:
    """Exact names first, then names that begin with the words, names that hold each of them, and the rest."""
    words = sets.words(question.terms, rows)
    among = words.anywhere
    if question.get("type"):
        among = BitMap.union(*(sets.of(by_type[type_], among) for type_ in question.get("type")))
    named = words.named & among
    exact, beginning = sets.beginning(" ".join(question.terms), named, rows)
    parts = (exact, beginning - exact, named - beginning, among - named)
    return Listing(
        "search", View(tuple(map(Keys, parts))), lambda found, rows: _results(found, question, by_type, sets, rows)
    )


def _results(
    found: Sequence[Found], question: Question, by_type: Mapping[str, Resource], sets: Sets, rows: Rows
) -> list[Any]:
    """The records of a page."""
    types = list(by_type)  # in the order in which they were written: of those that begin together, the last has rows
    firsts = [sets.first[name] for name in types]
    keys = [row.key for row in found]
    shown = dict(rows(SHOWN, keys=keys))
    return [
        _result(by_type[types[bisect_right(firsts, key) - 1]], orjson.loads(shown[key]), question.terms) for key in keys
    ]


def _result(resource: Resource, record: dict[str, Any], terms: tuple[str, ...]) -> dict[str, Any]:
    texts = list(texts_of((*resource.names, *resource.descriptions), record))
    # `q` found the record, so each of its words stands in one of these.
    field, text = next(each for each in texts if terms[0] in fold(each[1]))
    matched = {"field": field, "excerpt": excerpt(text, terms[0])}
    return {"type": resource.name, "id": record["id"], "name": record["name"], "matched": matched}


def excerpt(text: str, term: str) -> str:
    """The words around the first place where `term` stands, cut from the text as it is: folding may change how many
    characters there are, so both ends of the place are sought in the text itself."""
    end = bisect_left(range(len(text)), True, key=lambda place: term in fold(text[:place]))  # noqa: FBT003
    start = bisect_right(range(end), False, key=lambda place: term not in fold(text[place:end])) - 1  # noqa: FBT003
    first, last = max(0, start - AROUND), min(len(text), end + AROUND)
    return f"{'…' if first else ''}{text[first:last]}{'…' if last < len(text) else ''}"
