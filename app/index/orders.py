"""Sort orders: the rows of a collection in the order of a column, in blocks, each stored as a list and as a bitmap, so
that a page deep in a filtered list skips whole blocks."""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from pyroaring import BitMap

from app.index.entries import dump

BLOCK = 4_096  # rows


def dump_order(rows: Iterable[int]) -> Iterator[tuple[str, bytes]]:
    """Rows in their order, block by block."""
    rows, number = iter(rows), 0
    while block := list(islice(rows, BLOCK)):
        yield f"{number:06} list", array("I", block).tobytes()
        yield f"{number:06} set", dump(block)
        number += 1


@dataclass(frozen=True)
class SortOrder:
    """Rows in the order of a column; rows without a value are left out. A position is an index in this order."""

    blocks: tuple[tuple[memoryview, BitMap], ...]
    present: BitMap
    block_size: int

    @classmethod
    def load(cls, parts: Mapping[str, bytes]) -> "SortOrder":
        names = sorted(parts)
        blocks = tuple(
            (memoryview(parts[rows]).cast("I"), BitMap.deserialize(parts[bitmap]))
            for rows, bitmap in zip(names[::2], names[1::2], strict=True)
        )
        present = BitMap().union(*(bitmap for _, bitmap in blocks))
        return cls(blocks, present, len(blocks[0][0]) if blocks else 1)

    def __len__(self) -> int:
        return len(self.present)
