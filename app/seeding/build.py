"""Builds the database from migrations and seed, as a whole or not at all; the old one stands until the new is done."""

import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, mkstemp

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from app.facts.library import Library
from app.resources import RESOURCES
from app.seeding.fault import Faulty
from app.seeding.source import Source, read
from app.seeding.verify import KINDS, verified
from app.seeding.write import Writer
from app.settings import PROJECT

SEED = PROJECT / "seed"
MIGRATIONS = PROJECT / "migrations"


@dataclass(frozen=True)
class Checked:
    """A seed without faults."""

    source: Source
    library: Library

    @property
    def count(self) -> int:
        """How many records it makes."""
        return sum(len(self.library.of(resource.entry)) for resource in RESOURCES)


def check(seed: Path) -> Checked:
    """Reads and verifies a seed; raises Faulty with every fault."""
    source = read(seed, dict(KINDS))
    library, faults = verified(source)
    if faults:
        raise Faulty(faults)
    return Checked(source, library)


def build(checked: Checked, path: Path, done: Callable[[int], None] = lambda _: None) -> str:
    """Writes the database beside `path`, then puts it there in one step. Returns the digest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = mkstemp(prefix=f".{path.name}.", suffix=".building", dir=path.parent)
    os.close(handle)
    building = Path(name)
    try:
        digest = _write(checked, building, done)
        building.chmod(0o644)
        building.replace(path)
    finally:
        building.unlink(missing_ok=True)
    return digest


def migrated(path: Path) -> None:
    """Brings the file's tables to the newest migration."""
    command.upgrade(alembic_config(path), "head")


def revise(message: str) -> None:
    """Writes the migration from the newest one to the tables that the resources declare."""
    count = len(list((MIGRATIONS / "versions").glob("*.py")))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tables.sqlite"
        migrated(path)
        command.revision(alembic_config(path), message, autogenerate=True, rev_id=f"{count + 1:04}")


def alembic_config(path: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["url"] = f"sqlite:///{path}"
    return config


def _write(checked: Checked, path: Path, done: Callable[[int], None]) -> str:
    assert checked.source.about  # noqa: S101 - narrows the type; a seed without it has a fault
    migrated(path)
    engine = create_engine(f"sqlite:///{path}")
    try:
        with engine.begin() as connection:
            digest = Writer(connection, checked.library, checked.source.about).write(done)
    finally:
        engine.dispose()
    finished = sqlite3.connect(path, isolation_level=None)
    try:
        finished.execute("PRAGMA foreign_keys = ON")
        broken = finished.execute("PRAGMA foreign_key_check").fetchall()
        assert not broken, broken  # noqa: S101 - verify let a link through that lands nowhere
        finished.execute("ANALYZE")
        finished.execute("VACUUM")
    finally:
        finished.close()
    with path.open("rb") as written:
        os.fsync(written.fileno())
    return digest
