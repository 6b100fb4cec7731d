"""Formats of downloads: records as CSV, NDJSON and XLSX, a batch at a time."""

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, NamedTuple

import orjson

from app.query.columns import LISTS, Cell, Column, columns, row_of, text_of
from app.query.dataset import About
from app.query.resource import Resource
from app.schemas import Note

MAX_XLSX_ROWS = 50_000  # a workbook is complete before its first byte is sent


class Format(NamedTuple):
    """A format of downloads: made on request, under the filters of a list, or, with `is_file`, a file of the build."""

    media_type: str
    meaning: str
    is_file: bool = False


FORMATS = {
    "csv": Format(
        "text/csv",
        f"UTF-8, CRLF, a header row. Lists are {LISTS} A text that a spreadsheet would run as a formula has "
        "an apostrophe before it; take one off each text that begins with one to restore it.",
    ),
    "ndjson": Format("text/x-ndjson", "One record a line, as lists have it."),
    "xlsx": Format(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        f"A workbook of at most {MAX_XLSX_ROWS} rows: numbers are numbers, and a second sheet has the "
        "attribution, the notes and what each column means.",
    ),
    "parquet": Format(
        "application/vnd.apache.parquet",
        "The whole collection in the columns of its CSV, with their types: whole numbers are int64, others "
        "decimal, yes or no is boolean, a list is a list of its items, and what a record does not have is null. Lists "
        "whose columns begin with the same word, such as `evidence_bases` and `evidence_quotes`, have an item each for "
        "one thing.",
        is_file=True,
    ),
}
BINARY_TYPE = "application/octet-stream"
ATOM_TYPE = "application/atom+xml"  # of feeds
SVG_TYPE = "image/svg+xml"  # of charts: a browser shows no image that has another
IN_MEMORY_ROWS = 1_000  # of a workbook that is made without a file
MAX_CELL = 32_767  # characters that a cell of Excel holds

# Texts that a spreadsheet would run as a formula, in any width and after characters that it ignores, and texts that
# begin with the apostrophe that prevents it.
FORMULA = re.compile(r"'|[\t\r\n]|[\s\u200b-\u200f\u2060\ufeff]*[=+\-@＝＋－＠﹦﹢﹣﹫]")
BOM = b"\xef\xbb\xbf"


def content_type(media_type: str) -> str:
    """The type that a file is sent with, and documented: generated clients read text and bytes, and skip what has a
    type of its own, or parse it as JSON. Its name and the list of downloads say what it is."""
    return media_type if media_type.startswith("text/") else BINARY_TYPE


def export_path(resource: Resource, extension: str) -> str:
    return f"/v1/exports/{resource.name}.{extension}"


@dataclass(frozen=True)
class Csv:
    """RFC 4180 in UTF-8. A text that a spreadsheet would run as a formula is prefixed with an apostrophe, and so is one
    that begins with an apostrophe: removing one restores every cell."""

    columns: Sequence[Column]

    def file(self, records: Iterable[Mapping[str, Any]], *, bom: bool = False) -> bytes:
        return b"".join([self.head(bom=bom), *map(self.line, records)])

    def head(self, *, bom: bool = False) -> bytes:
        return (BOM if bom else b"") + self._write([column.name for column in self.columns])

    def line(self, record: Mapping[str, Any]) -> bytes:
        texts = [cell if type(cell) is str else text_of(cell) for cell in self._row(record)]
        if any(map(FORMULA.match, filter(None, texts))):
            texts = [
                f"'{text}" if column.kind == "string" and FORMULA.match(text) else text
                for column, text in zip(self.columns, texts, strict=True)
            ]
        return self._write(texts)

    @cached_property
    def _row(self) -> Callable[[Any], list[Cell]]:
        return row_of(self.columns)

    @cached_property
    def _write(self) -> Callable[[list[str]], bytes]:
        """Gives the line of some texts: `writerow` returns what the `write` of its file does."""
        return csv.writer(SimpleNamespace(write=str.encode), lineterminator="\r\n").writerow


def ndjson(records: Iterable[bytes]) -> bytes:
    """Records as JSON, one a line."""
    return b"".join(b"%b\n" % record for record in records)


class Workbook:
    """An XLSX workbook, written row by row into a file: numbers are numbers, and no text is a formula. Its second sheet
    says what the query was, and what each column means. Temporary files are made in `folder`, and none where there is
    no folder, for up to IN_MEMORY_ROWS; `shown` are the columns, all where none are given."""

    def __init__(
        self,
        file: IO[bytes],
        resource: Resource,
        about: About,
        query: str = "",
        notes: Iterable[Note] = (),
        folder: Path | None = None,
        shown: Sequence[Column] = (),
    ) -> None:
        import xlsxwriter  # takes long to import, and few requests need it

        options: dict[str, Any] = {"strings_to_formulas": False, "strings_to_urls": False}
        options |= {"in_memory": True} if folder is None else {"constant_memory": True, "tmpdir": str(folder)}
        self._book = xlsxwriter.Workbook(file, options)
        created = datetime.fromisoformat(about.version.released).replace(tzinfo=UTC)
        self._book.set_properties({"title": resource.name, "created": created})
        self._bold = self._book.add_format({"bold": True})
        self._columns = shown or columns(resource.record)
        self._about = [
            ("contents", resource.meaning),
            ("question", query or "everything"),
            ("version", f"{about.version.version}, released {about.version.released}"),
            ("digest", about.version.digest),
            ("attribution", about.attribution),
            ("lists", f"Several values in one cell are {LISTS}"),
            *((note.code, f"{note.ja}\n{note.en}") for note in notes),
        ]
        self._sheet = self._book.add_worksheet(resource.name[:31])
        self._sheet.freeze_panes(1, 1)
        for place, column in enumerate(self._columns):
            self._sheet.write_string(0, place, column.name, self._bold)
        self._row = 0

    def add(self, records: Iterable[bytes]) -> None:
        """Writes records, given as JSON."""
        row = row_of(self._columns)
        sheet = self._sheet
        for record in map(orjson.loads, records):
            self._row += 1
            for place, (column, cell) in enumerate(zip(self._columns, row(record), strict=True)):
                match cell:
                    case None | "":
                        pass
                    case bool():
                        sheet.write_boolean(self._row, place, cell)
                    case int():
                        sheet.write_number(self._row, place, cell)
                    case _ if column.kind == "number":
                        sheet.write_number(self._row, place, float(cell))
                    case _ if column.json and len(cell) > MAX_CELL:
                        pass  # a part of it would be no JSON
                    case _:
                        sheet.write_string(self._row, place, cell[:MAX_CELL])

    def discard(self) -> None:
        """Closes the temporary files of a workbook that is not to be ended: open ones keep their room on the disk."""
        for file in filter(None, (sheet.row_data_fh for sheet in self._book.worksheets())):
            with suppress(OSError):  # what was not written yet is not wanted
                file.close()

    def close(self) -> None:
        """Writes the second sheet, and ends the file."""
        from xlsxwriter.exceptions import FileCreateError  # as above

        sheet: Any = self._book.add_worksheet("about")
        lines = [*self._about, ("", ""), ("column", "meaning")]
        lines.extend((column.name, column.meaning) for column in self._columns)
        for row, (term, meaning) in enumerate(lines):
            sheet.write_string(row, 0, term, self._bold)
            sheet.write_string(row, 1, meaning)
        try:
            self._book.close()
        except FileCreateError as error:
            raise OSError(str(error)) from error
