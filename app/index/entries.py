"""Entries: how an index is stored, as (name, value, data). A name is that of a part of the index, and data are mostly
the rows under the value."""

from collections.abc import Iterable
from typing import Literal

from pyroaring import BitMap

Entry = tuple[str, str, bytes]  # name, value, data


def entry_name(collection: str, kind: Literal["rows", "values", "column", "order"], name: str = "all") -> str:
    """The name of the entries that hold all rows of a collection, the rows under each value of a filter, a bit-sliced
    column, or a sort order."""
    return f"{collection}/{kind}/{name}"


def dump(rows: Iterable[int]) -> bytes:
    """A set of rows in the portable Roaring format, run-length encoded where that is smaller."""
    bitmap = BitMap(rows)
    bitmap.run_optimize()
    bitmap.shrink_to_fit()
    return bitmap.serialize()
