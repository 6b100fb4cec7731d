"""Files of releases: the records of each version as they were, in `seed/releases/`.

The first line of a file is its header; each other line is a record with its resource, ordered by both.
"""

import gzip
import os
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from errno import EEXIST
from functools import partial
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from shutil import copyfile
from typing import Literal, NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from app.resources.facts import FACTS
from app.schemas import ID, Id, Name, Text
from app.seeding.entries.base import ReleaseDate, Version
from app.seeding.errors import SeedError, Unreadable

FOLDER = "releases"
ENDING = ".ndjson.gz"
MAX_LINE = 4 << 20  # bytes of a line of NDJSON
MAX_RECORD = MAX_LINE - 1_000  # bytes: its line holds its resource, too
FACT_NAMES = frozenset(resource.name for resource in FACTS)
LINE = re.compile(rb'\{"type":"([a-z-]+)","record":(\{"id":"(%b)".*\})\}\n' % ID.encode(), re.DOTALL)
RESTORE = "restore the file"


class Header(BaseModel):
    """What a release is. `digest` is the SHA-256 of all lines of its records."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    version: Version
    released: ReleaseDate
    previous: Version | None
    notes: Text
    counts: dict[str, int]
    digest: str


class _AnyRecord(BaseModel):
    """What is used of a record of any version."""

    name: Name
    documents: list[Id]


class ReleasedRecord(NamedTuple):
    """A record of a version, as JSON."""

    type: str
    id: str
    record: bytes

    @property
    def line(self) -> bytes:
        return b'{"type":"%b","record":%b}\n' % (self.type.encode(), self.record)


@dataclass(frozen=True)
class Release:
    """The records of a version, by resource and id."""

    header: Header
    records: Callable[[], Iterator[ReleasedRecord]]

    @property
    def version(self) -> str:
        return self.header.version


def version_key(version: str) -> tuple[int, ...]:
    """What versions are ordered by."""
    return tuple(map(int, version.split(".")))


def summary_of(records: Iterable[ReleasedRecord]) -> tuple[dict[str, int], str]:
    """The counts by resource and the digest of a header."""
    counts, digest = Counter[str](), sha256()
    for each in records:
        counts[each.type] += 1
        digest.update(each.line)
    return dict(counts), digest.hexdigest()


def write_release(path: Path, release: Release) -> None:
    """Writes a file that depends on nothing but the release, and puts it in its place when it is whole. Raises
    FileExistsError if something is there: what was released never changes."""
    if os.path.lexists(path):
        raise FileExistsError(EEXIST, f"{path.name} is there already, and is another release: move it away", path)
    made = path.with_name(f".{path.name}")
    with made.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(orjson.dumps(release.header.model_dump(mode="json"), option=orjson.OPT_APPEND_NEWLINE))
        packed.writelines(each.line for each in release.records())
    made.replace(path)


def read_releases(files: Iterable[tuple[Path, str]], folder: Path) -> tuple[list[Release], list[SeedError]]:
    """The releases of these files, given with their names in errors, the oldest first, and what is wrong with them.
    Their records are read from copies in the folder, which nobody edits between the check and the build."""
    found: dict[str, Release] = {}
    errors = []
    for path, file in files:
        try:
            found[file] = _read(path, folder / path.name)
        except Unreadable as error:
            errors.append(SeedError(file, error.line, str(error)))
    if not errors:
        errors.extend(_chain_errors(found))
    return sorted(found.values(), key=lambda each: version_key(each.version)), errors


def _read(path: Path, copy: Path) -> Release:
    """A release whose file is whole, from a copy that is made of it. Raises Unreadable."""
    copyfile(path, copy)
    try:
        header = _header(copy)
        found = summary_of(_checked(copy))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Unreadable(1, f"the file is cut, or no gzip file ({error}): {RESTORE}") from error
    if found != (header.counts, header.digest):
        raise Unreadable(1, f"the records are not those that were released (their digest is {found[1]}): {RESTORE}")
    if path.name != f"{header.version}{ENDING}":
        raise Unreadable(1, f"the file holds version {header.version}: keep one file of it, {header.version}{ENDING}")
    return Release(header, partial(_records, copy))


def _header(path: Path) -> Header:
    with gzip.open(path) as file:
        line = file.readline(MAX_LINE)
    try:
        return Header.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        message = f"the first line is no header of format 1 ({where}: {first['msg']}): {RESTORE}, or update the code"
        raise Unreadable(1, message) from error


def _records(path: Path) -> Iterator[ReleasedRecord]:
    """The records of a file. Raises Unreadable at a line that is none."""
    with gzip.open(path) as file:
        file.readline(MAX_LINE)
        number = 1
        while line := file.readline(MAX_LINE):
            number += 1
            found = LINE.fullmatch(line)
            if found is None:
                raise Unreadable(1, f"line {number} is no record: {RESTORE}")
            yield ReleasedRecord(found[1].decode(), found[3].decode(), found[2])


def _checked(path: Path) -> Iterator[ReleasedRecord]:
    before: tuple[str, str] | None = None
    for number, each in enumerate(_records(path), 2):
        try:
            _AnyRecord.model_validate(orjson.loads(each.record))  # which takes no NaN, as pydantic's own parser does
        except ValueError as error:
            raise Unreadable(1, f"line {number} is no record: {RESTORE}") from error
        if each.type not in FACT_NAMES:
            raise Unreadable(1, f"line {number} is of `{each.type}`, which is no resource: {RESTORE}")
        if before is not None and each[:2] <= before:
            raise Unreadable(1, f"line {number} is not in order: {RESTORE}")
        before = each[:2]
        yield each


def _chain_errors(found: Mapping[str, Release]) -> Iterator[SeedError]:
    """Releases that do not follow the one before them."""
    chain = sorted(found.items(), key=lambda each: version_key(each[1].version))
    known = {release.version for release in found.values()}
    for file, release in chain[:1]:
        if release.header.previous is not None:
            yield _gap(file, release.header.previous)
    for (_, before), (file, release) in pairwise(chain):
        previous = release.header.previous
        if previous != before.version:
            if previous is not None and previous not in known:
                yield _gap(file, previous)
            else:
                message = (
                    f"it follows {previous or 'no version'}, as another does, not {before.version}: keep one of them"
                )
                yield SeedError(file, 1, message)
        elif release.header.released < before.header.released:
            yield SeedError(file, 1, f"it was released before {before.version}, which it follows: {RESTORE}")


def _gap(file: str, previous: str) -> SeedError:
    return SeedError(file, 1, f"it follows {previous}, which is not here: restore {previous}{ENDING}")
