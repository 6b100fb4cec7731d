"""Postings: which rows stand under which values, as the build writes them; their names and their packing stand here
alone, and nothing is counted."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import gcd

from pyroaring import BitMap
from sqlalchemy import Table, bindparam, select

from app.db import Among, Statement
from app.facts import tables

POSTING: Table = tables.Posting.__table__  # type: ignore[attr-defined]

ALL = Statement(select(POSTING.c.value, POSTING.c.packed).where(POSTING.c.name == bindparam("name")))
SOME = Statement(
    select(POSTING.c.name, POSTING.c.value, POSTING.c.packed).where(
        Among(POSTING.c.name, "names"), Among(POSTING.c.value, "values")
    )
)

BLOCK = 4_096  # rows of an order that are known as one set
GRAM = 3  # characters of the longest piece of a text that is known; a longer term is read where its pieces stand

NAMED = "grams/names"
DESCRIBED = "grams/descriptions"
FIRST = "searchable/first"


def every(resource: str) -> str:
    """All rows of a resource, under the value `every`."""
    return f"{resource}/every"


def under(resource: str, name: str) -> str:
    """The rows under each value of a filter or of a column."""
    return f"{resource}/under/{name}"


def bits(resource: str, column: str) -> str:
    """The rows in whose number each bit is set, and the `unit` of that number."""
    return f"{resource}/bits/{column}"


def order(resource: str, sort: str) -> str:
    """The rows that have a value, in its order, block by block."""
    return f"{resource}/order/{sort}"


def pack(rows: Iterable[int]) -> bytes:
    """A set of rows."""
    packed = BitMap(rows)
    packed.run_optimize()
    packed.shrink_to_fit()
    return packed.serialize()


def unpack(packed: bytes) -> BitMap:
    return BitMap.deserialize(packed)


def number(value: int) -> bytes:
    """A number, in place of a set."""
    return value.to_bytes(8, "big")


def pack_bits(values: Sequence[tuple[int, int]]) -> Iterator[tuple[str, bytes]]:
    """A column of numbers, none negative, by (row, number): one set for each bit of the number of units."""
    unit = gcd(*(value for _, value in values)) or 1
    yield "unit", number(unit)
    counts = [(row, value // unit) for row, value in values]
    for bit in range(max((count for _, count in counts), default=0).bit_length()):
        yield str(bit), pack(row for row, count in counts if count >> bit & 1)
    yield "some", pack(row for row, _ in values)


@dataclass(frozen=True)
class Numbers:
    """A column of numbers by the bits that are set in them, so that sums and bounds are questions to a few sets."""

    unit: int
    some: BitMap
    bits: tuple[BitMap, ...]

    @classmethod
    def unpacked(cls, packed: Mapping[str, bytes]) -> "Numbers":
        bits = tuple(unpack(packed[str(bit)]) for bit in range(len(packed) - 2))
        return cls(int.from_bytes(packed["unit"], "big"), unpack(packed["some"]), bits)

    def total(self, among: BitMap) -> int:
        """The sum over some rows."""
        if not among:
            return 0
        counted = sum(among.intersection_cardinality(rows) << bit for bit, rows in enumerate(self.bits))
        return int(counted) * self.unit

    def at_least(self, limit: int) -> BitMap:
        """The rows whose number is this or more."""
        least = -(-limit // self.unit)
        if least <= 0:
            return self.some
        if least.bit_length() > len(self.bits):
            return BitMap()
        found, equal = BitMap(), self.some.copy()
        for bit in reversed(range(len(self.bits))):
            if least >> bit & 1:
                equal &= self.bits[bit]
            else:
                found |= equal & self.bits[bit]
                equal -= self.bits[bit]
        found |= equal
        return found

    def at_most(self, limit: int) -> BitMap:
        """The rows whose number is this or less."""
        return self.some - self.at_least(limit + 1)


def pack_order(rows: Iterable[int]) -> Iterator[tuple[str, bytes]]:
    """Rows in an order, block by block: the rows themselves, and the same as a set."""
    block: list[int] = []
    place = 0
    for row in rows:
        block.append(row)
        if len(block) == BLOCK:
            yield from _block(place, block)
            block, place = [], place + 1
    if block:
        yield from _block(place, block)


def _block(place: int, rows: list[int]) -> Iterator[tuple[str, bytes]]:
    yield f"{place:06} rows", array("I", rows).tobytes()
    yield f"{place:06} set", pack(rows)


@dataclass(frozen=True)
class Order:
    """Rows in the order of a column, those without a value left out: a place is an index in it."""

    blocks: tuple[tuple[memoryview, BitMap], ...]
    some: BitMap
    size: int  # of a block, but for the last

    @classmethod
    def unpacked(cls, packed: Mapping[str, bytes]) -> "Order":
        names = sorted(packed)
        blocks = tuple(
            (memoryview(packed[rows]).cast("I"), unpack(packed[set_]))
            for rows, set_ in zip(names[::2], names[1::2], strict=True)
        )
        some = BitMap.union(*(rows for _, rows in blocks)) if blocks else BitMap()
        return cls(blocks, some, len(blocks[0][0]) if blocks else 1)

    def __len__(self) -> int:
        return len(self.some)


def pieces(text: str) -> set[str]:
    """Every piece of a folded text, of one to GRAM characters, that a term could have: none holds a blank."""
    found: set[str] = set()
    for word in text.split():
        for length in range(1, GRAM + 1):
            found.update(word[place : place + length] for place in range(len(word) - length + 1))
    return found


def beginnings(name: str) -> set[str]:
    """What says that a folded name begins so, after a line break, and that a short one is just that, between two."""
    found = {f"\n{name[:length]}" for length in range(1, GRAM + 1)}
    if len(name) <= GRAM:
        found.add(f"\n{name}\n")
    return found


def pieces_of(term: str) -> list[str]:
    """The pieces that hold a term together: itself, when it is short."""
    if len(term) <= GRAM:
        return [term]
    return [term[place : place + GRAM] for place in range(len(term) - GRAM + 1)]
