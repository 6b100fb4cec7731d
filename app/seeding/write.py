"""Writes a verified library into a new database; it decides nothing that a reader would see."""

from collections.abc import Callable
from dataclasses import asdict
from hashlib import sha256
from itertools import islice
from typing import Any

import orjson
from sqlalchemy import Connection, Table, select, update

from app.facts.library import About, Library
from app.facts.tables import schema
from app.facts.text import fold
from app.reading.columns import columns
from app.reading.dataset import DATASET, TERM, pack
from app.reading.downloads import Download
from app.reading.formats import Csv
from app.reading.postings import POSTING
from app.reading.resource import Resource, texts_of
from app.reading.sets import SEARCHABLE
from app.resources import RESOURCES
from app.resources.documents import DocumentEntry
from app.seeding.postings import Postings, Rows, Texts
from app.seeding.target import Building

BATCH = 1_000
MOST_ATTRIBUTIONS = 10


class Writer:
    """One database being written."""

    def __init__(self, building: Building, library: Library, about: About) -> None:
        self._building = building
        self._library = library
        self._about = about
        self._digest = sha256()
        self._terms: set[tuple[str, str]] = set()
        self._positions: dict[str, int] = {}

    def write(self, done: Callable[[int], None]) -> str:
        """Writes everything and returns the digest; `done` is told how many records more were written."""
        texts = Texts()
        for resource in RESOURCES:
            entries = iter(self._library.of(resource.entry).values())
            rows, key = Rows(resource), 0
            texts.begin(resource)
            while batch := list(islice(entries, BATCH)):
                self._batch(resource, batch, key, rows, texts)
                key += len(batch)
                done(len(batch))
            self._post(rows.packed(self._building.connection))
        self._post(texts.packed())
        digest = self._digest.hexdigest()
        about = {"name": self._about.name, "description": self._about.description, "attribution": self._attribution()}
        row = {"key": 1, "version": self._about.version, "released": self._about.released.isoformat()}
        row |= {"schema": schema(), "digest": digest, "about": orjson.dumps(about).decode()}
        self._insert(DATASET, [row])
        return digest

    def _post(self, found: Postings) -> None:
        while batch := [
            {"name": name, "value": value, "packed": packed} for name, value, packed in islice(found, BATCH)
        ]:
            self._insert(POSTING, batch)

    def _batch(self, resource: Resource, batch: list[Any], before: int, known: Rows, texts: Texts) -> None:
        rows: list[dict[str, Any]] = []
        records: list[dict[str, Any]] = []
        lines: list[dict[str, Any]] = []
        search: list[dict[str, Any]] = []
        csv = Csv(columns(resource.record))
        asides: list[tuple[Table, list[dict[str, object]]]] = []
        for key, entry in enumerate(batch, before + 1):
            published = resource.publish(entry, self._library)
            record = published.record
            rendered = record.model_dump_json().encode()
            self._digest.update(b"%b %b\n" % (resource.name.encode(), rendered))
            plain = record.model_dump(mode="json")
            rows.append({"key": key, "id": record.id, "name": plain["name"]["ja"], **published.columns})
            records.append({"key": key, "record": rendered})
            lines.append({"key": key, "line": csv.line(plain)})
            search.append(_searched(resource, plain, texts))
            asides.extend(published.aside)
            known.add(key, published, self._library.keys(DocumentEntry, record.documents))
            self._list(resource, record, key)
        self._insert(resource.table, rows)
        self._insert(resource.reads.records, records)
        self._insert(resource.reads.cells, lines)
        self._insert(SEARCHABLE, search)
        for table, entries in asides:
            self._insert(table, entries)

    def _list(self, resource: Resource, record: Any, key: int) -> None:
        """The terms that a record adds to vocabularies, each once."""
        for listed in resource.lists:
            term = listed.term(record, key)
            if term is None or (listed.name, term.id) in self._terms:
                continue
            self._terms.add((listed.name, term.id))
            position = self._positions[listed.name] = self._positions.get(listed.name, 0) + 1
            row = {"vocabulary": listed.name, "position": position, "id": term.id, "key": term.key}
            self._insert(TERM, [{**row, "about": pack(term).decode()}])

    def _attribution(self) -> str:
        documents = self._library.of(DocumentEntry).values()
        if len(documents) > MOST_ATTRIBUTIONS:
            return "各文書の出典は /v1/documents の attribution にある。"
        return "\n".join(document.attribution for document in documents)

    def _insert(self, table: Table, rows: list[dict[str, Any]]) -> None:
        if rows:
            self._building.insert(table, rows)


def tell(connection: Connection, downloads: list[Download]) -> None:
    """Adds to the dataset's row what there is to download."""
    about = orjson.loads(connection.execute(select(DATASET.c.about)).scalar_one())
    about["downloads"] = [asdict(download) for download in downloads]
    connection.execute(update(DATASET).values(about=orjson.dumps(about).decode()))


def _searched(resource: Resource, record: dict[str, Any], texts: Texts) -> dict[str, Any]:
    names = [fold(text) for _, text in texts_of(resource.names, record)]
    described = [fold(text) for _, text in texts_of(resource.descriptions, record)]
    title = "\n".join(["", *names, ""])  # a break before and after each name
    shown = {field: record[field] for field in ("id", *resource.names, *resource.descriptions)}
    row = {"key": texts.add(names, described), "title": title, "text": title + "\n".join(described)}
    return {**row, "shown": orjson.dumps(shown)}
