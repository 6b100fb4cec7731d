"""A SQLite file, opened read-only and immutable, with a small pool of connections.

The file ends with the SHA-256 of all bytes before, which SQLite ignores.
"""

import logging
import os
import sqlite3
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import file_digest, sha256
from io import BytesIO
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO, NamedTuple, TypeVar

import orjson

from app.db.base import DAMAGED, DOWNLOAD_THREADS, INTEGRITY, VALUE, Database, Session, Statement, Unusable, too_slow
from app.db.tables import SCHEMA_NAME
from app.errors import unavailable
from app.settings import Settings

T = TypeVar("T")

VM_STEPS = 4_000  # steps of SQLite's virtual machine between two looks at the clock
MEND = "Run `shisaku build`."
DIGEST_SIZE = sha256().digest_size
CHUNK = 1 << 20  # bytes

logger = logging.getLogger("shisaku")


class FileIdentity(NamedTuple):
    """Identifies one state of one file."""

    device: int
    inode: int
    modified: int  # ns
    size: int


def file_identity(path: Path) -> FileIdentity | None:
    """The identity of the file at a path; None if there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return FileIdentity(stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size)


class SqliteDatabase(Database):
    """One file. All connections are opened at once, so that they all read the same file even if a build replaces it.
    Raises Unusable if there is no usable file."""

    in_process = True

    def __init__(self, settings: Settings, schema: str) -> None:
        super().__init__(settings, schema)
        self._path = settings.database
        check_usable(self._path, schema)
        self._pool: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._file: BinaryIO = BytesIO()
        self.identity: FileIdentity | None = None
        try:
            while self.identity != file_identity(self._path):  # a build may replace the file meanwhile
                _close_all(self._pool, self._file)
                self._file = self._path.open("rb")
                self.identity = file_identity(self._path)
                for _ in range(settings.threads + DOWNLOAD_THREADS + 1):  # one for the event loop
                    self._pool.put(connect(self._path))
        except BaseException:  # or the file be gone
            _close_all(self._pool, self._file)
            raise
        # A replaced database is closed once the last request that uses it has ended.
        weakref.finalize(self, _close_all, self._pool, self._file)

    def query(self, work: Callable[[Session], T]) -> T:
        connection = self._pool.get()
        session = Session(partial(_execute, connection), self._seconds)
        connection.set_progress_handler(lambda: session.expired, VM_STEPS)
        try:
            return work(session)
        except sqlite3.DatabaseError as error:
            match getattr(error, "sqlite_errorcode", 0) & 0xFF:  # the primary code; misuse of the library has none
                case sqlite3.SQLITE_INTERRUPT:
                    raise too_slow(self._seconds) from error
                case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_IOERR:
                    logger.warning("%s: the database cannot be read: %s", self._path, error)
                    raise unavailable(DAMAGED, 60) from error
            raise
        finally:
            connection.set_progress_handler(None, 0)
            self._pool.put(connection)

    def newest(self) -> FileIdentity | None:
        return file_identity(self._path)

    def check(self) -> None:
        check_usable(self._path, self._schema)

    def is_overwritten_by(self, newest: object) -> bool:
        """The same file, written to."""
        return isinstance(newest, FileIdentity) and newest[:2] == (self.identity or newest)[:2]

    def verify(self) -> None:
        try:
            kept, found = _digests(self._file)
        except OSError as error:
            raise Unusable(
                f"{self._path}: the database cannot be read ({error.strerror}). {MEND}", INTEGRITY
            ) from error
        if kept != found:
            raise Unusable(f"{self._path}: the content is not what was built: it is damaged. {MEND}", INTEGRITY)

    def close(self) -> None:
        _close_all(self._pool, self._file)


def _digests(file: BinaryIO) -> tuple[bytes, bytes]:
    """The digest that a file ends with, and that of what stands before it. Other threads run meanwhile."""
    end = max(file.seek(0, os.SEEK_END) - DIGEST_SIZE, 0)
    file.seek(0)
    digest = sha256()
    while chunk := file.read(min(CHUNK, end - file.tell())):
        digest.update(chunk)
    return file.read(), digest.digest()


def seal(path: Path) -> None:
    """Ends a complete database with its digest."""
    with path.open("r+b") as file:
        digest = file_digest(file, "sha256").digest()
        file.seek(0, os.SEEK_END)
        file.write(digest)
        file.flush()
        os.fsync(file.fileno())


def _close_all(pool: "SimpleQueue[sqlite3.Connection]", file: BinaryIO) -> None:
    file.close()
    while not pool.empty():
        pool.get().close()


def _execute(connection: sqlite3.Connection, statement: Statement, values: dict[str, Any]) -> Sequence[tuple[Any, ...]]:
    text, literals = statement.sqlite
    bound = {name: orjson.dumps(each).decode() if isinstance(each, list) else each for name, each in values.items()}
    return connection.execute(text, {**literals, **bound}).fetchall()


def connect(path: Path) -> sqlite3.Connection:
    """Opens a finished file for reading, by any thread."""
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
        connection = connect(path)
    except sqlite3.OperationalError as error:
        raise Unusable(f"{path}: the database cannot be opened ({error}). Let this user read it.") from error
    try:
        pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        if path.stat().st_size < pages * size:
            raise Unusable(f"{path}: the database is truncated. {MEND}")
        found = _execute(connection, VALUE, {"name": SCHEMA_NAME})
        if found != [(schema.encode(),)]:
            raise Unusable(f"{path}: the database was built by another version, with other tables. {MEND}")
    except sqlite3.DatabaseError as error:
        raise Unusable(f"{path}: this is not a Shisaku database ({error}). {MEND}") from error
    finally:
        connection.close()
