"""Errors of a seed, each with its file and line."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.errors import closest
from app.text import one_line


@dataclass(frozen=True, order=True)
class SeedError:
    """One error, printed as `file:line: what is wrong: what to do`, which editors make a link of."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return one_line(f"{self.file}:{self.line}: {self.message}")


def hint(value: str, known: Iterable[str], otherwise: str) -> str:
    """What to do about an unknown value: the known one that was surely meant, or what else."""
    nearest = closest(value, known)
    return f"did you mean `{nearest}`?" if nearest else otherwise


class Unreadable(Exception):  # noqa: N818 - a state of the file
    """A file cannot be read from a line on."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class InvalidSeed(Exception):  # noqa: N818 - a state of the seed
    """The seed has errors; nothing was written."""

    def __init__(self, errors: list[SeedError]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors
