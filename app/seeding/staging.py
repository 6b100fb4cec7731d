"""A temporary SQLite file that holds the entries of a seed while they are checked and rendered."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import orjson
from cachetools import LRUCache

from app.db.sqlite import connect
from app.seeding.entries import KINDS, NAMES
from app.seeding.entries.base import E, Entry, EntryRef, FieldPath, Location
from app.seeding.entries.sources import OrganizationEntry
from app.seeding.errors import SeedError
from app.seeding.sqlite import connect_exclusively
from app.seeding.transcript import Transcript

CACHE_SIZE = 2_000  # entries that a process keeps; the least recently used are dropped
MAX_CACHED_AT_ONCE = 20  # entries of one look-up that are kept: many at once would displace all others
MAX_LISTED_VALUES = 10_000  # values of a field that are kept, so that other values need no query

# The keys of a kind's entries follow its FIRST_KEY, in the order in which they were read; `json` is null if the form is
# wrong. A link target is what some entry links to.
TABLES = """
    CREATE TABLE entry (
        key INTEGER PRIMARY KEY, kind TEXT, id TEXT, file TEXT, document TEXT, line INTEGER, lines BLOB, json BLOB
    );
    CREATE TABLE indexed (field TEXT, value TEXT, key INTEGER);
    CREATE TABLE link_target (kind TEXT, id TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID;
"""
INDEXES = """
    CREATE INDEX entry_id ON entry (kind, id);
    CREATE INDEX indexed_value ON indexed (field, value, key);
"""
ENTRY = "key, id, file, document, line, lines, json"
REPEATED = """
    WITH repeated AS (
        SELECT kind, id, min(key) AS first FROM entry WHERE id IS NOT NULL GROUP BY kind, id HAVING count(*) > 1
    )
    SELECT later.key, later.file, later.line, later.id, first.key, first.file, first.line
    FROM repeated JOIN entry AS later USING (kind, id) JOIN entry AS first ON first.key = repeated.first
    WHERE later.key > first.key ORDER BY later.key
"""
UNKNOWN = """
    SELECT kind, id FROM link_target
    WHERE NOT EXISTS (
        SELECT 1 FROM entry
        WHERE entry.kind = link_target.kind AND entry.id = link_target.id AND json IS NOT NULL
    )
"""
FIRST_KEY = {kind: number << 32 for number, kind in enumerate(KINDS)}


@dataclass
class Batch:
    """Entries that were read together, in their order."""

    kind: str
    file: str
    document: str | None
    rows: list[tuple[str | None, int, bytes | None, bytes | None]] = field(default_factory=list)
    values: list[tuple[str, str, int]] = field(default_factory=list)  # field, value, position of the row
    targets: set[EntryRef] = field(default_factory=set)
    form_errors: dict[int, list[SeedError]] = field(default_factory=dict)  # by position of the row
    file_errors: list[SeedError] = field(default_factory=list)
    unread: bool = False

    def add(self, id_: str | None, location: Location, json: bytes | None, errors: Sequence[SeedError] = ()) -> None:
        """An entry; `json` is None if its form is wrong."""
        if errors:
            self.form_errors[len(self.rows)] = list(errors)
        lines = orjson.dumps(list(location.lines.items())) if len(location.lines) > 1 else None
        self.rows.append((id_, location.line("id"), lines, json))

    def index(self, name: str, values: Iterable[str]) -> None:
        """Values of an indexed field of the last entry."""
        self.values.extend((name, value, len(self.rows) - 1) for value in values)


class StagingWriter:
    """Writes the staging file. `finish` makes its indexes, and gives the errors that it found."""

    def __init__(self, path: Path) -> None:
        self._connection = connect_exclusively(path)
        self._connection.executescript(TABLES)
        self._connection.execute("BEGIN")
        self._last = dict(FIRST_KEY)
        self._form_errors: dict[int, list[SeedError]] = {}

    def add(self, batch: Batch) -> None:
        kind, file, document = batch.kind, batch.file, batch.document
        first = self._last[kind] + 1
        self._last[kind] += len(batch.rows)
        insert = self._connection.executemany
        insert(
            "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            ((key, kind, row[0], file, document, *row[1:]) for key, row in enumerate(batch.rows, first)),
        )
        insert(
            "INSERT INTO indexed VALUES (?, ?, ?)",
            ((f"{kind}.{name}", value, first + position) for name, value, position in batch.values),
        )
        insert("INSERT OR IGNORE INTO link_target VALUES (?, ?)", batch.targets)
        self._form_errors |= {first + position: errors for position, errors in batch.form_errors.items()}

    def finish(self) -> list[SeedError]:
        """The errors of form, repeated ids among them. The later entry of a repeated id counts as of wrong form."""
        self._connection.execute("COMMIT")
        self._connection.executescript(INDEXES)
        errors = dict(self._form_errors)
        for key, file, line, id_, first, first_file, first_line in self._connection.execute(REPEATED).fetchall():
            at = "" if first in self._form_errors else f" at {first_file}:{first_line}"
            message = f"the id `{id_}` is already taken{at}: choose another, or merge the two"
            errors[key] = [SeedError(file, line, message)]
            self._connection.execute("UPDATE entry SET json = NULL WHERE key = ?", (key,))
        return [error for each in errors.values() for error in each]

    def close(self) -> None:
        self._connection.close()


class Seed:
    """Reads the staging file: the typed entries of a seed whose form is correct. Links are checked first, so that
    `get` finds what is linked.

    Entries that are `broken` are not found. Each process has its own connection and its own cache of entries."""

    def __init__(self, path: Path, transcripts: Mapping[str, Transcript]) -> None:
        self.transcripts = transcripts
        self.broken: set[EntryRef] = set()
        self._path = path
        self._process = 0
        self._opened: sqlite3.Connection
        self._entries: LRUCache[tuple[type[Entry], str], Entry] = LRUCache(CACHE_SIZE)
        self._known_values: dict[str, frozenset[str] | None] = {}
        self.counts = dict(self._query("SELECT kind, count(*) FROM entry GROUP BY kind"))

    def _query(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        if self._process != os.getpid():  # a connection does not outlive a fork
            self._process = os.getpid()
            self._opened = connect(self._path)
        return self._opened.execute(sql, values)

    def close(self) -> None:
        self._opened.close()

    def unknown_targets(self) -> set[EntryRef]:
        """What entries link to and no entry is."""
        return set(self._query(UNKNOWN))

    def ids(self, kind: str) -> list[str]:
        """The ids of a kind, those of entries of wrong form included."""
        return [id_ for (id_,) in self._query("SELECT id FROM entry WHERE kind = ? AND id IS NOT NULL", (kind,))]

    def has(self, kind: str, id_: str) -> bool:
        """Whether an entry has the id, be it of wrong form or broken."""
        return bool(self._query("SELECT 1 FROM entry WHERE kind = ? AND id = ?", (kind, id_)).fetchall())

    def each(self, kind: type[E], numbers: range | None = None, *, all_: bool = False) -> Iterator[E]:
        """The entries of a kind in seed order, or those of some numbers; with `all_`, the broken ones too."""
        first = FIRST_KEY[NAMES[kind]]
        start, stop = (1, 1 << 32) if numbers is None else (numbers.start, numbers.stop)
        rows = self._query(
            f"SELECT {ENTRY} FROM entry WHERE key >= ? AND key < ? AND json IS NOT NULL",  # noqa: S608 - a constant
            (first + start, first + stop),
        )
        for row in rows:
            if all_ or (NAMES[kind], row[1]) not in self.broken:
                yield self._entry(row, kind)

    def _entry(
        self, row: tuple[int, str, str, str | None, int, bytes | None, bytes], kind: type[E], *, keep: bool = True
    ) -> E:
        key, id_, file, document, line, lines, json = row
        found = self._entries.get((kind, id_))
        if found is None:
            found = kind.model_validate_json(json)
            by_path: dict[FieldPath, int] = {(): line}
            if lines is not None:
                by_path = {tuple(path): number for path, number in orjson.loads(lines)}
            object.__setattr__(found, "location", Location(file, document, by_path))
            object.__setattr__(found, "key", key)
            if keep:
                self._entries[kind, id_] = found
        return found  # type: ignore[return-value]

    def get(self, kind: type[E], id_: str) -> E:
        """The entry of a kind by id. Raises KeyError if there is none."""
        found = self._entries.get((kind, id_))
        if found is None:
            row = self._query(
                f"SELECT {ENTRY} FROM entry WHERE kind = ? AND id = ? AND json IS NOT NULL",  # noqa: S608 - a constant
                (NAMES[kind], id_),
            ).fetchone()
            if row is None:
                raise KeyError(id_)
            found = self._entry(row, kind)
        return found  # type: ignore[return-value]

    def number(self, kind: type[E], id_: str) -> int:
        """The place of an entry among those of its kind, from 1."""
        return self.get(kind, id_).key - FIRST_KEY[NAMES[kind]]

    def where(self, kind: type[E], field: str, value: str) -> list[E]:
        """The entries whose indexed field is, or contains, the value, in seed order."""
        values = self._values_of(f"{NAMES[kind]}.{field}")
        if values is not None and value not in values:
            return []
        found = self._query(
            f"SELECT {ENTRY} FROM indexed JOIN entry USING (key) "  # noqa: S608 - a constant
            "WHERE field = ? AND value = ? AND json IS NOT NULL ORDER BY key",
            (f"{NAMES[kind]}.{field}", value),
        ).fetchall()
        keep = len(found) <= MAX_CACHED_AT_ONCE
        return [self._entry(row, kind, keep=keep) for row in found if (NAMES[kind], row[1]) not in self.broken]

    def _values_of(self, field: str) -> frozenset[str] | None:
        """The values of an indexed field, if they are few."""
        if field not in self._known_values:
            sql = "SELECT DISTINCT value FROM indexed WHERE field = ? LIMIT ?"
            found = frozenset(value for (value,) in self._query(sql, (field, MAX_LISTED_VALUES + 1)))
            self._known_values[field] = found if len(found) <= MAX_LISTED_VALUES else None
        return self._known_values[field]

    def count(self, kind: type[Entry], field: str, values: Iterable[str]) -> int:
        """How many entries there are whose indexed field is, or contains, any of the values."""
        listed = orjson.dumps(list(values)).decode()
        sql = "SELECT count(DISTINCT key) FROM indexed WHERE field = ? AND value IN (SELECT value FROM json_each(?))"
        ((count,),) = self._query(sql, (f"{NAMES[kind]}.{field}", listed))
        return int(count)

    def ancestors(self, kind: type[Entry], field: str, id_: str | None) -> Iterator[str]:
        """An id and all above it, each the `field` of the one before; a circle ends where it closes."""
        seen: set[str] = set()
        while id_ and id_ not in seen:
            seen.add(id_)
            yield id_
            id_ = getattr(self.get(kind, id_), field)

    def descendants(self, kind: type[Entry], field: str, id_: str) -> list[str]:
        """An id and all below it."""
        found = [id_]
        for above in found:
            found.extend(entry.id for entry in self.where(kind, field, above) if entry.id not in found)
        return found

    @cached_property
    def organization_ids(self) -> Mapping[str, str]:
        """The ids of organizations by printed abbreviation."""
        return {each.abbreviation: each.id for each in self.each(OrganizationEntry) if each.abbreviation}
