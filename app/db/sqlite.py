"""A SQLite file, opened read-only and immutable, with a small pool of connections."""

import sqlite3
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from queue import LifoQueue
from typing import Any, TypeVar

import orjson
from sqlmodel import col, select

from app.db.base import DOWNLOAD_THREADS, Database, Session, Statement, Unusable, too_slow
from app.db.tables import SCHEMA_NAME, ServingValue
from app.settings import Settings

T = TypeVar("T")

VM_STEPS = 4_000  # steps of SQLite's virtual machine between two looks at the clock
MEND = "Run `shisaku build`."
SCHEMA = Statement(select(ServingValue.data).where(col(ServingValue.name) == SCHEMA_NAME))


class SqliteDatabase(Database):
    """One file. All connections are opened at once, so that they all read the same file even if a build replaces it.
    Raises Unusable if there is no usable file."""

    in_process = True

    def __init__(self, settings: Settings, schema: str) -> None:
        super().__init__(settings)
        self._path = settings.database
        check_usable(self._path, schema)
        self._pool: LifoQueue[sqlite3.Connection] = LifoQueue()
        self.identity: object = None
        while self.identity != file_identity(self._path):  # a build may replace the file meanwhile
            _close_all(self._pool)
            self.identity = file_identity(self._path)
            for _ in range(settings.threads + DOWNLOAD_THREADS + 1):  # one for the event loop
                self._pool.put(_connect(self._path))
        # A replaced database is closed once the last request that uses it has ended.
        weakref.finalize(self, _close_all, self._pool)

    def query(self, work: Callable[[Session], T]) -> T:
        connection = self._pool.get()
        session = Session(partial(_execute, connection), self._seconds)
        connection.set_progress_handler(lambda: session.expired, VM_STEPS)
        try:
            return work(session)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            raise too_slow(self._seconds) from error
        finally:
            connection.set_progress_handler(None, 0)
            self._pool.put(connection)

    def newest(self) -> object:
        return file_identity(self._path)

    def close(self) -> None:
        _close_all(self._pool)


def _close_all(pool: "LifoQueue[sqlite3.Connection]") -> None:
    while not pool.empty():
        pool.get().close()


def _execute(connection: sqlite3.Connection, statement: Statement, values: dict[str, Any]) -> Sequence[tuple[Any, ...]]:
    text, literals = statement.sqlite
    bound = {name: orjson.dumps(each).decode() if isinstance(each, list) else each for name, each in values.items()}
    return connection.execute(text, {**literals, **bound}).fetchall()


def file_identity(path: Path) -> tuple[int, int, int] | None:
    """What tells one built file from the next; None if there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _connect(path: Path) -> sqlite3.Connection:
    # immutable: neither locks nor a journal, because a build replaces the file and never changes it
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def check_usable(path: Path, schema: str) -> None:
    """Raises Unusable unless the file is a complete database of this schema."""
    if not path.is_file():
        raise Unusable(f"{path}: there is no database here. {MEND}")
    if path.stat().st_size == 0:
        raise Unusable(f"{path}: the database is empty. {MEND}")
    try:
        connection = _connect(path)
    except sqlite3.OperationalError as error:
        raise Unusable(f"{path}: the database cannot be opened ({error}). Let this user read it.") from error
    try:
        pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        if path.stat().st_size < pages * size:
            raise Unusable(f"{path}: the database is truncated. {MEND}")
        found = _execute(connection, SCHEMA, {})
        if found != [(schema.encode(),)]:
            raise Unusable(f"{path}: the database was built by another version, with other tables. {MEND}")
    except sqlite3.DatabaseError as error:
        raise Unusable(f"{path}: this is not a Shisaku database ({error}). {MEND}") from error
    finally:
        connection.close()
