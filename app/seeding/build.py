"""Builds the database from migrations and seed, as a whole or not at all; the old one stands until the new is done."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.facts.library import About, Library
from app.reading.answers import DatasetVersion
from app.reading.downloads import Download
from app.resources import RESOURCES
from app.resources.documents import DocumentEntry
from app.seeding.artifacts import Artifacts
from app.seeding.draft import Drafts, Piece
from app.seeding.fault import Faulty
from app.seeding.file import SqliteFile
from app.seeding.postings import Texts, keep, kept
from app.seeding.processes import Done, Phase, silent, spread
from app.seeding.source import read
from app.seeding.target import Target
from app.seeding.verify import KINDS, verified
from app.seeding.write import Writer
from app.settings import PROJECT, Settings

SEED = PROJECT / "seed"
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


def build(checked: Checked, to: Target | Path, phase: Phase = silent) -> str:
    """Makes the database beside what is served, then puts it there in one step. Returns the digest."""
    target = SqliteFile(to) if isinstance(to, Path) else to
    drafts, told = checked.drafts, checked.about
    version = DatasetVersion(version=told.version, released=told.released.isoformat(), digest=drafts.digest)
    about = {"name": told.name, "description": told.description, "attribution": _attribution(checked.library)}
    with target.building() as building:
        artifacts = Artifacts(drafts, version, about, checked.library.transcripts, building.folder)
        words = drafts.folder / "words"
        work: list[Callable[[], list[Download]]] = [partial(_words, drafts, words), *artifacts.pieces()]
        made: list[Download] = []
        with spread(work, drafts.size) as results:  # in other processes meanwhile
            writer = Writer(building)
            with phase("Writing", len(drafts.pieces)) as done:
                for resource in RESOURCES:
                    writer.add(resource, _told(drafts.of(resource), done))
            with phase("Downloads", len(work)) as done:
                for downloaded in results:
                    made.extend(downloaded)
                    done(1)
        writer.finish(version, about, artifacts.listed(made), kept(words))
        building.finish()
        building.publish(drafts.digest)
    return drafts.digest


def _words(drafts: Drafts, path: Path) -> list[Download]:
    """Gathers the words of all records; there is nothing to download."""
    texts = Texts()
    for resource in RESOURCES:
        for piece in drafts.of(resource):
            for draft in piece.drafts():
                texts.add(draft.names, draft.descriptions)
    keep(texts.packed(), path)
    return []


def _told(pieces: list[Piece], done: Done) -> Iterator[Piece]:
    for piece in pieces:
        yield piece
        done(1)


def target(settings: Settings) -> Target:
    """Where the settings say that the data is kept."""
    if settings.database_url is None:
        return SqliteFile(settings.database)
    from app.db.postgres import url_of
    from app.seeding.schema import PostgresSchema  # brings a driver that a file does not need

    return PostgresSchema(url_of(settings))


def _attribution(library: Library) -> str:
    documents = library.of(DocumentEntry)
    if len(documents) > MOST_ATTRIBUTIONS:
        return "各文書の出典は /v1/documents の attribution にある。"
    return "\n".join(document.attribution for document in documents.values())
