"""A build that goes into a SQLite file: made beside it, and put there in one step; no record is known here."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Table, create_engine, insert

from app.reading.downloads import Download, folder_of, sweep
from app.seeding.migrating import migrated, sqlite
from app.seeding.target import Building, Row
from app.seeding.write import tell


class SqliteFile:
    """The file that is served."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path

    @contextmanager
    def building(self) -> Iterator[Building]:
        path = self._path
        path.parent.mkdir(parents=True, exist_ok=True)
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

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        self.connection.execute(insert(table), rows)

    def finish(self) -> None:
        self.connection.commit()
        with closing(sqlite3.connect(self._made, isolation_level=None)) as finished:
            finished.execute("PRAGMA foreign_keys = ON")
            broken = finished.execute("PRAGMA foreign_key_check").fetchall()
            assert not broken, broken  # noqa: S101 - verify let a link through that lands nowhere
            finished.execute("ANALYZE")

    def publish(self, digest: str, downloads: list[Download]) -> None:
        tell(self.connection, downloads)
        self.connection.commit()
        self.close()
        with closing(sqlite3.connect(self._made, isolation_level=None)) as finished:
            finished.execute("VACUUM")
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
