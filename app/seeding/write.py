"""Writes drafted records into a new database; it decides nothing that a reader would see."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

import orjson

from app.db import Statement
from app.facts.tables import metadata, schema
from app.reading.answers import DatasetVersion
from app.reading.dataset import DATASET, TERM
from app.reading.downloads import Download
from app.reading.postings import FIRST, POSTING, number
from app.reading.resource import Resource
from app.reading.sets import SEARCHABLE, SHOWN_TABLE, Sets
from app.resources import KNOWN
from app.seeding.draft import Draft, Piece
from app.seeding.postings import Postings, Rows
from app.seeding.target import Building

BATCH = 1_000  # postings, some of them long


class Writer:
    """One database being written."""

    def __init__(self, building: Building) -> None:
        self._building = building
        self._terms: set[tuple[str, str]] = set()
        self._positions: dict[str, int] = {}
        self._searchable = 0

    def add(self, resource: Resource, pieces: Iterable[Piece]) -> None:
        """Writes the records of a resource."""
        rows = Rows(resource)
        self._post(iter([(FIRST, resource.name, number(self._searchable + 1))]))
        for piece in pieces:
            drafts = list(piece.drafts())
            self._records(resource, drafts)
            for draft in drafts:
                rows.add(draft.key, draft.columns, draft.links)
            for name, aside in piece.asides():
                table = metadata.tables[name]
                self._building.insert(table, ([row[column.name] for column in table.columns] for row in aside))
        self._post(rows.packed(self._building.connection))

    def finish(
        self, version: DatasetVersion, about: Mapping[str, Any], downloads: Iterable[Download], texts: Postings
    ) -> None:
        """Writes what is known of the whole."""
        self._post(texts)
        sets = Sets(self._learn, {})
        for known in KNOWN:
            self._post(known(sets))
        told = orjson.dumps({**about, "downloads": [asdict(download) for download in downloads]}).decode()
        self._building.insert(DATASET, [(1, version.version, version.released, schema(), version.digest, told)])

    def _records(self, resource: Resource, drafts: list[Draft]) -> None:
        insert, table = self._building.insert, resource.table
        own = [column.name for column in table.columns if column.name not in ("key", "id", "name")]
        insert(table, ([d.key, d.id, d.name, *(d.columns[name] for name in own)] for d in drafts))
        insert(resource.reads.records, ((draft.key, draft.record) for draft in drafts))
        insert(resource.reads.cells, ((draft.key, draft.line) for draft in drafts))
        first = self._searchable + 1
        self._searchable += len(drafts)
        insert(SEARCHABLE, ((place, *_words(draft)) for place, draft in enumerate(drafts, first)))
        insert(SHOWN_TABLE, ((place, draft.shown.encode()) for place, draft in enumerate(drafts, first)))
        insert(TERM, (term for draft in drafts for term in self._listed(draft)))

    def _listed(self, draft: Draft) -> Iterator[Sequence[Any]]:
        """The terms that a record adds to vocabularies, each once."""
        for vocabulary, id_, key, about in draft.terms:
            if (vocabulary, id_) not in self._terms:
                self._terms.add((vocabulary, id_))
                position = self._positions[vocabulary] = self._positions.get(vocabulary, 0) + 1
                yield vocabulary, position, id_, key, about

    def _learn(self, statement: Statement, /, **values: Any) -> Iterable[tuple[Any, ...]]:
        return [tuple(row) for row in self._building.connection.execute(statement.select, values)]

    def _post(self, found: Postings) -> None:
        while batch := list(islice(found, BATCH)):
            self._building.insert(POSTING, batch)


def _words(draft: Draft) -> tuple[str, str]:
    return "\n".join(["", *draft.names, ""]), "\n".join(draft.descriptions)
