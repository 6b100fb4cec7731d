"""Checks the content of all entries and renders their records, unit by unit, into files of whole collections."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import orjson

from app.query.columns import columns
from app.query.formats import Csv
from app.query.resource import Resource
from app.resources import RESOURCES
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
from app.seeding.staging import Seed

CHUNK = 1 << 20  # bytes
UNIT = 200  # entries of the largest kind that are checked and rendered at once

MODELS = {resource.name: resource.record for resource in RESOURCES}

Unit = dict[str, range]  # by kind, numbers of entries
Target = tuple[str, str]  # kind and id


@dataclass
class Result:
    """What was found in a unit. `coverage` are errors that are reported if there are no others; `texts` are the
    records as NDJSON, as CSV, and the values of filters that they do not show, by resource."""

    errors: list[SeedError] = field(default_factory=list)
    coverage: list[SeedError] = field(default_factory=list)
    texts: dict[str, tuple[bytes, bytes, bytes]] = field(default_factory=dict)


@cache
def csv_of(model: type[Record]) -> Csv:
    return Csv(columns(model))


class RecordFiles:
    """The rendered records of each resource, in the order of their keys: NDJSON, CSV without a header, and JSON lists
    of filter values."""

    def __init__(self, folder: Path, counts: dict[str, int]) -> None:
        self.folder = folder
        self.counts = {resource.name: counts.get(resource.name, 0) for resource in RESOURCES}
        self._appending = {path: path.open("wb") for name in self.counts for path in self._paths(name)}

    def _paths(self, name: str) -> tuple[Path, Path, Path]:
        return self.folder / f"{name}.ndjson", self.folder / f"{name}.csv", self.folder / f"{name}.values"

    def path(self, resource: Resource) -> Path:
        """The file of the records as NDJSON."""
        return self._paths(resource.name)[0]

    def add(self, resource: Resource, record: Json) -> None:
        """Adds a record that no entry makes."""
        json = orjson.dumps(record)
        resource.record.model_validate_json(json)
        self.append({resource.name: (_ndjson([json]), csv_of(resource.record).line(record), _ndjson([b"{}"]))})
        self.counts[resource.name] += 1

    def append(self, texts: dict[str, tuple[bytes, bytes, bytes]]) -> None:
        for name in self.counts.keys() & texts.keys():
            parts = texts[name]
            for path, part in zip(self._paths(name), parts, strict=True):
                self._appending[path].write(part)

    def flush(self) -> None:
        """Lets what was appended be read."""
        for file in self._appending.values():
            file.flush()

    def close(self) -> None:
        for file in self._appending.values():
            file.close()

    def first_key(self, resource: Resource) -> int:
        """Keys number all records, resource by resource, from 1."""
        return 1 + sum(self.counts[other.name] for other in RESOURCES[: RESOURCES.index(resource)])

    def records(self, resource: Resource) -> Iterator[bytes]:
        """Each record as JSON, with a line break."""
        with self.path(resource).open("rb") as file:
            yield from file

    def csv(self, resource: Resource) -> Iterator[bytes]:
        """All records as CSV, with a header, in chunks."""
        yield csv_of(resource.record).head()
        with self._paths(resource.name)[1].open("rb") as file:
            while text := file.read(CHUNK):
                yield text

    def csv_lines(self, resource: Resource) -> Iterator[bytes]:
        """Each record as a line of CSV."""
        whole = b""
        with self._paths(resource.name)[1].open("rb") as file:
            for line in file:
                whole += line
                # A line break within a quoted cell does not end the line of CSV.
                if whole.count(b'"') % 2 == 0:
                    yield whole
                    whole = b""

    def values(self, resource: Resource) -> Iterator[dict[str, list[str]]]:
        """Each record's values of filters that it does not show."""
        with self._paths(resource.name)[2].open("rb") as file:
            yield from map(orjson.loads, file)


def id_of(record: bytes) -> str:
    """The id of a record's JSON, which begins with it."""
    return record[len(b'{"id":"') : record.index(b'"', len(b'{"id":"'))].decode()


def check_and_render(seed: Seed, source: Source, files: RecordFiles, phase: Phase) -> None:
    """Raises InvalidSeed with every error of the seed, sorted. If there is none, the files hold every record."""
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
                files.append(result.texts)
            done(1)
    files.flush()
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
        records, lines, values = [], [], []
        for entry in seed.each(KINDS[kind], numbers, all_=True):
            result.errors.extend(_located(entry, own_errors(entry, seed)))
            if entry.key not in seed.left_out:
                result.errors.extend(_located(entry, content_errors(entry, seed)))
            if render and kind in RENDERERS and not result.errors:
                record, model = RENDERERS[kind](entry, seed), MODELS[kind]
                result.coverage.extend(_located(entry, coverage_errors(record, entry, model)))
                json = orjson.dumps(_in_order(record, model))
                model.model_validate_json(json)
                records.append(json)
                lines.append(csv_of(model).line(record))
                values.append(orjson.dumps(VALUES[kind](entry, seed) if kind in VALUES else {}))
        result.texts[kind] = (_ndjson(records), b"".join(lines), _ndjson(values))
    return result


def _in_order(record: Json, model: type[Record]) -> Json:
    """The fields of a record in the order of its model."""
    shown = (info.alias or name for name, info in model.model_fields.items())
    return {name: record[name] for name in shown if name in record} | record  # what is unknown is for the validation


def _located(entry: Entry, errors: Iterator[Error]) -> Iterator[SeedError]:
    return (SeedError(entry.location.file, entry.location.line(*path), message) for path, message in errors)


def _ndjson(texts: Sequence[bytes]) -> bytes:
    return b"".join([b"%b\n" % text for text in texts])


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
