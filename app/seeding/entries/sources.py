"""Entries of documents, and of the vocabularies that all documents share."""

from typing import Annotated

from pydantic import Field

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


class ModalityEntry(Entry):
    """A kind of medicine, once for all documents."""

    name: NameEntry
    also: list[str] = Field(default_factory=list)
    same_as: list[IdentifierEntry] = Field(default_factory=list)
    broader: Annotated[Id | None, References("modalities"), Indexed()] = None


class StageEntry(Entry):
    """A step, once for all documents."""

    name: NameEntry
    order: Int32
    track: StageTrack
