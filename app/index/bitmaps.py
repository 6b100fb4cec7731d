"""Roaring bitmaps as bytes."""

from collections.abc import Iterable

from pyroaring import BitMap


def dump(rows: Iterable[int]) -> bytes:
    """A set of rows in the portable Roaring format, run-length encoded where that is smaller."""
    bitmap = BitMap(rows)
    bitmap.run_optimize()
    bitmap.shrink_to_fit()
    return bitmap.serialize()
