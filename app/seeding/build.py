"""Builds the database from migrations and seed, as a whole or not at all; the old one stands until the new is done."""

import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from app.facts.library import Library
from app.reading.downloads import Download, folder_of
from app.resources import RESOURCES
from app.seeding.artifacts import Artifacts
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
    with TemporaryDirectory(prefix=f".{path.name}.", suffix=".building", dir=path.parent) as folder:
        building, made = Path(folder) / path.name, Path(folder) / "downloads"
        digest = _write(checked, building, done)
        made.mkdir()
        _tell(building, Artifacts(building, made).make())
        _sync(building)
        downloads = folder_of(path, digest)
        downloads.mkdir(exist_ok=True)
        for file in made.iterdir():
            file.replace(downloads / file.name)
        building.replace(path)
    _sweep(path, downloads)
    return digest


def _tell(path: Path, downloads: list[Download]) -> None:
    """Adds to the dataset's row what there is to download."""
    with closing(sqlite3.connect(path, isolation_level=None)) as finished:
        told = orjson.dumps([asdict(download) for download in downloads]).decode()
        finished.execute("UPDATE dataset SET about = json_set(about, '$.downloads', json(?))", (told,))
        finished.execute("VACUUM")


def _sync(path: Path) -> None:
    with path.open("rb") as written:
        os.fsync(written.fileno())


def _sweep(path: Path, kept: Path) -> None:
    """Removes the downloads of older builds, but for the last: a service may be answering from it still."""
    ours = re.compile(rf"{re.escape(path.name)}\.[0-9a-f]{{16}}")
    folders = [each for each in path.parent.iterdir() if ours.fullmatch(each.name) and each != kept]
    for old in sorted(folders, key=lambda each: each.stat().st_mtime)[:-1]:
        shutil.rmtree(old)


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
    with closing(sqlite3.connect(path, isolation_level=None)) as finished:
        finished.execute("PRAGMA foreign_keys = ON")
        broken = finished.execute("PRAGMA foreign_key_check").fetchall()
        assert not broken, broken  # noqa: S101 - verify let a link through that lands nowhere
        finished.execute("ANALYZE")
    return digest
