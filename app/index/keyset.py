"""Keyset pagination: rows of a bitmap in an order, read from any position in either direction."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from pyroaring import BitMap

from app.index.orders import SortOrder

MAX_KEY = 2**32 - 1  # the largest number that a bitmap holds

Position = tuple[int, int]  # the segment of a keyset, and a position in it that does not depend on the filters


class Row(NamedTuple):
    """A row by its key, and its position in the keyset."""

    at: Position
    key: int


@dataclass(frozen=True)
class KeyOrder:
    """Rows in the order of their keys. Positions count from the collection's first key, which is `first`."""

    rows: BitMap
    first: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    def walk(self, position: int | None, skip: int, *, up: bool) -> Iterator[tuple[int, int]]:
        """Yields (position, key) of the rows beyond a position, or from the end if it is None, in one direction."""
        key = None if position is None else position + self.first
        if up:
            start = skip if key is None else self.rows.rank(min(key, MAX_KEY)) + skip
            if start < len(self.rows):
                yield from ((row - self.first, row) for row in self.rows.iter_equal_or_larger(self.rows[start]))
        else:
            end = len(self.rows) if key is None else self.rows.rank(min(max(key - 1, 0), MAX_KEY))
            for index in range(end - 1 - skip, -1, -1):
                row = self.rows[index]
                yield row - self.first, row


@dataclass(frozen=True)
class ColumnOrder:
    """Rows in a stored sort order, all of which have a value."""

    order: SortOrder
    rows: BitMap

    def __len__(self) -> int:
        return len(self.rows)

    def walk(self, position: int | None, skip: int, *, up: bool) -> Iterator[tuple[int, int]]:
        """Yields (position, key) of the rows beyond a position, or from the end if it is None, in one direction."""
        blocks, size = self.order.blocks, self.order.block_size
        if up:
            first = 0 if position is None else min(position, len(self.order)) + 1
            for number in range(first // size, len(blocks)):
                places = range(max(first - number * size, 0), len(blocks[number][0]))
                skip = yield from self._block(number, places, skip)
        else:
            end = len(self.order) if position is None else min(position, len(self.order))
            for number in range((end - 1) // size, -1, -1):
                places = range(min(end - number * size, len(blocks[number][0])) - 1, -1, -1)
                skip = yield from self._block(number, places, skip)

    def _block(self, number: int, places: range, skip: int) -> Generator[tuple[int, int], None, int]:
        """Yields the rows of a block, and returns how many are still to be skipped."""
        listed, bitmap = self.order.blocks[number]
        if len(places) == len(listed):
            count = bitmap.intersection_cardinality(self.rows)
            if count <= skip:
                return skip - count
            if count == len(listed):
                places, skip = places[skip:], 0
        rows = self.rows
        for place in places:
            if listed[place] in rows:
                if skip:
                    skip -= 1
                else:
                    yield number * self.order.block_size + place, listed[place]
        return skip


@dataclass(frozen=True)
class Keyset:
    """Segments, one after the other. `descending` turns the order within each, so that rows without a value come last
    either way."""

    segments: tuple[KeyOrder | ColumnOrder, ...]
    descending: bool = False

    @classmethod
    def by_key(cls, rows: BitMap, *, first: int = 0, descending: bool = False) -> "Keyset":
        """Rows in the order of their keys."""
        return cls((KeyOrder(rows, first),), descending)

    @classmethod
    def by_column(cls, order: SortOrder, rows: BitMap, *, first: int = 0, descending: bool = False) -> "Keyset":
        """Rows in a sort order, those without a value last."""
        present = rows & order.present
        return cls((ColumnOrder(order, present), KeyOrder(rows - present, first)), descending)

    @classmethod
    def ranked(cls, *ranks: BitMap) -> "Keyset":
        """The rows of each rank in the order of their keys, the first rank first."""
        return cls(tuple(map(KeyOrder, ranks)))

    def __len__(self) -> int:
        return sum(map(len, self.segments))

    def has_position(self, segment: object, position: object) -> bool:
        """Whether these make a position that it can be read from: there need not be a row at it."""
        # Types first: `in range` with a float or a text would compare every number of the range.
        return (
            type(segment) is type(position) is int
            and segment in range(len(self.segments))
            and position in range(MAX_KEY)
        )

    def page(self, at: Position | None, count: int, skip: int = 0, *, backwards: bool = False) -> list[Row]:
        """Up to `count` rows beyond a position, or from the end if it is None; backwards, in reverse order."""
        return list(islice(self._walk(at, skip, backwards=backwards), count))

    def _walk(self, at: Position | None, skip: int, *, backwards: bool) -> Iterator[Row]:
        up = self.descending == backwards
        last = len(self.segments) - 1
        begin, position = at or (last if backwards else 0, None)
        for number in range(begin, -1, -1) if backwards else range(begin, last + 1):
            segment = self.segments[number]
            if position is None and skip >= len(segment):
                skip -= len(segment)
                continue
            for found, key in segment.walk(position, skip, up=up):
                yield Row((number, found), key)
            skip, position = 0, None
