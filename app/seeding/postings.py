"""Gathers which rows stand under which values while they are written; what is known so is read in app/reading."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from pyroaring import BitMap
from sqlalchemy import Connection, select

from app.reading import postings
from app.reading.resource import Resource

Postings = Iterator[tuple[str, str, bytes]]  # name, value, packed
CHUNK = 1 << 17  # records whose words are gathered before they are taken to pieces


class Rows:
    """The rows of one resource."""

    def __init__(self, resource: Resource) -> None:
        self._resource = resource
        self._under: dict[tuple[str, str], array[int]] = defaultdict(lambda: array("I"))
        self._numbers: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._filters = resource.filters.values()
        self._bounded = tuple(dict.fromkeys(filter_.column or "" for filter_ in self._filters if filter_.bound))
        self._count = 0

    def add(self, key: int, columns: Mapping[str, Any], links: Mapping[str, Iterable[int]]) -> None:
        """A row, one key after the other: what its columns hold, and by filter the values that it stands under."""
        self._count = key
        for filter_ in self._filters:
            if filter_.bound:
                continue
            if filter_.several:
                values: Iterable[Any] = links[filter_.name]
            else:
                values = (columns[filter_.column or ""],)
            self._put(filter_.name, key, values)
        for name in self._resource.kept:
            self._put(name, key, (columns[name],))
        for name in self._bounded:
            if columns[name] is not None:
                self._numbers[name].append((key, columns[name]))

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
            with connection.execute(ordered.execution_options(yield_per=10_000)) as found:
                for value, packed in postings.pack_order(found.scalars()):
                    yield postings.order(name, sort), value, packed


class Texts:
    """The pieces of the texts of all records, by their place among all. Words are gathered first, for most are many
    records' own, and each is taken to pieces once."""

    def __init__(self) -> None:
        self._count = 0
        self._words: dict[tuple[str, str], array[int]] = defaultdict(lambda: array("I"))
        self._pieces: dict[tuple[str, str], BitMap] = {}

    def add(self, names: Iterable[str], descriptions: Iterable[str]) -> None:
        """The folded texts of the next record."""
        self._count += 1
        for name in names:
            for word in (*name.split(), *postings.beginnings(name)):
                self._words[postings.NAMED, word].append(self._count)
        for text in descriptions:
            for word in text.split():
                self._words[postings.DESCRIBED, word].append(self._count)
        if self._count % CHUNK == 0:
            self._gather()

    def _gather(self) -> None:
        for (name, word), places in self._words.items():
            found = BitMap(places)
            # A beginning holds a line break, as no word does: it is known as it is.
            for piece in (word,) if "\n" in word else postings.pieces(word):
                held = self._pieces.get((name, piece))
                if held is None:
                    self._pieces[name, piece] = found.copy()
                else:
                    held |= found
        self._words.clear()

    def packed(self) -> Postings:
        """All that is known of them."""
        self._gather()
        for name, value in sorted(self._pieces):
            yield name, value, postings.pack(self._pieces[name, value])


def keep(found: Postings, path: Path) -> None:
    """Writes postings into a file, for another process to read."""
    with path.open("wb") as file:
        for name, value, packed in found:
            file.write(orjson.dumps((name, value, len(packed))) + b"\n" + packed)


def kept(path: Path) -> Postings:
    """The postings of a file."""
    with path.open("rb") as file:
        while told := file.readline():
            name, value, size = orjson.loads(told)
            yield name, value, file.read(size)
