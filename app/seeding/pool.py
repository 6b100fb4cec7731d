"""A pool of forked processes: the same results in the same order, whatever their number."""

import gc
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

A = TypeVar("A")
R = TypeVar("R")

SMALL_SEED = 8_000  # entries that are not worth another process
AHEAD = 3  # tasks per process that are begun before their results are taken: results wait in memory

_functions: list[Callable[..., object]] = []  # forked processes find it here, with all that it refers to, uncopied


def process_count() -> int:
    """As many processes as there are cores, or one where processes cannot be forked."""
    if "fork" not in multiprocessing.get_all_start_methods():
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def mapped(function: Callable[[A], R], arguments: Iterable[A], entries: int) -> Iterator[Iterator[R]]:
    """The results of a function in the order of its arguments, computed in processes if there are many entries. The
    function may refer to anything; its arguments and results are pickled."""
    processes = process_count() if entries >= SMALL_SEED else 1
    if processes == 1:
        yield map(function, arguments)
        return
    _functions.append(function)
    gc.collect()
    gc.freeze()  # a collection in a forked process would copy the pages that it shares with this one
    try:
        with ProcessPoolExecutor(processes, multiprocessing.get_context("fork"), initializer=gc.disable) as pool:
            try:
                yield _ordered(pool, iter(arguments), processes * AHEAD)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    finally:
        gc.unfreeze()
        _functions.clear()


def _ordered(pool: ProcessPoolExecutor, arguments: Iterator[A], ahead: int) -> Iterator[R]:
    waiting: deque[Future[Any]] = deque(pool.submit(_call, argument) for argument in islice(arguments, ahead))
    while waiting:
        result = waiting.popleft().result()
        waiting.extend(pool.submit(_call, argument) for argument in islice(arguments, 1))
        yield result


def _call(argument: object) -> object:  # pragma: no cover - runs in forked processes
    return _functions[-1](argument)
