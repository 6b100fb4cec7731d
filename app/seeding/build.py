"""Builds the database from migrations and seed, as a whole or not at all; the old one stands until the new is done."""

import os
import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.config import Config

from app.facts.library import About, Library
from app.reading.answers import DatasetVersion
from app.reading.downloads import Download, folder_of
from app.resources.documents import DocumentEntry
from app.seeding.artifacts import Artifacts
from app.seeding.draft import Drafts
from app.seeding.fault import Faulty
from app.seeding.processes import Phase, silent, spread
from app.seeding.source import read
from app.seeding.verify import KINDS, verified
from app.seeding.write import Writer
from app.settings import PROJECT

SEED = PROJECT / "seed"
MIGRATIONS = PROJECT / "migrations"
MOST_ATTRIBUTIONS = 10


@dataclass(frozen=True)
class Checked:
    """A seed without faults, and the drafts of its records, which last as long as this does."""

    about: About
    library: Library
    drafts: Drafts

    @property
    def count(self) -> int:
        """How many records it makes."""
        return self.drafts.size


def check(seed: Path, beside: Path | None = None, phase: Phase = silent) -> Checked:
    """Reads and verifies a seed; raises Faulty with every fault. What a build needs of it is kept `beside` the database
    to be, where there is room for it."""
    source = read(seed, dict(KINDS), phase)
    drafts = Drafts(beside)
    library, faults = verified(source, drafts, phase)
    if faults:
        raise Faulty(faults)
    assert source.about  # noqa: S101 - narrows the type; a seed without it has a fault
    return Checked(source.about, library, drafts)


def build(checked: Checked, path: Path, phase: Phase = silent) -> str:
    """Writes the database beside `path`, then puts it there in one step. Returns the digest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = checked.drafts.digest
    with TemporaryDirectory(prefix=f".{path.name}.", suffix=".building", dir=path.parent) as folder:
        building, made = Path(folder) / path.name, Path(folder) / "downloads"
        made.mkdir()
        _write(checked, building, made, phase)
        _sync(building)
        downloads = folder_of(path, digest)
        downloads.mkdir(exist_ok=True)
        for file in made.iterdir():
            file.replace(downloads / file.name)
        building.replace(path)
    _sweep(path, downloads)
    return digest


def _write(checked: Checked, path: Path, downloads: Path, phase: Phase) -> None:
    """Writes the database, and the downloads in other processes meanwhile."""
    told = checked.about
    version = DatasetVersion(version=told.version, released=told.released.isoformat(), digest=checked.drafts.digest)
    about = {"name": told.name, "description": told.description, "attribution": _attribution(checked.library)}
    artifacts = Artifacts(checked.drafts, version, about, checked.library.transcripts, downloads)
    migrated(path)
    made: list[Download] = []
    with spread(artifacts.pieces(), checked.drafts.size) as results, closing(_opened(path)) as connection:
        writer = Writer(connection)
        with phase("Writing", len(checked.drafts.pieces)) as done:
            for piece in checked.drafts.pieces:
                writer.add(piece)
                done(1)
        with phase("Downloads", len(artifacts.pieces())) as done:
            for downloaded in results:
                made.extend(downloaded)
                done(1)
        writer.finish(version, about, artifacts.listed(made))
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
        assert not broken, broken  # noqa: S101 - verify let a link through that lands nowhere


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def _attribution(library: Library) -> str:
    documents = library.of(DocumentEntry)
    if len(documents) > MOST_ATTRIBUTIONS:
        return "各文書の出典は /v1/documents の attribution にある。"
    return "\n".join(document.attribution for document in documents.values())


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
