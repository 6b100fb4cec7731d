"""A temporary SQLite file of the rendered records, in whole collections."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from app.db.sqlite import connect
from app.query.columns import columns
from app.query.formats import Csv
from app.query.resource import Resource
from app.resources import RESOURCES
from app.schemas import Record
from app.seeding.entries.base import Json
from app.seeding.sqlite import connect_exclusively

Row = tuple[str, bytes, bytes, bytes]  # of a record: see RenderedRecords


@cache
def csv_of(model: type[Record]) -> Csv:
    return Csv(columns(model))


class RenderedRecords:
    """The rendered records, in a SQLite file with a table for each resource: id, JSON, line of CSV, and the values of
    filters that the record does not show, as JSON. Rowids are the order of the keys. Other processes read it once it is
    closed."""

    def __init__(self, path: Path, counts: Mapping[str, int]) -> None:
        self.path = path
        self.counts = {resource.name: counts.get(resource.name, 0) for resource in RESOURCES}
        self._writing = True
        self._writer = connect_exclusively(path)
        self._writer.execute("PRAGMA page_size = 16384")  # most rows are of some thousands of bytes
        for name in self.counts:
            self._writer.execute(f'CREATE TABLE "{name}" (id TEXT UNIQUE, json BLOB, csv BLOB, hidden BLOB)')
        self._writer.execute("BEGIN")

    def append(self, name: str, rows: Iterable[Row]) -> None:
        self._writer.executemany(f'INSERT INTO "{name}" VALUES (?, ?, ?, ?)', rows)  # noqa: S608 - of a resource

    def add(self, resource: Resource, record: Json) -> None:
        """Adds a record that no entry makes."""
        json = orjson.dumps(record)
        resource.record.model_validate_json(json)
        self.append(resource.name, [(record["id"], json, csv_of(resource.record).line(record), b"{}")])
        self.counts[resource.name] += 1

    def close(self) -> None:
        self._writer.execute("COMMIT")
        self._writer.close()
        self._writing = False

    def first_key(self, resource: Resource) -> int:
        """Keys number all records, resource by resource, from 1."""
        return 1 + sum(self.counts[other.name] for other in RESOURCES[: RESOURCES.index(resource)])

    def rows(self, resource: Resource, columns: str, order: str = "rowid") -> Iterator[Any]:
        """Some columns of each record: `id`, `json`, `csv`, `hidden`."""
        with nullcontext(self._writer) if self._writing else closing(connect(self.path)) as connection:
            yield from connection.execute(f'SELECT {columns} FROM "{resource.name}" ORDER BY {order}')  # noqa: S608

    def records(self, resource: Resource) -> Iterator[bytes]:
        """Each record as JSON."""
        return (json for (json,) in self.rows(resource, "json"))

    def csv(self, resource: Resource) -> Iterator[bytes]:
        """All records as CSV, line by line, with a header."""
        yield csv_of(resource.record).head()
        yield from (line for (line,) in self.rows(resource, "csv"))
