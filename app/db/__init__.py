"""The only door to the database: read-only, each question with a deadline; it writes nothing and knows no table."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from sqlalchemy import BindParameter, ColumnElement, Dialect, Select, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from app.errors import Problem
from app.settings import Settings

T = TypeVar("T")

DOWNLOADS = 2  # parts of downloads that are read at the same time


class Unusable(Exception):  # noqa: N818 - a state, told to an operator
    """The database cannot be served; the message names it and the command that mends it."""


class Statement:
    """A SELECT, compiled once for each kind of database, and run with values by name."""

    def __init__(self, select: Select[Any]) -> None:
        self.select = select
        self.compiled = cache(self._compiled)

    def _compiled(self, dialect: Dialect) -> tuple[str, Mapping[str, Any]]:
        """Its text, and the values that it brings along."""
        compiled = self.select.compile(dialect=dialect)
        own = {name: value for name, value in compiled.params.items() if value is not None}
        return str(compiled), own


class Among(ColumnElement[bool]):
    """The column's value is one of a list, sent as one value whatever its length."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.values: BindParameter[Any] = bindparam(name)


@compiles(Among, "sqlite")
def _in_sqlite(element: Among, compiler: SQLCompiler, **kw: Any) -> str:
    column, listed = compiler.process(element.column, **kw), compiler.process(element.values, **kw)
    return f"{column} IN (SELECT value FROM json_each({listed}))"  # noqa: S608 - names are our own


class Holds(ColumnElement[bool]):
    """The column's text holds words, each character meaning itself."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.words: BindParameter[Any] = bindparam(name)


@compiles(Holds, "sqlite")
def _held_in_sqlite(element: Holds, compiler: SQLCompiler, **kw: Any) -> str:
    return f"instr({compiler.process(element.column, **kw)}, {compiler.process(element.words, **kw)}) > 0"


def too_slow(seconds: float) -> Problem:
    """The refusal of a question that was stopped."""
    detail = f"The question took longer than {seconds:g} s and was stopped. Narrow it, or retry."
    return Problem(503, detail, headers={"Retry-After": "5"})


Run = Callable[[Statement, dict[str, Any]], Sequence[tuple[Any, ...]]]


class Rows:
    """Runs the statements of one question with values, and gives their rows, until its deadline."""

    def __init__(self, run: Run, seconds: float, begun: float | None = None) -> None:
        self._run = run
        self._seconds = seconds
        self._stop = (time.monotonic() if begun is None else begun) + seconds

    def __call__(self, statement: Statement, /, **values: Any) -> Sequence[tuple[Any, ...]]:
        self.in_time()
        return self._run(statement, values)

    @property
    def late(self) -> bool:
        return time.monotonic() > self._stop

    def in_time(self) -> None:
        """Raises a 503 Problem when the deadline has passed: for work that goes on between statements."""
        if self.late:
            raise too_slow(self._seconds)


class Database(ABC):
    """One finished build, whatever is built later. `near` says that asking it takes less than going to a thread."""

    identity: object
    near: bool

    def __init__(self, settings: Settings) -> None:
        self._deadline = settings.deadline_seconds
        self._queue = settings.queue
        self._limiter = anyio.CapacityLimiter(settings.threads)
        self._batches = anyio.CapacityLimiter(DOWNLOADS)

    @abstractmethod
    def ask(self, question: Callable[[Rows], T]) -> T:
        """Runs a question's statements on one connection; raises a 503 Problem when the deadline passes."""

    @abstractmethod
    def learn(self, statement: Statement, /, **values: Any) -> Sequence[tuple[Any, ...]]:
        """What is read once for all questions, and so has no deadline."""

    @abstractmethod
    def newest(self) -> object:
        """The identity of the build that was published last; None when there is none. A 503 Problem when it cannot be
        asked."""

    async def bring(self, name: str, path: Path, digest: str) -> bool:  # noqa: ARG002 - a near one has it there
        """Sees to it that a download of the whole stands at a path, and says whether it was brought just now; raises
        a 503 Problem when it cannot be."""
        return False

    @abstractmethod
    def close(self) -> None:
        """Gives every connection back."""

    async def answer(self, question: Callable[[Rows], T], *, light: bool = False) -> T:
        """The same from the event loop, on a thread of its own, or, of a light question to a near database, where it
        is asked; raises a 503 Problem when too many wait."""
        if light and self.near:
            return self.ask(question)
        if self._limiter.statistics().tasks_waiting >= self._queue:
            raise Problem(503, "Too many questions at once. Try again shortly.", headers={"Retry-After": "1"})
        return await anyio.to_thread.run_sync(self.ask, question, limiter=self._limiter)

    async def batch(self, question: Callable[[Rows], T]) -> T:
        """A part of a download, on a thread that no question waits for; it waits its turn among other downloads."""
        return await anyio.to_thread.run_sync(self.ask, question, limiter=self._batches)
