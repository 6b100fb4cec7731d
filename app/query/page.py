"""From a question to a page: runs its statements and puts rows, counts, facets and links together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import create_model
from pyroaring import BitMap

from app.db import Rows
from app.facts.shapes import Shape
from app.reading.answers import Page
from app.reading.cursor import Cursor, decode, encode, seal
from app.reading.dataset import Dataset
from app.reading.filters import Filter
from app.reading.postings import GRAM
from app.reading.question import Question, told
from app.reading.resource import Resource
from app.reading.sets import Sets
from app.reading.sql import texts
from app.reading.views import Found, View

PageLinks = Mapping[str, str | None]  # by relation

LAST_OFFSET = 10_000
FEW = 100  # rows


@dataclass(frozen=True)
class Listing:
    """Something that is read page by page: `view` has its rows in their order, `data` makes a page's entries of them,
    and `seal` tells its cursors from all others."""

    seal: str
    view: View
    data: Callable[[Sequence[Found], Rows], list[Any]]


def page_of(shape: type[Shape]) -> type[Any]:
    """The page model of a shape, named as SDKs want it."""
    return create_model(f"{shape.__name__}Page", __base__=Page[shape], __doc__=Page.__doc__)  # type: ignore[valid-type]


def is_light(question: Question) -> bool:
    """Whether a page is answered in less time than going to a thread takes: few rows, no facet, and no term whose texts
    have to be read."""
    short = all(len(term) <= GRAM for term in question.terms)
    return short and not question.get("facet") and question.number("limit") <= FEW


def list_page(
    resource: Resource, question: Question, dataset: Dataset, sets: Sets, path: str, rows: Rows
) -> tuple[bytes, PageLinks]:
    """A page of a resource: found, counted and faceted in sets; one statement reads its records, and one its words."""
    among = sets.matching(resource, question, rows)
    facets = {
        name: _facet(resource, resource.filters[name], question, dataset, sets, among, rows)
        for name in question.get("facet")
    }
    listing = Listing(
        seal=resource.name,
        view=sets.view(resource, question, among),
        data=lambda found, rows: [orjson.Fragment(each) for each in texts(resource.reads.some_records, found, rows)],
    )
    return answer(listing, question, dataset, path, rows, facets)


def answer(
    listing: Listing,
    question: Question,
    dataset: Dataset,
    path: str,
    rows: Rows,
    facets: Mapping[str, Any] | None = None,
) -> tuple[bytes, PageLinks]:
    """The body of a page and its links."""
    view = listing.view
    sealed = seal(dataset.version.digest, f"{listing.seal}?{_identity(question)}")
    sent = question.text("cursor")
    cursor = decode(sent, sealed, len(view.parts)) if sent else None
    at, backwards = (cursor.at, cursor.backwards) if cursor else (None, False)
    limit, offset, total = question.number("limit"), question.number("offset"), len(view)
    found = view.page(at, limit + 1, offset, backwards=backwards) if limit else []
    more = len(found) > limit
    found = found[:limit]
    if backwards:
        found.reverse()
    meta = {
        "total": total,
        "limit": limit,
        "offset": None if cursor else offset,
        "dataset": dataset.shown,
        "notes": [note.model_dump() for note in told(question, dataset.vocabularies)],
        "attribution": dataset.attribution,
    }
    links = _links(question, path, found, total, cursor, more=more, sealed=sealed)
    # In the shape of Page, which the contract tests hold every answer to.
    return orjson.dumps(
        {"data": listing.data(found, rows), "meta": meta, "facets": facets or {}, "links": links}
    ), links


def _identity(question: Question) -> str:
    """The part of a question that decides which rows come, in which order."""
    return question.query(limit=None, offset=None, cursor=None, facet=None)


def _facet(
    resource: Resource, filter_: Filter, question: Question, dataset: Dataset, sets: Sets, among: BitMap, rows: Rows
) -> dict[str, Any]:
    if question.get(filter_.name):
        among = sets.matching(resource, question, rows, but=filter_.name)
    counts, missing = sets.counts(resource, filter_, among)
    buckets = (
        b'%b,"count":%d}' % (told_, counts.get(value, 0))
        for value, told_ in filter_.terms(dataset.vocabularies).buckets
    )
    return {"buckets": orjson.Fragment(b"[%b]" % b",".join(buckets)), "missing": missing}


def _links(
    question: Question,
    path: str,
    found: Sequence[Found],
    total: int,
    cursor: Cursor | None,
    *,
    more: bool,
    sealed: str,
) -> PageLinks:
    """Links keep every parameter. `next` is always a cursor; `prev` is a page number where there is one."""
    limit, offset = question.number("limit"), question.number("offset")

    def to(**changed: Any) -> str:
        query = question.query(**{"offset": None, "cursor": None, **changed})
        return f"{path}?{query}" if query else path

    def beyond(row: Found, *, backwards: bool) -> str:
        return to(cursor=encode(Cursor(row.at, backwards), sealed))

    before = None
    if cursor is None:
        follows = more
        if offset and total:
            at = min(offset, _last_offset(total, limit) + limit) - limit
            before = to(offset=at) if at > 0 else to()
    else:
        follows = cursor.at is not None if cursor.backwards else more
        if found and (more or not cursor.backwards):
            before = beyond(found[0], backwards=True)
    return {
        "self": f"{path}?{query}" if (query := question.query()) else path,
        "first": to(),
        "prev": before,
        "next": beyond(found[-1], backwards=False) if found and follows else None,
        "last": _last(to, total, limit, sealed),
    }


def _last_offset(total: int, limit: int) -> int:
    return (total - 1) // limit * limit if total and limit else 0


def _last(to: Any, total: int, limit: int, sealed: str) -> str:
    offset = _last_offset(total, limit)
    if offset > LAST_OFFSET:
        return str(to(cursor=encode(Cursor(None, backwards=True), sealed)))
    return str(to(offset=offset) if offset else to())
