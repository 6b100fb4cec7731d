"""A build that goes into a SQLite file: made beside it, and put there in one step; no record is known here."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Table, create_engine

from app.reading.downloads import folder_of, sweep
from app.seeding.migrating import migrated, sqlite
from app.seeding.target import Building

# An index that is made of rows which are there takes a tenth of the time of one that grows with them.
INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY rowid"


class SqliteFile:
    """The file that is served."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.beside: Path | None = path.parent
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def building(self) -> Iterator[Building]:
        path = self._path
        with TemporaryDirectory(prefix=f".{path.name}.", suffix=".building", dir=path.parent) as folder:
            making = _Making(path, Path(folder))
            with closing(making):
                yield making


class _Making:
    def __init__(self, path: Path, folder: Path) -> None:
        self._path = path
        self._made = folder / path.name
        self.folder = folder / "downloads"
        self.folder.mkdir()
        migrated(sqlite(self._made))
        self._engine = create_engine(sqlite(self._made))
        self.connection = self._engine.connect()
        driver = self.connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - narrows the type; the URL names no other
        self._driver = driver
        # Nothing has to be safe from a power cut before it is synced, and then put in its place.
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "cache_size = -65536"):
            driver.execute(f"PRAGMA {pragma}")
        self._indexes = driver.execute(INDEXES).fetchall()
        for name, _ in self._indexes:
            driver.execute(f'DROP INDEX "{name}"')

    def insert(self, table: Table, rows: Iterable[Sequence[Any]]) -> None:
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        marks = ", ".join("?" * len(table.columns))
        # The names are the models' own.
        self._driver.executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', rows)  # noqa: S608

    def finish(self) -> None:
        for _, made in self._indexes:
            self._driver.execute(made)
        broken = self._driver.execute("PRAGMA foreign_key_check").fetchall()
        assert not broken, broken  # noqa: S101 - verify let a link through that lands nowhere
        self._driver.execute("ANALYZE")
        self.connection.commit()

    def publish(self, digest: str) -> None:
        self.close()
        with self._made.open("rb") as written:
            os.fsync(written.fileno())
        folder = folder_of(self._path, digest)
        folder.mkdir(exist_ok=True)
        for file in self.folder.iterdir():
            file.replace(folder / file.name)
        self._made.replace(self._path)
        sweep(self._path, folder)

    def close(self) -> None:
        self.connection.close()
        self._engine.dispose()
