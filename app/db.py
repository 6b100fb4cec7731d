"""The only door to the database: read-only, immutable, each question with a deadline; it writes nothing."""

import sqlite3
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, TypeVar

import anyio
import anyio.to_thread
from sqlalchemy import Select, create_engine
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

from app.errors import Problem
from app.facts.tables import schema
from app.settings import Settings

T = TypeVar("T")

DOWNLOADS = 2  # parts of downloads that are read at the same time
STEPS = 4_000  # virtual machine steps between two looks at the clock


class Unusable(Exception):  # noqa: N818 - a state, told to an operator
    """The database cannot be served; the message names the file and the command that mends it."""


class Rows(Protocol):
    """Runs a SELECT and gives its rows."""

    def __call__(self, statement: Select[Any], /) -> Sequence[Any]: ...


class Database:
    """A pool of read-only connections to one finished file, all opened at once: a build that replaces the file
    later never mixes into the answers of this one."""

    def __init__(self, settings: Settings) -> None:
        self.path = settings.database
        usable(self.path)
        self._deadline = settings.deadline_seconds
        self._queue = settings.queue
        self._limiter = anyio.CapacityLimiter(settings.threads)
        self._batches = anyio.CapacityLimiter(DOWNLOADS)
        self.identity = identity(self.path)
        path = self.path
        self.engine: Engine = create_engine(
            make_url("sqlite://"),
            creator=lambda: _open(path),
            poolclass=QueuePool,
            pool_size=settings.threads * 2 + DOWNLOADS + 1,  # a question may learn while it asks
            max_overflow=0,
            pool_reset_on_return=None,
        )
        with ExitStack() as opened:
            for _ in range(settings.threads * 2 + DOWNLOADS):
                opened.enter_context(self.engine.connect())

        # The pool knows nothing of this object, so that the last answer made from an old file closes it.
        weakref.finalize(self, self.engine.pool.dispose)

    def ask(self, question: Callable[[Rows], T]) -> T:
        """Runs a question's statements on one connection; raises a 503 Problem when the deadline passes."""
        with self.engine.connect() as connection:
            return self._run(connection, question)

    def learn(self, statement: Select[Any]) -> Sequence[Any]:
        """What is read once for all questions, and so has no deadline."""
        with self.engine.connect() as connection:
            return _rows(connection, statement)

    def look(self, question: Callable[[Rows], T]) -> T:
        """The same on the event loop itself, for a question that takes less time than going to a thread."""
        return self.ask(question)

    def _run(self, connection: Connection, question: Callable[[Rows], T]) -> T:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - narrows the type; the pool holds no other
        stop = time.monotonic() + self._deadline
        driver.set_progress_handler(lambda: time.monotonic() > stop, STEPS)
        try:
            return question(lambda statement: _rows(connection, statement))
        except OperationalError as error:
            if "interrupted" not in str(error.orig):
                raise
            detail = f"The question took longer than {self._deadline:g} s and was stopped. Narrow it, or retry."
            raise Problem(503, detail, headers={"Retry-After": "5"}) from error
        finally:
            driver.set_progress_handler(None, 0)

    async def answer(self, question: Callable[[Rows], T]) -> T:
        """The same from the event loop, on a thread of its own; raises a 503 Problem when too many wait."""
        if self._limiter.statistics().tasks_waiting >= self._queue:
            raise Problem(503, "Too many questions at once. Try again shortly.", headers={"Retry-After": "1"})
        return await anyio.to_thread.run_sync(self.ask, question, limiter=self._limiter)

    async def batch(self, question: Callable[[Rows], T]) -> T:
        """A part of a download, on a thread that no question waits for; it waits its turn among other downloads."""
        return await anyio.to_thread.run_sync(self.ask, question, limiter=self._batches)

    def close(self) -> None:
        self.engine.dispose()


def identity(path: Path) -> tuple[int, int, int] | None:
    """What tells one built file from the next; None when there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _rows(connection: Connection, statement: Select[Any]) -> Sequence[Any]:
    return connection.execute(statement).all()


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
    connection = _open(path)
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
