"""Progress of a build, phase by phase."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def progress(name: str, steps: int) -> Iterator[Callable[[int], None]]:
    """A bar for a phase of the work, where somebody looks. Gives what takes how many more steps are done."""
    with click.progressbar(length=steps, label=f"{name:9}", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield bar.update
