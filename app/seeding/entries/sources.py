"""Entries of documents, and of the vocabularies that all documents share."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from app.resources.dates import day
from app.resources.documents import Transcribed
from app.resources.organizations import OrganizationKind
from app.resources.sections import Number
from app.resources.stages import StageTrack
from app.schemas import Id, Int32, References, Sentence
from app.seeding.entries.base import (
    DocumentDate,
    Entry,
    EntryPart,
    IdentifierEntry,
    Indexed,
    Lines,
    Lookup,
    NameEntry,
    Url,
    Year,
)


class PartEntry(EntryPart):
    """A part of the document, such as one slide."""

    title: NameEntry
    lines: Lines
    transcript: Transcribed


class DocumentEntry(Entry):
    """A source document; its transcript, `transcript.md` or `transcript.csv`, stands beside this file."""

    name: NameEntry
    issuer: Annotated[Id, References("organizations")]
    issued: DocumentDate | None = None
    attribution: Annotated[Sentence, Field(min_length=1)]
    licence: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    url: Url | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    parts: Annotated[list[PartEntry], Field(min_length=1)]

    def errors(self, seed: Lookup) -> Iterator[tuple[str, str]]:
        count = len(seed.transcripts[self.id])
        end = 0
        for part in self.parts:
            if not end < part.lines.from_ <= part.lines.to <= count:
                found = f"lines {part.lines.from_}-{part.lines.to} of `{part.title.ja}`"
                yield "parts", f"{found} do not follow the part before, within the transcript's {count} lines"
            end = part.lines.to
        if self.issued is None:
            return
        era = day(self.issued).era
        if not any(era in quote for quote in self.quotes("issued")):
            yield "issued", f"{self.issued.isoformat()} is {era}, which stands in no quote that supports `issued`"
        if era not in self.attribution:
            yield "attribution", f"it does not say when the document was issued: write {era} in it"


class PeriodEntry(EntryPart):
    """The fiscal years of a plan, both included."""

    from_: Annotated[Year, Field(alias="from")]
    to: Year


class StrategyEntry(Entry):
    """A plan, once for all documents."""

    name: NameEntry
    decided: DocumentDate | None = None
    period: PeriodEntry | None = None


class SectionEntry(Entry):
    """A part of a strategy; its id is the strategy's id, a hyphen and the number."""

    number: Number
    code: Annotated[str, Field(min_length=1, max_length=40)]
    name: NameEntry
    strategy: Annotated[Id, References("strategies")]
    parent: Annotated[Id | None, References("sections"), Indexed()] = None

    def errors(self, seed: Lookup) -> Iterator[tuple[str, str]]:
        if self.id != f"{self.strategy}-{self.number}":
            yield "id", f"the id of section {self.number} of {self.strategy} is `{self.strategy}-{self.number}`"
        if self.parent is None:
            return
        if self.id in seed.ancestors(SectionEntry, "parent", self.parent):
            yield "parent", f"`{self.id}` stands above itself: break the circle"
        if seed.get(SectionEntry, self.parent).strategy != self.strategy:
            yield "parent", f"`{self.parent}` is of another strategy: name a section of {self.strategy}"


class OrganizationEntry(Entry):
    """A body, once for all documents."""

    name: NameEntry
    kind: OrganizationKind
    abbreviation: Annotated[str, Field(min_length=1, max_length=20)] | None = None
    also: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        default_factory=list, description="Everyday names, ours, such as 厚労省."
    )
    parent: Annotated[Id | None, References("organizations"), Indexed()] = None
    same_as: list[IdentifierEntry] = Field(default_factory=list)

    def errors(self, seed: Lookup) -> Iterator[tuple[str, str]]:
        if self.id in seed.ancestors(OrganizationEntry, "parent", self.parent):
            yield "parent", f"`{self.id}` stands above itself: break the circle"


class ModalityEntry(Entry):
    """A kind of medicine, once for all documents."""

    name: NameEntry
    also: list[str] = Field(default_factory=list)
    same_as: list[IdentifierEntry] = Field(default_factory=list)
    broader: Annotated[Id | None, References("modalities"), Indexed()] = None

    def errors(self, seed: Lookup) -> Iterator[tuple[str, str]]:
        if self.id in seed.ancestors(ModalityEntry, "broader", self.broader):
            yield "broader", f"`{self.id}` is broader than itself: break the circle"


class StageEntry(Entry):
    """A step, once for all documents."""

    name: NameEntry
    order: Int32
    track: StageTrack
