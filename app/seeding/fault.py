"""Fault: one thing wrong in the seed, where it stands and what to do; a fault never stops the search for others."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Fault:
    """Printed as `file:line: what is wrong: what to do`, which editors make a link of."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class Faulty(Exception):  # noqa: N818 - a state of the seed, told to an editor
    """The seed has faults; nothing was written."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults
