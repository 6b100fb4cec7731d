"""Builds the database from migrations and seed, as a whole or not at all; the old one stands until the new is done."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.facts.library import Library
from app.resources import RESOURCES
from app.seeding.artifacts import Artifacts
from app.seeding.fault import Faulty
from app.seeding.file import SqliteFile
from app.seeding.source import Source, read
from app.seeding.target import Target
from app.seeding.verify import KINDS, verified
from app.seeding.write import Writer
from app.settings import PROJECT, Settings

SEED = PROJECT / "seed"


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


def build(checked: Checked, to: Target | Path, done: Callable[[int], None] = lambda _: None) -> str:
    """Makes the database beside what is served, then puts it there in one step. Returns the digest."""
    assert checked.source.about  # noqa: S101 - narrows the type; a seed without it has a fault
    target = SqliteFile(to) if isinstance(to, Path) else to
    with target.building() as building:
        digest = Writer(building, checked.library, checked.source.about).write(done)
        building.finish()
        building.publish(digest, Artifacts(building.connection, building.folder).make())
    return digest


def target(settings: Settings) -> Target:
    """Where the settings say that the data is kept."""
    if settings.database_url is None:
        return SqliteFile(settings.database)
    from app.db.postgres import url_of
    from app.seeding.schema import PostgresSchema  # brings a driver that a file does not need

    return PostgresSchema(url_of(settings))
