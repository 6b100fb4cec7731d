"""Checks the content of all entries and renders their records, unit by unit, into a file of whole collections."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import orjson

from app.db.sqlite import connect
from app.query.columns import columns
from app.query.formats import Csv
from app.query.resource import Resource
from app.resources import BY_NAME, RESOURCES
from app.schemas import Record
from app.seeding.checks import Error, content_errors, coverage_errors, link_errors, own_errors
from app.seeding.entries import KINDS
from app.seeding.entries.base import Entry
from app.seeding.entries.sources import DocumentEntry
from app.seeding.errors import InvalidSeed, SeedError
from app.seeding.pool import mapped
from app.seeding.progress import Phase
from app.seeding.reading import Source
from app.seeding.records import RENDERERS, VALUES, Json
from app.seeding.sqlite import connect_exclusively
from app.seeding.staging import Seed

UNIT = 200  # entries of the largest kind that are checked and rendered at once

Unit = dict[str, range]  # by kind, numbers of entries
Target = tuple[str, str]  # kind and id
Row = tuple[str, bytes, bytes, bytes]  # of a record: see RenderedRecords


@dataclass
class Result:
    """What was found in a unit. `coverage` are errors that are reported if there are no others; `rows` are the
    records, by resource."""

    errors: list[SeedError] = field(default_factory=list)
    coverage: list[SeedError] = field(default_factory=list)
    rows: dict[str, list[Row]] = field(default_factory=dict)


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


def check_and_render(seed: Seed, source: Source, rendered: RenderedRecords, phase: Phase) -> None:
    """Raises InvalidSeed with every error of the seed, sorted. If there is none, every record is rendered."""
    errors = list(source.errors)
    unknown: set[Target] = seed.unknown_targets()
    if errors or unknown or any(document.id not in seed.transcripts for document in seed.each(DocumentEntry)):
        _leave_out_broken(seed, unknown)
        errors.extend(_check_links(seed, unknown, source.unread))
    else:
        errors.extend(_undescribed(seed))
    coverage: list[SeedError] = []
    units = list(_units(seed.counts))
    check = partial(_check_unit, seed, render=not errors)
    with phase("Verifying", len(units)) as done, mapped(check, units, sum(seed.counts.values())) as results:
        for result in results:
            errors.extend(result.errors)
            coverage.extend(result.coverage)
            if not errors:
                for name, rows in result.rows.items():
                    rendered.append(name, rows)
            done(1)
    if errors or coverage:
        raise InvalidSeed(sorted(set(errors or coverage)))


def _units(counts: dict[str, int]) -> Iterator[Unit]:
    """Units have the same share of each kind, so that a unit's entries mostly link to entries of the same unit."""
    number = max(1, -(-max(counts.values(), default=0) // UNIT))
    for unit in range(number):
        yield {
            kind: range(1 + count * unit // number, 1 + count * (unit + 1) // number) for kind, count in counts.items()
        }


def _check_unit(seed: Seed, unit: Unit, *, render: bool) -> Result:
    result = Result()
    for kind, numbers in unit.items():
        for entry in seed.each(KINDS[kind], numbers, all_=True):
            result.errors.extend(_located(entry, own_errors(entry, seed)))
            if entry.key not in seed.left_out:
                result.errors.extend(_located(entry, content_errors(entry, seed)))
            if render and kind in RENDERERS and not result.errors:
                record, model = RENDERERS[kind](entry, seed), BY_NAME[kind].record
                result.coverage.extend(_located(entry, coverage_errors(record, entry, model)))
                json = orjson.dumps(_in_order(record, model))
                model.model_validate_json(json)
                hidden = orjson.dumps(VALUES[kind](entry, seed) if kind in VALUES else {})
                result.rows.setdefault(kind, []).append((entry.id, json, csv_of(model).line(record), hidden))
    return result


def _in_order(record: Json, model: type[Record]) -> Json:
    """The fields of a record in the order of its model."""
    shown = (info.alias or name for name, info in model.model_fields.items())
    return {name: record[name] for name in shown if name in record} | record  # what is unknown is for the validation


def _located(entry: Entry, errors: Iterator[Error]) -> Iterator[SeedError]:
    return (SeedError(entry.location.file, entry.location.line(*path), message) for path, message in errors)


def _undescribed(seed: Seed) -> Iterator[SeedError]:
    """Transcripts of no document: evidence that quotes one would name a record that is not there."""
    for folder, transcript in seed.transcripts.items():
        if not seed.has("documents", folder):
            message = f"no entry in documents.yaml is `{folder}`: describe the document there"
            yield SeedError(transcript.file, 1, message)


def _check_links(seed: Seed, unknown: set[Target], unread: set[str]) -> Iterator[SeedError]:
    for kind in KINDS.values():
        for entry in seed.each(kind, all_=True):
            yield from _located(entry, link_errors(entry, seed, unknown, unread))


def _leave_out_broken(seed: Seed, unknown: set[Target]) -> None:
    """Leaves out entries that link to what is not there, documents without a transcript, and what links to those."""
    missing = set(unknown)
    documents = (entry for entry in seed.each(DocumentEntry) if entry.id not in seed.transcripts)
    broken = {entry.key: ("documents", entry.id) for entry in documents}
    while True:
        for name, kind in KINDS.items():
            for entry in seed.each(kind):
                if any((target, id_) in missing for _, target, id_ in entry.links()):
                    broken[entry.key] = name, entry.id
        if not broken:
            return
        seed.left_out.update(broken)
        missing = set(broken.values())
        broken = {}
