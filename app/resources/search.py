"""Search: one ranked list over all resources, with the words that matched; it finds what `q` finds in each."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
from fastapi import APIRouter, Request
from pydantic import Field
from sqlalchemy import case, func, select
from starlette.responses import Response

from app.db import Rows
from app.facts.shapes import Id, Name, Sentence, Shape
from app.facts.text import fold
from app.reading import sql
from app.reading.filters import Parameter, one_of
from app.reading.page import Listing, answer, page_of, selected
from app.reading.question import Question
from app.reading.resource import Resource, texts_of
from app.reading.routes import CURSOR, LIMIT, OFFSET, Q, add, by_name, question_of, respond
from app.reading.service import Service
from app.reading.sql import SEARCHABLE

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


def routes(service: Service, resources: Sequence[Resource]) -> APIRouter:
    """The search over these resources; records of one rank come in their order."""
    router = APIRouter()
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

    def listing(question: Question) -> Listing:
        conditions = sql.holds(question.terms)
        if question.get("type"):
            conditions.append(SEARCHABLE.c.type.in_(question.get("type")))
        rank = _rank(" ".join(question.terms), question.terms)
        return selected(
            seal="search",
            count=select(func.count()).select_from(SEARCHABLE).where(*conditions),
            rows=select(SEARCHABLE.c.key, rank.label("sorted"), SEARCHABLE.c.type, SEARCHABLE.c.row).where(*conditions),
            steps=((rank, False), (SEARCHABLE.c.key, False)),
            data=lambda found, rows: _results(found, question.terms, by_type, rows),
        )

    async def search(request: Request) -> Response:
        snapshot = service.now()
        question = question_of(request, parameters, snapshot)
        path = f"{service.settings.prefix}/v1/search"
        body, links = await snapshot.database.answer(
            lambda rows: answer(listing(question), question, snapshot.dataset, path, rows)
        )
        return respond(body, links)

    add(
        router,
        "/v1/search",
        search,
        operation="search",
        summary="Search everything",
        description=(
            "Records whose names or descriptions contain every word of `q`, in either language: exact names first, "
            "then names that begin with it, names that contain it, and descriptions."
        ),
        tag="search",
        answer=page_of(SearchResult),
        parameters=parameters,
    )
    return router


def _rank(whole: str, terms: tuple[str, ...]) -> Any:
    """0 where a name is the query, 1 where one begins with it, 2 where they hold each word, 3 elsewhere. Names stand
    one on each line of `title`."""
    title = "\n" + SEARCHABLE.c.title + "\n"
    return case(
        (title.contains(f"\n{whole}\n", autoescape=True), 0),
        (title.contains(f"\n{whole}", autoescape=True), 1),
        (sql.every(SEARCHABLE.c.title.contains(term, autoescape=True) for term in terms), 2),
        else_=3,
    )


def _results(found: Sequence[Any], terms: tuple[str, ...], by_type: dict[str, Resource], rows: Rows) -> list[Any]:
    """The records of a page, one statement for each type on it."""
    wanted: dict[str, list[int]] = defaultdict(list)
    for row in found:
        wanted[row.type].append(row.row)
    records = {}
    for type_, keys in wanted.items():
        for key, record in rows(sql.records(by_type[type_], keys)):
            records[type_, key] = orjson.loads(record)
    return [_result(by_type[row.type], records[row.type, row.row], terms) for row in found]


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
