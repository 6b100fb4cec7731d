"""From a question to a page: runs its statements and puts rows, counts, facets and links together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import create_model
from pyroaring import BitMap
from sqlalchemy import Select

from app.db import Rows
from app.facts.shapes import Shape
from app.reading import sql
from app.reading.answers import Bucket, Facet, Links, Meta, Page
from app.reading.cursor import Cursor, decode, encode, seal
from app.reading.dataset import Dataset
from app.reading.filters import Filter
from app.reading.question import Question, told
from app.reading.resource import Resource
from app.reading.sets import Sets

LAST_OFFSET = 10_000


@dataclass(frozen=True)
class Listing:
    """Something that is read page by page: `find` gives the rows from a cursor or an offset, each with its key and
    `sorted` value, and one more than the limit; `data` makes the page's entries from them; `seal` tells its cursors
    from all others."""

    seal: str
    total: Callable[[Rows], int]
    find: Callable[[Cursor | None, int, int, Rows], list[Any]]
    data: Callable[[Sequence[Any], Rows], list[Any]]


def selected(
    seal: str,
    count: Select[Any],
    rows: Select[Any],
    steps: sql.Steps,
    data: Callable[[Sequence[Any], Rows], list[Any]],
) -> Listing:
    """A listing of what statements select."""

    def find(cursor: Cursor | None, limit: int, offset: int, run: Rows) -> list[Any]:
        return list(run(sql.page(rows, steps, cursor, limit=limit, offset=offset)))

    return Listing(seal, lambda run: int(run(count)[0][0]), find, data)


def page_of(shape: type[Shape]) -> type[Any]:
    """The page model of a shape, named as SDKs want it."""
    return create_model(f"{shape.__name__}Page", __base__=Page[shape], __doc__=Page.__doc__)  # type: ignore[valid-type]


def list_page(
    resource: Resource, question: Question, dataset: Dataset, sets: Sets, path: str, rows: Rows
) -> tuple[bytes, Links]:
    """A page of a resource: found, counted and faceted in sets; one statement reads its records, and one its words."""
    among = sets.matching(resource, question, rows)
    facets = {
        name: _facet(resource, resource.filters[name], question, dataset, sets, among, rows)
        for name in question.get("facet")
    }
    listing = Listing(
        seal=resource.name,
        total=lambda _: len(among),
        find=lambda cursor, limit, offset, _: sets.page(resource, question, among, cursor, limit, offset),
        data=lambda found, rows: [orjson.Fragment(record) for record in records_of(resource, found, rows)],
    )
    return answer(listing, question, dataset, path, rows, facets)


def answer(
    listing: Listing,
    question: Question,
    dataset: Dataset,
    path: str,
    rows: Rows,
    facets: Mapping[str, Facet] | None = None,
) -> tuple[bytes, Links]:
    """The body of a page and its links."""
    sealed = seal(dataset.version.digest, f"{listing.seal}?{_identity(question)}")
    sent = question.text("cursor")
    cursor = decode(sent, sealed) if sent else None
    total = listing.total(rows)
    limit = question.number("limit")
    found: list[Any] = []
    more = False
    if limit:
        found = listing.find(cursor, limit, question.number("offset"), rows)
        more = len(found) > limit
        found = found[:limit]
        if cursor and cursor.backwards:
            found.reverse()
    meta = Meta(
        total=total,
        limit=limit,
        offset=None if cursor else question.number("offset"),
        dataset=dataset.version,
        notes=told(question, dataset.vocabularies),
        attribution=dataset.attribution,
    )
    links = _links(question, path, found, total, cursor, more=more, sealed=sealed)
    body = orjson.dumps(
        {
            "data": listing.data(found, rows),
            "meta": meta.model_dump(),
            "facets": {name: facet.model_dump() for name, facet in (facets or {}).items()},
            "links": links.model_dump(),
        }
    )
    return body, links


def records_of(resource: Resource, found: Sequence[Any], rows: Rows) -> list[str]:
    """The records of rows that have a key, in their order."""
    keys = [row.key for row in found]
    by_key = dict(map(tuple, rows(sql.records(resource, keys)))) if keys else {}
    return [by_key[key] for key in keys]


def _identity(question: Question) -> str:
    """The part of a question that decides which rows come, in which order."""
    return question.query(limit=None, offset=None, cursor=None, facet=None)


def _facet(
    resource: Resource, filter_: Filter, question: Question, dataset: Dataset, sets: Sets, among: BitMap, rows: Rows
) -> Facet:
    if question.get(filter_.name):
        among = sets.matching(resource, question, rows, but=filter_.name)
    counts, missing = sets.counts(resource, filter_, among)
    return Facet(
        buckets=[
            Bucket(value=term.id, label=term.label, count=counts.get(term.key, 0))
            for term in filter_.terms(dataset.vocabularies).terms.values()
        ],
        missing=missing,
    )


def _links(
    question: Question,
    path: str,
    found: Sequence[Any],
    total: int,
    cursor: Cursor | None,
    *,
    more: bool,
    sealed: str,
) -> Links:
    """Links keep every parameter. `next` is always a cursor; `prev` is a page number where there is one."""
    limit, offset = question.number("limit"), question.number("offset")

    def to(**changed: Any) -> str:
        query = question.query(**{"offset": None, "cursor": None, **changed})
        return f"{path}?{query}" if query else path

    def beyond(row: Any, *, backwards: bool) -> str:
        return to(cursor=encode(Cursor(row.key, row.sorted, backwards), sealed))

    before = None
    if cursor is None:
        follows = more
        if offset and total:
            at = min(offset, _last_offset(total, limit) + limit) - limit
            before = to(offset=at) if at > 0 else to()
    else:
        follows = cursor.key is not None if cursor.backwards else more
        if found and (more or not cursor.backwards):
            before = beyond(found[0], backwards=True)
    return Links(
        self=f"{path}?{query}" if (query := question.query()) else path,
        first=to(),
        prev=before,
        next=beyond(found[-1], backwards=False) if found and follows else None,
        last=_last(to, total, limit, sealed),
    )


def _last_offset(total: int, limit: int) -> int:
    return (total - 1) // limit * limit if total and limit else 0


def _last(to: Any, total: int, limit: int, sealed: str) -> str:
    offset = _last_offset(total, limit)
    if offset > LAST_OFFSET:
        return str(to(cursor=encode(Cursor(None, None, backwards=True), sealed)))
    return str(to(offset=offset) if offset else to())
