"""The transcript of a document, by line; that of a table by row and column too."""

import csv
from array import array
from bisect import bisect_left
from codecs import BOM_UTF8
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate, islice
from typing import NamedTuple

from app.seeding.errors import Unreadable

HEADINGS = 10  # rows at the top of a table among which its header is


class Row(NamedTuple):
    """A row of a table: its first and last line, both included, and its cells without the blanks around them."""

    first: int
    last: int
    cells: list[str]


class Transcript:
    """The lines of a transcript, numbered from 1. They are kept as bytes, and decoded one by one: a transcript
    may be large."""

    def __init__(self, file: str, data: bytes, sha256: str) -> None:
        self.file = file
        self.sha256 = sha256
        self._data = data.removeprefix(BOM_UTF8).removesuffix(b"\n")
        self._starts = array("Q", accumulate((len(line) + 1 for line in self._data.split(b"\n")), initial=0))

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __iter__(self) -> Iterator[str]:
        return map(self._line, range(1, len(self) + 1))

    def lines(self, first: int, last: int) -> list[str]:
        """The lines from one to another, both included."""
        return [self._line(number) for number in range(first, last + 1)]

    def _line(self, number: int) -> str:
        return self._data[self._starts[number - 1] : self._starts[number] - 1].decode().removesuffix("\r")


class Table(Transcript):
    """A transcript that is CSV. Where its rows begin is kept, and their cells are read one row at a time."""

    def __init__(self, file: str, data: bytes, sha256: str) -> None:
        super().__init__(file, data, sha256)
        self._rows = array("Q")
        self.cells = lru_cache(maxsize=2)(self._cells)  # the pieces of evidence of a record name few rows
        self._place = lru_cache(maxsize=1_000)(self._first_place)

    def rows(self) -> Iterator[Row]:
        """The rows, in their order. Raises Unreadable where the lines are no CSV."""
        reader = csv.reader((f"{line}\n" for line in self), strict=True)
        first = 1
        try:
            for cells in reader:
                yield Row(first, reader.line_num, [cell.strip() for cell in cells])
                first = reader.line_num + 1
        except csv.Error as error:
            raise Unreadable(first, str(error)) from error

    def find_rows(self) -> None:
        """Finds where the rows begin, which `cells` and `cell` need. Raises Unreadable."""
        for row in self.rows():
            self._rows.append(row.first)

    def _cells(self, first: int, last: int) -> list[str] | None:
        """The cells of the row that stands at exactly these lines; None if there is none."""
        place = bisect_left(self._rows, first)
        after = self._rows[place + 1] if place + 1 < len(self._rows) else len(self) + 1
        if place == len(self._rows) or self._rows[place] != first or after != last + 1:
            return None
        (cells,) = csv.reader(f"{line}\n" for line in self.lines(first, last))
        return [cell.strip() for cell in cells]

    def _first_place(self, column: str) -> tuple[int, int] | None:
        """The line of the header, which is the first row that holds the column's name, and the column's place; None if
        there is none, or if the name stands there twice."""
        header = next((row for row in islice(self.rows(), HEADINGS) if column in row.cells), None)
        return (header.last, header.cells.index(column)) if header and header.cells.count(column) == 1 else None

    def cell(self, first: int, last: int, column: str) -> str | None:
        """What stands in a column of the row at these lines; None if there is no such row or column."""
        cells, place = self.cells(first, last), self._place(column)
        if cells is None or place is None or place[0] >= first or place[1] >= len(cells):
            return None
        return cells[place[1]]
