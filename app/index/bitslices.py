"""Bit-sliced columns: one bitmap per bit of a number, so that sums and range filters are set operations."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import gcd

from pyroaring import BitMap

from app.index.bitmaps import dump, load


def dump_column(rows: Sequence[int], numbers: Sequence[int]) -> Iterator[tuple[str, bytes]]:
    """A column of non-negative numbers, the number of each row: one bitmap per bit, in units of their greatest common
    divisor, so that round amounts need few bits."""
    unit = gcd(*numbers) or 1
    yield "unit", unit.to_bytes(8, "big")
    for bit in range((max(numbers, default=0) // unit).bit_length()):
        yield str(bit), dump(row for row, number in zip(rows, numbers, strict=True) if number // unit >> bit & 1)
    yield "present", dump(rows)


@dataclass(frozen=True)
class BitSlicedColumn:
    """A column of numbers: `bits[n]` holds the rows whose number, in units, has bit n set; `present` those that have a
    number at all."""

    unit: int
    present: BitMap
    bits: tuple[BitMap, ...]

    @classmethod
    def load(cls, parts: Mapping[str, bytes]) -> "BitSlicedColumn":
        if not parts:  # of a collection without rows
            return cls(1, BitMap(), ())
        bits = tuple(load(parts[str(bit)]) for bit in range(len(parts) - 2))
        return cls(int.from_bytes(parts["unit"], "big"), load(parts["present"]), bits)

    def sum(self, rows: BitMap) -> int:
        """The sum over some rows."""
        if not rows:
            return 0
        total = sum(rows.intersection_cardinality(bitmap) << bit for bit, bitmap in enumerate(self.bits))
        return int(total) * self.unit

    def at_least(self, limit: int) -> BitMap:
        """The rows whose number is `limit` or more."""
        least = -(-limit // self.unit)
        if least <= 0:
            return self.present
        if least.bit_length() > len(self.bits):
            return BitMap()
        greater, equal = BitMap(), self.present.copy()
        for bit in reversed(range(len(self.bits))):
            if least >> bit & 1:
                equal &= self.bits[bit]
            else:
                greater |= equal & self.bits[bit]
                equal -= self.bits[bit]
        greater |= equal
        return greater

    def at_most(self, limit: int) -> BitMap:
        """The rows whose number is `limit` or less."""
        return self.present - self.at_least(limit + 1)
