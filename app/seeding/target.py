"""Where a build goes: made beside what is served, and published in one step or not at all; no record is known here."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Table

from app.reading.downloads import Download

Row = dict[str, Any]


class Unbuilt(Exception):  # noqa: N818 - a state, told to an operator
    """Nothing was built; the message names the database and what to do. What was published before stands."""


class Building(Protocol):
    """A database that is being made, of which nobody else knows. `connection` reads what was written, and `folder` is
    where its downloads are made."""

    connection: Connection
    folder: Path

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Writes rows."""

    def finish(self) -> None:
        """Every row is written: proves that each link lands, and readies the whole for reading."""

    def publish(self, digest: str, downloads: list[Download]) -> None:
        """Puts it in the place of what was served, with what there is to download."""


class Target(Protocol):
    """Where a build goes; `name` is what an operator calls it."""

    name: str

    def building(self) -> AbstractContextManager[Building]:
        """A new database, which is nowhere to be found afterwards unless it was published."""
        ...
