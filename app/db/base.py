"""Read-only access to a finished build, in a SQLite file or a PostgreSQL schema, each request with a deadline."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from sqlalchemy import bindparam
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import TypedReturnsRows
from sqlmodel import col, select

from app.db.tables import ServingValue
from app.errors import BUSY, Problem, unavailable
from app.settings import Settings

T = TypeVar("T")

DOWNLOAD_THREADS = 2
INTEGRITY = "integrity"  # the check that the content is what was built
DAMAGED = "The data here is damaged, and is not served until it is mended. Try again later."
SQLITE = SQLiteDialect_pysqlite(paramstyle="named")


class Unusable(Exception):  # noqa: N818 - a state, told to an operator
    """The database cannot be served, or not be built; the message names it and what mends it. `check` is what was
    checked: `connection`, that it answers; `rights`, that it may be read; `database`, that it is there and of this
    version; or `integrity`, that its content is what was built."""

    def __init__(self, message: str, check: str = "database") -> None:
        super().__init__(message)
        self.check = check


class _Condition(FunctionElement[Any]):
    """A condition on a column and one bound value."""

    def __init__(self, column: Any, name: str) -> None:
        super().__init__(column, bindparam(name))


class InList(_Condition):
    """The column's value is one of a list, which is bound as one value whatever its length: the text of the statement
    stays the same, and no limit on the number of variables applies."""

    inherit_cache = True


class Contains(_Condition):
    """The column's text contains another, in which no character has a special meaning."""

    inherit_cache = True


@compiles(InList)
def _in_list(element: InList, compiler: SQLCompiler, **kw: Any) -> str:
    column, value = element.clauses
    of, listed = compiler.process(column, **kw), compiler.process(value, **kw)
    if compiler.dialect.name == "sqlite":
        return f"{of} IN (SELECT value FROM json_each({listed}))"  # noqa: S608 - both are of our own statements
    type_ = compiler.dialect.type_compiler_instance.process(column.type)
    return f"{of} = ANY (({listed})::{type_}[])"


@compiles(Contains)
def _contains(element: Contains, compiler: SQLCompiler, **kw: Any) -> str:
    column, value = (compiler.process(each, **kw) for each in element.clauses)
    function = "instr" if compiler.dialect.name == "sqlite" else "strpos"
    return f"{function}({column}, {value}) > 0"


class Statement:
    """A SELECT. Its text for SQLite is compiled once, since compiling costs more than running it."""

    def __init__(self, select: TypedReturnsRows[*tuple[Any, ...]]) -> None:
        self.select = select

    @cached_property
    def sqlite(self) -> tuple[str, Mapping[str, Any]]:
        """The text, and the values of its literals."""
        compiled = self.select.compile(dialect=SQLITE)
        literals = {name: value for name, value in compiled.params.items() if value is not None}
        return str(compiled), literals


VALUE = Statement(select(ServingValue.data).where(col(ServingValue.name) == bindparam("name")))  # the value of a name

Execute = Callable[[Statement, dict[str, Any]], Sequence[tuple[Any, ...]]]


def too_slow(seconds: float) -> Problem:
    """The refusal of a request that was stopped."""
    return unavailable(f"The question took longer than {seconds:g} s and was stopped. Narrow it, or retry.", 5)


class Session:
    """One connection for the statements of one request, until its deadline."""

    def __init__(self, execute: Execute, seconds: float) -> None:
        self._execute = execute
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds

    def query(self, statement: Statement, /, **values: Any) -> Sequence[tuple[Any, ...]]:
        """The rows of a statement, run with values by name."""
        self.check_deadline()
        return self._execute(statement, values)

    @property
    def expired(self) -> bool:
        return time.monotonic() > self._deadline

    def check_deadline(self) -> None:
        """Raises a 503 Problem when the deadline has passed: for long work between statements."""
        if self.expired:
            raise too_slow(self._seconds)


class Database(ABC):
    """One finished build: a build that is published later never mixes into its answers.

    `identity` tells one build from the next. `in_process` says that a short query takes less time than a switch to a
    thread.
    """

    identity: object
    in_process: bool

    def __init__(self, settings: Settings, schema: str) -> None:
        self._schema = schema
        self._seconds = settings.deadline_seconds
        self._wait_seconds = settings.wait_seconds
        self._threads = anyio.CapacityLimiter(settings.threads)
        self._download_threads = anyio.CapacityLimiter(DOWNLOAD_THREADS)
        self.file_thread = anyio.CapacityLimiter(1)  # to read a whole file takes a processor

    @abstractmethod
    def query(self, work: Callable[[Session], T]) -> T:
        """Runs the work of a request on one connection. Raises a 503 Problem when its deadline passes."""

    async def run_in_thread(self, work: Callable[[Session], T]) -> T:
        """The same on a worker thread. Raises a 503 Problem when it waits for one too long."""
        with anyio.move_on_after(self._wait_seconds):  # what has begun is not cancelled
            return await anyio.to_thread.run_sync(self.query, work, limiter=self._threads)
        raise unavailable(BUSY, 1)

    async def run_for_download(self, work: Callable[[Session], T]) -> T:
        """The same on a thread that only downloads use, so that they do not delay other requests."""
        return await anyio.to_thread.run_sync(self.query, work, limiter=self._download_threads)

    @abstractmethod
    def newest(self) -> object:
        """The identity of the build that was published last, or None. Raises a 503 Problem if it cannot be known."""

    @abstractmethod
    def check(self) -> None:
        """Raises Unusable, in bounded time, unless the build that was published last is there and of this schema."""

    @abstractmethod
    def verify(self) -> None:
        """Compares the content with the digest that the build kept of it. Raises Unusable if it is another."""

    def is_overwritten_by(self, newest: object) -> bool:  # noqa: ARG002 - a schema is published under a name of its own
        """Whether the build of another identity took the very place of this one, whose content is gone."""
        return False

    async def fetch_file(self, name: str, path: Path, sha256: str) -> bool:  # noqa: ARG002 - a SQLite build has it there
        """Brings the complete download of this digest to a path; False if the database does not hold it.
        Raises a 503 Problem if it cannot be fetched."""
        return False

    @abstractmethod
    def close(self) -> None:
        """Closes every connection."""
