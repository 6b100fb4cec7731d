"""Where a build goes: made beside what is served, and published in one step or not at all."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Table

Rows = Iterable[Sequence[Any]]


class Building(Protocol):
    """A database that is being made; `folder` has room for temporary files, if the system's own is not to be used."""

    folder: Path | None

    def load_public(self, file: Path) -> None:
        """Takes over the relational tables from a SQLite file, and makes the serving tables."""

    def insert(self, table: Table, rows: Rows) -> None:
        """Writes rows, each the values of the table's columns in their order."""

    def publish(self, digest: str, downloads: Path) -> None:
        """Prepares the complete database for reading. It replaces what is served, and the files of a folder those of
        its downloads."""


class Target(Protocol):
    """A database to build; `name` is what an operator calls it."""

    name: str

    def building(self) -> AbstractContextManager[Building]:
        """A new database, which is removed at the end unless it was published. Keeps other builds away meanwhile, and
        removes what those left that were killed. Raises Unusable if one is running, or if the database cannot be made:
        what was published before stands."""
        ...
