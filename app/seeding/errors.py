"""Errors of a seed, each with its file and line."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO

import click

from app.similarity import closest
from app.text import one_line


@dataclass(frozen=True, order=True)
class SeedError:
    """One error, printed as `file:line: what is wrong: what to do`, which editors make a link of."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return one_line(f"{self.file}:{self.line}: {self.message}")


def did_you_mean(value: str, known: Iterable[str], otherwise: str) -> str:
    """What to do about an unknown value: the known one that was surely meant, or what else."""
    nearest = closest(value, known)
    return f"did you mean `{nearest}`?" if nearest else otherwise


class Unreadable(Exception):  # noqa: N818 - a state of the file
    """A file cannot be read from a line on."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class NothingWrittenError(click.ClickException):
    """What is to be built is wrong, and nothing was written. Every command shows the errors, one a line, and ends."""

    errors: Sequence[object]

    def __init__(self, errors: Sequence[object], hint: str = "") -> None:
        """`hint` continues the sentence that tells how many errors there are."""
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors
        self.hint = hint

    def show(self, file: IO[str] | None = None) -> None:
        click.echo(self.message, file or sys.stderr)
        super().show(file)

    def format_message(self) -> str:
        count = len(self.errors)
        return f"{count} error{'s' if count > 1 else ''}; nothing was written{self.hint}"


class InvalidSeed(NothingWrittenError):  # noqa: N818 - a state of the seed
    """The seed has errors."""

    errors: Sequence[SeedError]
