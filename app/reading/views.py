"""Views: rows of a set in an order, walked from any place in either direction; nothing is read, and no order made."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, Protocol

from pyroaring import BitMap

from app.reading.postings import Order

LARGEST = 2**32 - 1  # of the numbers that a set holds

At = tuple[int, int]  # which part of a view, and a place in it that stays whatever else is in the set


class Found(NamedTuple):
    """A row by its key, and where it stands."""

    at: At
    key: int


class Part(Protocol):
    """Rows that follow each other."""

    def __len__(self) -> int: ...

    def walk(self, place: int | None, skip: int, *, up: bool) -> Iterator[tuple[int, int]]:
        """(place, key) of the rows beyond a place, or from the end where there is none, in one direction."""
        ...


@dataclass(frozen=True)
class Keys:
    """Rows in the order of their keys, which are their places."""

    among: BitMap

    def __len__(self) -> int:
        return len(self.among)

    def walk(self, place: int | None, skip: int, *, up: bool) -> Iterator[tuple[int, int]]:
        if up:
            first = skip if place is None else self.among.rank(min(place, LARGEST)) + skip
            if first < len(self.among):
                yield from ((key, key) for key in self.among.iter_equal_or_larger(self.among[first]))
        else:
            end = len(self.among) if place is None else self.among.rank(min(max(place - 1, 0), LARGEST))
            for index in range(end - 1 - skip, -1, -1):
                key = self.among[index]
                yield key, key


@dataclass(frozen=True)
class Ordered:
    """Rows in the order of a column, all of which have a value."""

    order: Order
    among: BitMap

    def __len__(self) -> int:
        return len(self.among)

    def walk(self, place: int | None, skip: int, *, up: bool) -> Iterator[tuple[int, int]]:
        blocks, size = self.order.blocks, self.order.size
        if up:
            first = 0 if place is None else min(place, len(self.order)) + 1
            for number in range(first // size, len(blocks)):
                places = range(max(first - number * size, 0), len(blocks[number][0]))
                skip = yield from self._block(number, places, skip)
        else:
            end = len(self.order) if place is None else min(place, len(self.order))
            for number in range((end - 1) // size, -1, -1):
                places = range(min(end - number * size, len(blocks[number][0])) - 1, -1, -1)
                skip = yield from self._block(number, places, skip)

    def _block(self, number: int, places: range, skip: int) -> Generator[tuple[int, int], None, int]:
        rows, set_ = self.order.blocks[number]
        if len(places) == len(rows):
            count = set_.intersection_cardinality(self.among)
            if count <= skip:
                return skip - count
        among = self.among
        for place in places:
            if rows[place] in among:
                if skip:
                    skip -= 1
                else:
                    yield number * self.order.size + place, rows[place]
        return skip


@dataclass(frozen=True)
class View:
    """Parts, one after the other; `down` turns the order within each, so that what has no value comes last either
    way."""

    parts: tuple[Part, ...]
    down: bool = False

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def page(self, at: At | None, count: int, skip: int = 0, *, backwards: bool = False) -> list[Found]:
        """So many rows beyond a place, or from the end where there is none; backwards, in reverse."""
        return list(islice(self._walk(at, skip, backwards=backwards), count))

    def _walk(self, at: At | None, skip: int, *, backwards: bool) -> Iterator[Found]:
        up = self.down == backwards
        last = len(self.parts) - 1
        begin, place = at or (last if backwards else 0, None)
        for number in range(begin, -1, -1) if backwards else range(begin, last + 1):
            part = self.parts[number]
            if place is None and skip >= len(part):
                skip -= len(part)
                continue
            for found, key in part.walk(place, skip, up=up):
                yield Found((number, found), key)
            skip, place = 0, None
