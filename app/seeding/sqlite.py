"""SQLite files of a build: how they are written, and the file that is served as the target of one."""

import re
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Table, create_engine
from sqlmodel import SQLModel

from app.db.sqlite import seal
from app.query.downloads import folder_of, remove_old
from app.seeding.migrating import migrate, sqlite_url
from app.seeding.target import Building, NotBuilt, Rows

# Nothing has to be safe from a power cut before it is synced, and then put in its place.
PRAGMAS = ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "cache_size = -65536")
TEMPORARY = ".building"  # what the folder of a build ends with
INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY rowid"


def create_tables(path: Path, tables: Iterable[Table]) -> None:
    """Makes tables in a new file."""
    engine = create_engine(sqlite_url(path))
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")  # the driver begins no transaction for a table: each would be synced
        SQLModel.metadata.create_all(connection, list(tables), checkfirst=False)
        connection.commit()
    engine.dispose()


class SqliteWriter:
    """Fills the tables of a file. Its indexes are dropped meanwhile: making one of complete rows takes a tenth of the
    time of updating it."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")
        self._indexes = self._connection.execute(INDEXES).fetchall()
        for name, _ in self._indexes:
            self._connection.execute(f'DROP INDEX "{name}"')
        self._connection.execute("BEGIN")

    def insert(self, table: Table, rows: Rows) -> None:
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        marks = ", ".join("?" * len(table.columns))
        self._connection.executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', rows)  # noqa: S608

    def finish(self) -> None:
        for _, sql in self._indexes:
            self._connection.execute(sql)
        self._connection.execute("ANALYZE")
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


def read_table(file: Path, table: Table) -> Iterator[tuple[object, ...]]:
    """The rows of a table."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        yield from connection.execute(f'SELECT {names} FROM "{table.name}"')  # noqa: S608


class SqliteTarget:
    """The file that is served."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.folder: Path | None = None
        self._path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        path = self._path
        path.parent.mkdir(parents=True, exist_ok=True)
        # A lock of SQLite's ends with its process, on any system. The file of the lock stays: another may hold it.
        lock_file = path.with_name(f".{path.name}.lock")
        with closing(sqlite3.connect(lock_file, timeout=0, isolation_level=None)) as lock:
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
                message = f"{path}: another build of it is running. Wait for it, then build again."
                raise NotBuilt(message) from error
            left = re.compile(rf"{re.escape(f'.{path.name}.')}[^.]+{re.escape(TEMPORARY)}")
            for each in path.parent.iterdir():
                if left.fullmatch(each.name):  # by a build that was killed
                    shutil.rmtree(each, ignore_errors=True)
            with TemporaryDirectory(prefix=f".{path.name}.", suffix=TEMPORARY, dir=path.parent) as folder:
                self.folder = Path(folder)
                try:
                    yield
                finally:
                    self.folder = None

    @contextmanager
    def building(self) -> Iterator[Building]:
        with nullcontext() if self.folder else self.locked():
            assert self.folder  # noqa: S101 - narrows the type
            building = _SqliteBuilding(self._path, self.folder / self._path.name)
            try:
                yield building
            finally:
                building.close()


class _SqliteBuilding:
    def __init__(self, path: Path, made: Path) -> None:
        self._path = path
        self._made = made
        self._writer: SqliteWriter | None = None

    def load_public(self, file: Path) -> None:
        shutil.copyfile(file, self._made)
        migrate(sqlite_url(self._made))
        self._writer = SqliteWriter(self._made)

    def insert(self, table: Table, rows: Rows) -> None:
        assert self._writer  # noqa: S101 - narrows the type
        self._writer.insert(table, rows)

    def finish(self) -> None:
        assert self._writer  # noqa: S101 - narrows the type
        self._writer.finish()

    def publish(self, digest: str, downloads: Path) -> None:
        self.close()
        seal(self._made)
        folder = folder_of(self._path, digest)
        folder.mkdir(exist_ok=True)
        for file in downloads.iterdir():
            file.replace(folder / file.name)
        self._made.replace(self._path)
        remove_old(self._path, folder)

    def close(self) -> None:
        if self._writer:
            self._writer.close()
