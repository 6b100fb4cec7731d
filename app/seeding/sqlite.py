"""SQLite files of a build: how they are written, and the file that is served as the target of one."""

import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Table, create_engine
from sqlmodel import SQLModel

from app.db.base import Unusable
from app.db.sqlite import connect, seal
from app.query.downloads import folder_of, remove_old
from app.seeding.migrating import migrate, sqlite_url
from app.seeding.target import Building, Rows

# Nothing has to be safe from a power cut before it is synced, and then put in its place.
PRAGMAS = ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "cache_size = -65536")
TEMPORARY = ".building"  # what the folder of a build ends with
INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY rowid"


def connect_exclusively(path: Path) -> sqlite3.Connection:
    """Opens a file that this process alone reads and writes."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


class SqliteWriter:
    """Fills the tables of a file. With `drop_indexes`, its indexes are dropped meanwhile: making one of complete rows
    takes a tenth of the time of updating it."""

    def __init__(self, path: Path, *, drop_indexes: bool = False) -> None:
        self._connection = connect_exclusively(path)
        self._indexes = self._connection.execute(INDEXES).fetchall() if drop_indexes else []
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


@contextmanager
def new_file(path: Path, tables: Sequence[Table]) -> Iterator[SqliteWriter]:
    """Makes a file with these tables, to be filled."""
    engine = create_engine(sqlite_url(path))
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")  # the driver begins no transaction for a table: each would be synced
        SQLModel.metadata.create_all(connection, tables, checkfirst=False)
        connection.commit()
    engine.dispose()
    with closing(SqliteWriter(path, drop_indexes=True)) as writer:
        yield writer
        writer.finish()


def read_table(file: Path, table: Table) -> Iterator[tuple[object, ...]]:
    """The rows of a table."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    with closing(connect(file)) as connection:
        yield from connection.execute(f'SELECT {names} FROM "{table.name}"')  # noqa: S608


class SqliteTarget:
    """The file that is served."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path

    @contextmanager
    def building(self) -> Iterator[Building]:
        path = self._path
        if path.exists() and not path.is_file():
            raise Unusable(f"{path}: this is no regular file. Remove it, or name another with SHISAKU_DATABASE.")
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
                raise Unusable(message) from error
            left = re.compile(rf"{re.escape(f'.{path.name}.')}[^.]+{re.escape(TEMPORARY)}")
            for each in path.parent.iterdir():
                if left.fullmatch(each.name):  # by a build that was killed
                    shutil.rmtree(each, ignore_errors=True)
            with (
                TemporaryDirectory(prefix=f".{path.name}.", suffix=TEMPORARY, dir=path.parent) as folder,
                closing(_SqliteBuilding(path, Path(folder))) as building,
            ):
                yield building


class _SqliteBuilding:
    _writer: SqliteWriter

    def __init__(self, path: Path, folder: Path) -> None:
        self.folder: Path | None = folder
        self._path = path
        self._made = folder / path.name
        self._open = ExitStack()

    def load_public(self, file: Path) -> None:
        shutil.copyfile(file, self._made)
        migrate(sqlite_url(self._made))
        self._writer = self._open.enter_context(closing(SqliteWriter(self._made)))

    def insert(self, table: Table, rows: Rows) -> None:
        self._writer.insert(table, rows)

    def publish(self, digest: str, downloads: Path) -> None:
        self._writer.finish()
        self.close()
        seal(self._made)
        folder = folder_of(self._path, digest)
        folder.mkdir(exist_ok=True)
        for file in downloads.iterdir():
            file.replace(folder / file.name)
        self._made.replace(self._path)
        remove_old(self._path, folder)

    def close(self) -> None:
        self._open.close()
