"""Writes drafted records into a new database; it decides nothing that a reader would see."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import Table

from app.facts.tables import metadata, schema
from app.reading.answers import DatasetVersion
from app.reading.dataset import DATASET, TERM
from app.reading.downloads import Download
from app.reading.resource import Resource
from app.reading.sql import SEARCHABLE
from app.seeding.draft import Draft, Piece

Rows = Iterable[Sequence[Any]]


class Writer:
    """One database being written, through its driver. Nothing is safe from a power cut until the file is synced: it is
    not in its place before."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._searchable = 0
        self._terms: set[tuple[str, str]] = set()
        self._positions: dict[str, int] = {}
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "cache_size = -65536"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        # An index that is made of rows which are there takes a tenth of the time of one that grows with them.
        self._indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY rowid"
        ).fetchall()
        for name, _ in self._indexes:
            connection.execute(f'DROP INDEX "{name}"')

    def add(self, piece: Piece) -> None:
        """Writes the records of a piece; pieces come in their order."""
        drafts = list(piece.drafts())
        self._records(piece.resource, drafts)
        for name, rows in piece.asides():
            table = metadata.tables[name]
            self._insert(table, ([row[column.name] for column in table.columns] for row in rows))

    def finish(self, version: DatasetVersion, about: Mapping[str, Any], downloads: Iterable[Download]) -> None:
        """Writes what is known of the whole."""
        told = orjson.dumps({**about, "downloads": [asdict(download) for download in downloads]}).decode()
        self._insert(DATASET, [(1, version.version, version.released, schema(), version.digest, told)])
        for _, sql in self._indexes:
            self._connection.execute(sql)
        self._connection.execute("COMMIT")
        self._connection.execute("ANALYZE")

    def _records(self, resource: Resource, drafts: list[Draft]) -> None:
        table = resource.table
        own = [column.name for column in table.columns if column.name not in ("key", "id", "name")]
        self._insert(table, ([d.key, d.id, d.name, *(d.columns[name] for name in own)] for d in drafts))
        self._insert(resource.records, ((draft.key, draft.record) for draft in drafts))
        self._insert(SEARCHABLE, (self._searched(resource, draft) for draft in drafts))
        for name in drafts[0].links:
            rows = ((draft.key, value) for draft in drafts for value in draft.links[name])
            self._insert(metadata.tables[name], rows)
        self._insert(TERM, (term for draft in drafts for term in self._listed(draft)))

    def _searched(self, resource: Resource, draft: Draft) -> Sequence[Any]:
        self._searchable += 1
        title, text = "\n".join(draft.names), "\n".join([*draft.names, *draft.descriptions])
        return self._searchable, resource.name, draft.key, title, text

    def _listed(self, draft: Draft) -> Iterator[Sequence[Any]]:
        """The terms that a record adds to vocabularies, each once."""
        for vocabulary, id_, key, about in draft.terms:
            if (vocabulary, id_) not in self._terms:
                self._terms.add((vocabulary, id_))
                position = self._positions[vocabulary] = self._positions.get(vocabulary, 0) + 1
                yield vocabulary, position, id_, key, about

    def _insert(self, table: Table, rows: Rows) -> None:
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        marks = ", ".join("?" * len(table.columns))
        # The names are the models' own.
        self._connection.executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', rows)  # noqa: S608
