"""Index reader: loads the parts of an index when they are first used, and keeps them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pyroaring import BitMap

from app.index.bitslices import BitSlicedColumn
from app.index.entries import entry_name
from app.index.ngrams import TextReader
from app.index.orders import SortOrder

T = TypeVar("T")

NO_ROWS = BitMap()


@dataclass(frozen=True)
class ValueIndex:
    """The rows under each value of a filter, those under narrower values included; `present` are those under any."""

    rows: Mapping[str, BitMap]
    present: BitMap

    def of(self, value: str) -> BitMap:
        """The rows under a value. The result is shared: do not change it."""
        return self.rows.get(value, NO_ROWS)

    @classmethod
    def load(cls, parts: Mapping[str, bytes], narrower: Mapping[str, Sequence[str]]) -> "ValueIndex":
        direct = {value: BitMap.deserialize(data) for value, data in parts.items()}
        rows = dict(direct)
        for value, below in narrower.items():
            found = [direct[each] for each in (value, *below) if each in direct]
            if found:
                rows[value] = BitMap.union(*found)
        return cls(rows, BitMap().union(*direct.values()))


class Index:
    """The index of one build. `read` gives the entries of a part by value, when the part is first used; `loaded` are
    the parts that were."""

    def __init__(self, read: Callable[[str], Mapping[str, bytes]], loaded: dict[str, Any] | None = None) -> None:
        self._read = read
        self._loaded: dict[str, Any] = {} if loaded is None else loaded

    def rows(self, collection: str) -> BitMap:
        """All rows of a collection. The result is shared: do not change it."""
        return self._load(entry_name(collection, "rows"), lambda parts: BitMap.deserialize(parts["all"]))

    def values(self, collection: str, name: str, narrower: Mapping[str, Sequence[str]] | None = None) -> ValueIndex:
        """The rows under each value of a filter; a value that has `narrower` ones includes their rows. They are kept by
        the filter alone: for one filter, `narrower` has to be the same at every call."""
        of_filter = entry_name(collection, "values", name)
        return self._load(of_filter, lambda parts: ValueIndex.load(parts, narrower or {}))

    def among(self, collection: str, name: str, values: Sequence[str], reader: TextReader) -> BitMap:
        """The rows under any of these values of a filter that has too many to be loaded."""
        entries = reader.entries([entry_name(collection, "values", name)], list(values))
        return BitMap().union(*(BitMap.deserialize(data) for *_, data in entries))

    def column(self, collection: str, name: str) -> BitSlicedColumn:
        """A column of numbers."""
        return self._load(entry_name(collection, "column", name), BitSlicedColumn.load)

    def order(self, collection: str, name: str) -> SortOrder:
        """The rows that have a value, in its order."""
        return self._load(entry_name(collection, "order", name), SortOrder.load)

    def _load(self, name: str, load: Callable[[Mapping[str, bytes]], T]) -> T:
        return self.derived(name, lambda: load(self._read(name)))

    def derived(self, name: str, derive: Callable[[], T]) -> T:
        """What follows from the build alone, worked out when it is first used, and kept. The result is shared: do not
        change it."""
        if name not in self._loaded:
            # Two threads may do so at the same time: both get the same.
            self._loaded[name] = derive()
        loaded: T = self._loaded[name]
        return loaded
