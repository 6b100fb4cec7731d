"""Bit-sliced columns: one bitmap per bit of a number, so that sums and range filters are set operations."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from math import gcd
from operator import lshift

from pyroaring import BitMap

from app.index.entries import dump


def dump_column(rows: Sequence[int], numbers: Sequence[int]) -> Iterator[tuple[str, bytes]]:
    """A column of whole numbers, the number of each row, in two's complement: one bitmap per bit, in units of their
    greatest common divisor, so that round amounts need few bits, and one of the sign, if any number is negative."""
    unit = gcd(*numbers) or 1
    yield "unit", unit.to_bytes(8, "big")
    # Beside the sign, a negative number needs the bits of its complement: -4 as many as 3.
    largest = max(max(numbers, default=0) // unit, ~(min(numbers, default=0) // unit))
    for bit in range(largest.bit_length()):
        yield str(bit), dump(row for row, number in zip(rows, numbers, strict=True) if number // unit >> bit & 1)
    negative = [row for row, number in zip(rows, numbers, strict=True) if number < 0]
    if negative:
        yield "negative", dump(negative)
    yield "present", dump(rows)


@dataclass(frozen=True)
class BitSlicedColumn:
    """A column of numbers in two's complement: `bits[n]` holds the rows whose number, in units, has bit n set, which is
    worth 2**n; `negative` those below zero, where the sign is worth -2**len(bits); `present` those that have a number
    at all."""

    unit: int
    present: BitMap
    bits: tuple[BitMap, ...]
    negative: BitMap

    @classmethod
    def load(cls, parts: Mapping[str, bytes]) -> "BitSlicedColumn":
        if not parts:  # of a collection without rows
            return cls(1, BitMap(), (), BitMap())
        bitmaps = {name: BitMap.deserialize(data) for name, data in parts.items() if name != "unit"}
        present, negative = bitmaps.pop("present"), bitmaps.pop("negative", BitMap())
        bits = tuple(bitmaps[str(bit)] for bit in range(len(bitmaps)))
        return cls(int.from_bytes(parts["unit"], "big"), present, bits, negative)

    def sum(self, rows: BitMap) -> int:
        """The sum over some rows."""
        if not rows:
            return 0
        counts = map(rows.intersection_cardinality, self.bits)
        total = sum(map(lshift, counts, count()))  # without a step of Python's own for each bit
        total -= rows.intersection_cardinality(self.negative) << len(self.bits)
        return int(total) * self.unit

    def at_least(self, limit: int) -> BitMap:
        """The rows whose number is `limit` or more."""
        least = -(-limit // self.unit)
        sign = least >> len(self.bits)  # of a limit that the bits can hold, 0 or -1
        if sign > 0:
            return BitMap()
        if sign < -1:
            return self.present
        # Of the numbers with the limit's sign, those whose higher bits are greater, and those whose are the same.
        greater, equal = BitMap(), self.present - self.negative
        if sign:
            greater, equal = equal, self.negative.copy()
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
