"""Gathers which rows stand under which values while they are written; what is known so is read in app/reading."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from pyroaring import BitMap
from sqlalchemy import Connection, select

from app.facts.library import Published
from app.reading import postings
from app.reading.resource import Resource

Postings = Iterator[tuple[str, str, bytes]]  # name, value, packed
CHUNK = 1 << 16  # records after which pieces of text are packed: as many as a set holds together


class Rows:
    """The rows of one resource."""

    def __init__(self, resource: Resource) -> None:
        self._resource = resource
        self._under: dict[tuple[str, str], array[int]] = defaultdict(lambda: array("I"))
        self._numbers: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._filters = resource.filters.values()
        self._bounded = {filter_.column or "" for filter_ in self._filters if filter_.bound}
        self._count = 0

    def add(self, key: int, published: Published, documents: Iterable[int]) -> None:
        """A row, one key after the other."""
        self._count = key
        links, columns = {**published.links, "document": documents}, published.columns
        for filter_ in self._filters:
            if filter_.bound:
                continue
            if filter_.linked:
                values: Iterable[Any] = sorted(set(links[filter_.name]))
            else:
                values = (columns[filter_.column or ""],)
            self._put(filter_.name, key, values)
        for name in self._resource.kept:
            self._put(name, key, (columns[name],))
        for name in self._bounded:
            if columns[name] is not None:
                self._numbers[name].append((key, int(str(columns[name]))))

    def _put(self, name: str, key: int, values: Iterable[Any]) -> None:
        for value in values:
            if value is not None:
                self._under[name, str(value)].append(key)

    def packed(self, connection: Connection) -> Postings:
        """All that is known of them; `connection` has the rows written."""
        name = self._resource.name
        yield postings.every(name), "every", postings.pack(range(1, self._count + 1))
        for (filter_, value), keys in self._under.items():
            yield postings.under(name, filter_), value, postings.pack(keys)
        for column in self._bounded:
            for value, packed in postings.pack_bits(self._numbers[column]):
                yield postings.bits(name, column), value, packed
        table = self._resource.table
        for sort in self._resource.sorts:
            column_ = table.c[sort]
            ordered = select(table.c.key).where(column_.is_not(None)).order_by(column_, table.c.key)
            found = connection.execute(ordered.execution_options(yield_per=10_000))
            for value, packed in postings.pack_order(found.scalars()):
                yield postings.order(name, sort), value, packed


class Texts:
    """The pieces of the texts of all records, by their place among all."""

    def __init__(self) -> None:
        self._count = 0
        self._first: dict[str, int] = {}
        self._fresh: dict[tuple[str, str], array[int]] = defaultdict(lambda: array("I"))
        self._packed: dict[tuple[str, str], BitMap] = {}

    def begin(self, resource: Resource) -> None:
        """The next record is the first of this resource."""
        self._first[resource.name] = self._count + 1

    def add(self, names: list[str], descriptions: list[str]) -> int:
        """The folded texts of the next record; returns its place."""
        self._count += 1
        for piece in {piece for name in names for piece in postings.pieces(name) | postings.beginnings(name)}:
            self._fresh[postings.NAMED, piece].append(self._count)
        for piece in {piece for text in descriptions for piece in postings.pieces(text)}:
            self._fresh[postings.DESCRIBED, piece].append(self._count)
        if self._count % CHUNK == 0:
            self._pack()
        return self._count

    def _pack(self) -> None:
        for at, places in self._fresh.items():
            found = BitMap(places)
            self._packed[at] = self._packed[at] | found if at in self._packed else found
        self._fresh.clear()

    def packed(self) -> Postings:
        """All that is known of them."""
        self._pack()
        for name, first in self._first.items():
            yield postings.FIRST, name, postings.number(first)
        for (name, value), places in self._packed.items():
            yield name, value, postings.pack(places)
