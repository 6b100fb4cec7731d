"""Index writer: collects what the index stores of one collection, while its rows are written in key order."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from app.index.bitmaps import dump
from app.index.bitslices import dump_column
from app.index.orders import dump_order

Entry = tuple[str, str, bytes]  # name, value, data


def rows_part(collection: str) -> str:
    """The part that holds all rows of a collection, under the value `all`."""
    return f"{collection}/rows"


def values_part(collection: str, name: str) -> str:
    """The part that holds the rows under each value of a filter."""
    return f"{collection}/values/{name}"


def column_part(collection: str, name: str) -> str:
    """The part that holds a bit-sliced column."""
    return f"{collection}/column/{name}"


def order_part(collection: str, name: str) -> str:
    """The part that holds a sort order."""
    return f"{collection}/order/{name}"


class IndexWriter:
    """The index of one collection. Numbers must not be negative."""

    def __init__(self, collection: str) -> None:
        self._collection = collection
        self._rows = array("I")
        self._values: dict[tuple[str, str], array[int]] = defaultdict(lambda: array("I"))
        self._numbers: dict[str, list[tuple[int, int]]] = {}

    def add(self, key: int, values: Mapping[str, Iterable[str]], numbers: Mapping[str, int | None]) -> None:
        """A row: by filter the values that it stands under, and by column its number."""
        self._rows.append(key)
        for name, several in values.items():
            for value in several:
                self._values[name, value].append(key)
        for name, number in numbers.items():
            column = self._numbers.setdefault(name, [])
            if number is not None:
                column.append((key, number))

    def entries(self) -> Iterator[Entry]:
        """Everything but the sort orders."""
        yield rows_part(self._collection), "all", dump(self._rows)
        for (name, value), rows in self._values.items():
            yield values_part(self._collection, name), value, dump(rows)
        for name, column in self._numbers.items():
            for value, data in dump_column(column):
                yield column_part(self._collection, name), value, data

    def order_entries(self, name: str, rows: Iterable[int]) -> Iterator[Entry]:
        """A sort order: the rows that have a value, in its order."""
        for value, data in dump_order(rows):
            yield order_part(self._collection, name), value, data
