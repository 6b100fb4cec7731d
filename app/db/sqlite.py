"""A SQLite file behind the door: opened read-only and immutable, all connections at once; it never writes."""

import sqlite3
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import LifoQueue
from typing import Any, TypeVar

import orjson
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from app.db import DOWNLOADS, Database, Rows, Run, Statement, Unusable, too_slow
from app.facts.tables import schema
from app.settings import Settings

T = TypeVar("T")

STEPS = 4_000  # virtual machine steps between two looks at the clock
DIALECT = SQLiteDialect_pysqlite(paramstyle="named")


class File(Database):
    """Connections to one finished file, all opened at once: a build that replaces the file later never mixes into the
    answers of this one."""

    near = True

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.path = settings.database
        usable(self.path)
        self._idle: LifoQueue[sqlite3.Connection] = LifoQueue()
        self.identity: object = None
        while self.identity != identity(self.path):  # a build that comes in between begins it anew
            _close(self._idle)
            self.identity = identity(self.path)
            for _ in range(settings.threads * 2 + DOWNLOADS + 2):  # a question may learn while it asks
                self._idle.put(_open(self.path))
        # The queue knows nothing of this object, so that the last answer made from an old file closes it.
        weakref.finalize(self, _close, self._idle)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = self._idle.get()
        try:
            yield connection
        finally:
            self._idle.put(connection)

    def ask(self, question: Callable[[Rows], T]) -> T:
        with self._connection() as connection:
            rows = Rows(_run(connection), self._deadline)
            connection.set_progress_handler(lambda: rows.late, STEPS)
            try:
                return question(rows)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                    raise
                raise too_slow(self._deadline) from error
            finally:
                connection.set_progress_handler(None, 0)

    def learn(self, statement: Statement, /, **values: Any) -> Sequence[tuple[Any, ...]]:
        with self._connection() as connection:
            return _run(connection)(statement, values)

    def newest(self) -> object:
        return identity(self.path)

    def close(self) -> None:
        _close(self._idle)


def _close(idle: "LifoQueue[sqlite3.Connection]") -> None:
    while not idle.empty():
        idle.get().close()


def _run(connection: sqlite3.Connection) -> Run:
    def run(statement: Statement, values: dict[str, Any]) -> Sequence[tuple[Any, ...]]:
        text, own = statement.compiled(DIALECT)
        sent = {name: orjson.dumps(each).decode() if isinstance(each, list) else each for name, each in values.items()}
        return connection.execute(text, {**own, **sent}).fetchall()

    return run


def identity(path: Path) -> tuple[int, int, int] | None:
    """What tells one built file from the next; None when there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _open(path: Path) -> sqlite3.Connection:
    # immutable: no lock and no journal, because a build replaces the file and never changes it.
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def usable(path: Path) -> None:
    """Raises Unusable unless the file is a whole database of this code's schema."""
    mend = "Run `shisaku build`."
    if not path.is_file():
        raise Unusable(f"{path}: there is no database here. {mend}")
    if path.stat().st_size == 0:
        raise Unusable(f"{path}: the database is empty. {mend}")
    try:
        connection = _open(path)
    except sqlite3.OperationalError as error:
        raise Unusable(f"{path}: the database cannot be opened ({error}). Let this user read it.") from error
    try:
        pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        if path.stat().st_size < pages * size:
            raise Unusable(f"{path}: the database is truncated. {mend}")
        found = connection.execute("SELECT schema FROM dataset").fetchall()
        if found != [(schema(),)]:
            raise Unusable(f"{path}: the database was built by another version, with other tables. {mend}")
    except sqlite3.DatabaseError as error:
        raise Unusable(f"{path}: this is not a Shisaku database ({error}). {mend}") from error
    finally:
        connection.close()
