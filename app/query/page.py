"""Pages: from a query to the JSON of a list: rows, total, facets and links."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson
from pydantic import create_model
from pyroaring import BitMap

from app.index import Keyset, Row
from app.query import cursor
from app.query.cursor import Binding, Cursor
from app.query.fields import project
from app.query.filters import Filter
from app.query.notes import query_notes
from app.query.parser import Query
from app.query.records import RECORDS, read_rows
from app.query.resource import Resource
from app.query.responses import Page
from app.query.searcher import Searcher
from app.schemas import Note, Schema, to_json

MAX_OFFSET = 10_000

Links = Mapping[str, str | None]  # by relation


@dataclass(frozen=True)
class Listing:
    """What is read page by page: rows in their order, and `render`, which gives the JSON values of a page's rows.
    `name` tells its cursors from those of other listings."""

    name: str
    rows: Keyset
    render: Callable[[Sequence[Row]], Sequence[Any]]
    notes: Sequence[Note] = ()
    facets: Mapping[str, Any] = field(default_factory=dict)


@cache
def page_model(schema: type[Schema]) -> type[Any]:
    """The model of a page, with a name that suits generated clients."""
    return create_model(f"{schema.__name__}Page", __base__=Page[schema], __doc__=Page.__doc__)  # type: ignore[valid-type]


def list_page(resource: Resource, query: Query, path: str, searcher: Searcher) -> tuple[bytes, Links]:
    """A page of a resource as JSON, and its links."""
    body = list_body(resource, query, path, searcher)
    return to_json({**body, "data": list(map(orjson.Fragment, body["data"]))}), body["links"]


def list_body(resource: Resource, query: Query, path: str, searcher: Searcher) -> dict[str, Any]:
    """A page of a resource in the schema `Page`, but for its records, which are JSON. One statement reads them, one
    more the n-grams of `q`."""
    rows = searcher.match(resource, query)

    def render(page: Sequence[Row]) -> Sequence[bytes]:
        return project(read_rows(RECORDS, page, searcher.session), query.get("fields"))

    counted = count_facets(resource, query, query.get("facet"), rows, searcher)
    facets = {name: _facet(resource.filters[name], each, searcher) for name, each in counted.items()}
    overlapping = [name for name, each in counted.items() if each.overlap]
    notes = [*query_notes(query, [resource], rows, searcher), *_overlap_note(overlapping)]
    return _body(
        Listing(resource.name, searcher.keyset(resource, query, rows), render, notes, facets), query, path, searcher
    )


@dataclass(frozen=True)
class FacetCounts:
    """Rows by the values of a filter, and those without one; `overlap` is whether some count under several values."""

    counts: Mapping[str, int]
    missing: int
    overlap: bool


def count_facets(
    resource: Resource, query: Query, names: Iterable[str], rows: BitMap, searcher: Searcher
) -> dict[str, FacetCounts]:
    """Counts rows by these filters, each under every filter of the query but its own; `rows` are those under all."""
    found = {}
    for name in names:
        under = searcher.match(resource, query.without(name)) if query.get(name) else rows
        counts, missing = searcher.count(resource, resource.filters[name], under)
        found[name] = FacetCounts(counts, missing, sum(counts.values()) + missing > len(under))
    return found


def _facet(filter_: Filter, counted: FacetCounts, searcher: Searcher) -> dict[str, Any]:
    """Counted rows as JSON."""
    vocabulary = filter_.values(searcher.vocabularies)
    buckets = vocabulary.facet_buckets % tuple(counted.counts.get(value, 0) for value in vocabulary.concepts)
    return {"buckets": orjson.Fragment(buckets), "missing": counted.missing}


def _overlap_note(names: Sequence[str]) -> list[Note]:
    """The note of facets in which some rows count under several values."""
    if not names:
        return []
    return [
        Note(
            code="facets-overlap",
            ja=f"一つの行が複数の値に数えられ、件数の合計が行数を超えるファセット: {'、'.join(names)}",
            en=f"Facets in which some rows count under several values, so that they add up to more: {', '.join(names)}",
        )
    ]


def render_page(listing: Listing, query: Query, path: str, searcher: Searcher) -> tuple[bytes, Links]:
    """A page of a listing as JSON of the schema `Page`, and its links."""
    body = _body(listing, query, path, searcher)
    return to_json(body), body["links"]


def _body(listing: Listing, query: Query, path: str, searcher: Searcher) -> dict[str, Any]:
    dataset = searcher.dataset
    # What decides which rows come, and in which order.
    finds = query.encode(limit=None, offset=None, cursor=None, facet=None, fields=None)
    binding = Binding.of(dataset.version.digest, f"{listing.name}?{finds}")
    sent = query.text("cursor")
    start = cursor.decode(sent, binding, listing.rows) if sent else None
    at, backwards = (start.at, start.backwards) if start else (None, False)
    limit, offset, total = query.number("limit"), query.number("offset"), len(listing.rows)
    rows = listing.rows.page(at, limit + 1, offset, backwards=backwards) if limit else []
    more = len(rows) > limit
    rows = rows[:limit]
    if backwards:
        rows.reverse()
    links = _links(query, path, binding, start, rows, total, more=more)
    meta = {
        "total": total,
        "limit": limit,
        "offset": None if start else offset,
        "dataset": dataset.version,
        "notes": listing.notes,
        "attribution": dataset.attribution,
    }
    return {"data": listing.render(rows), "meta": meta, "facets": listing.facets, "links": links}


def _links(
    query: Query, path: str, binding: Binding, start: Cursor | None, rows: Sequence[Row], total: int, *, more: bool
) -> Links:
    """The links of a page of these rows, which keep every parameter. `next` is always a cursor; `prev` is a page number
    where the page has one. `more` is whether there are rows beyond, the way that the page was read."""

    def url(**changed: Any) -> str:
        encoded = query.encode(**changed)
        return f"{path}?{encoded}" if encoded else path

    def at_offset(offset: int) -> str:
        return url(offset=offset or None, cursor=None)

    def beyond(row: Row | None, *, backwards: bool) -> str:
        """To the rows beyond a row, or from the end of the list."""
        return url(offset=None, cursor=cursor.encode(Cursor(row and row.at, backwards), binding))

    offset, limit = query.number("offset"), query.number("limit")
    last = (total - 1) // limit * limit if total and limit else 0
    follows, previous = more, None
    if start is None:
        if offset and total:
            previous = at_offset(max(min(offset, last + limit) - limit, 0))
    else:
        if start.backwards:
            follows = start.at is not None
        if rows and (more or not start.backwards):
            previous = beyond(rows[0], backwards=True)
    return {
        "self": url(),
        "first": at_offset(0),
        "prev": previous,
        "next": beyond(rows[-1], backwards=False) if rows and follows else None,
        "last": at_offset(last) if last <= MAX_OFFSET else beyond(None, backwards=True),
    }
