"""Index writer: collects what the index stores of one collection, while its rows are written in key order."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from app.index.bitslices import dump_column
from app.index.entries import Entry, dump, entry_name
from app.index.orders import dump_order


class IndexWriter:
    """The index of one collection."""

    def __init__(self, collection: str) -> None:
        self._collection = collection
        self._rows = array("I")
        self._values: dict[tuple[str, str], array[int]] = defaultdict(lambda: array("I"))
        self._columns: dict[str, tuple[array[int], array[int]]] = {}  # rows, and the number of each

    def add(self, key: int, values: Mapping[str, Iterable[str]], numbers: Mapping[str, int | None]) -> None:
        """A row: by filter the values that it stands under, and by column its number."""
        self._rows.append(key)
        for name, several in values.items():
            for value in several:
                self._values[name, value].append(key)
        for name, number in numbers.items():
            rows, column = self._columns.setdefault(name, (array("I"), array("q")))
            if number is not None:
                rows.append(key)
                column.append(number)

    def entries(self) -> Iterator[Entry]:
        """Everything but the sort orders."""
        yield entry_name(self._collection, "rows"), "all", dump(self._rows)
        for (name, value), rows in self._values.items():
            yield entry_name(self._collection, "values", name), value, dump(rows)
        for name, (rows, column) in self._columns.items():
            for value, data in dump_column(rows, column):
                yield entry_name(self._collection, "column", name), value, data

    def order_entries(self, name: str, rows: Iterable[int]) -> Iterator[Entry]:
        """A sort order: the rows that have a value, in its order."""
        for value, data in dump_order(rows):
            yield entry_name(self._collection, "order", name), value, data
