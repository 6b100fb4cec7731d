"""Progress of a build, phase by phase."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Done = Callable[[int], None]  # takes how many more steps are done
Phase = Callable[[str, int], AbstractContextManager[Done]]  # takes the name of a phase and how many steps it has


@contextmanager
def no_progress(_name: str, _length: int) -> Iterator[Done]:
    """Shows nothing."""
    yield lambda _: None
