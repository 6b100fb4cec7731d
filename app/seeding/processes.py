"""Processes: the same work in as many as the machine has cores; how many there are changes no result."""

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar, cast

R = TypeVar("R")

PIECE = 1_000  # entries that are worked on in one go
FEW = 8_000  # entries that are not worth another process

Done = Callable[[int], None]
Phase = Callable[[str, int], AbstractContextManager[Done]]  # of a name, and so many pieces of work

_pieces: Sequence[Callable[[], object]] = ()  # what a forked process finds here is not copied to it


@contextmanager
def silent(_name: str, _length: int) -> Iterator[Done]:
    """A phase of which nobody is told."""
    yield lambda _: None


def cores() -> int:
    """How many processes may work at once: those that see all that was read so far need to be forked."""
    if "fork" not in multiprocessing.get_all_start_methods():
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def spread(pieces: Sequence[Callable[[], R]], entries: int) -> Iterator[Iterator[R]]:
    """The results of the pieces, in their order. In other processes work begins at once, in this one when a result is
    asked for; which of both depends on how many entries there are."""
    global _pieces  # noqa: PLW0603 - the only way to a forked process that copies nothing
    count = cores() if entries >= FEW else 1
    _pieces = pieces
    try:
        with _forked(count) if count > 1 else nullcontext() as pool:
            yield cast("Iterator[R]", (pool.map if pool else map)(_work, range(len(pieces))))
    finally:
        _pieces = ()


@contextmanager
def _forked(count: int) -> Iterator[ProcessPoolExecutor]:
    gc.collect()
    gc.freeze()  # a collection in a forked process would copy what it only looks at,
    gc.disable()  # and what a piece leaves behind is no circle
    try:
        with ProcessPoolExecutor(count, multiprocessing.get_context("fork")) as pool:
            try:
                yield pool
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    finally:
        gc.enable()
        gc.unfreeze()


def _work(at: int) -> object:
    return _pieces[at]()
