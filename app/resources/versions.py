"""Versions: what was released, when, and how many records each release has."""

from typing import Annotated

from pydantic import Field

from app.query.resource import Resource, VocabularySource
from app.query.vocabulary import Concept
from app.resources.dates import Day
from app.schemas import Derived, Int32, Name, Record, Schema, Text


class VersionCount(Schema):
    """How many records of a resource a version has, and how many of them the version before had otherwise."""

    type: str = Field(description="The resource.")
    records: Int32
    added: Int32
    changed: Int32
    removed: Int32


class Version(Record):
    """The data as they were released."""

    name: Annotated[Name, Derived()]
    released: Annotated[Day, Derived()]
    summary: Annotated[Text, Derived()] = Field(description="What a reader should know of it.")
    digest: Annotated[str, Derived()] = Field(
        description="SHA-256 of its records: of the lines of its file in `seed/releases/` but the first."
    )
    records: Annotated[Int32, Derived()] = Field(description="How many it has.")
    counts: Annotated[list[VersionCount], Derived()] = Field(
        description="By resource. The first version adds nothing: there is none before it."
    )


def _concepts(record: Version) -> list[Concept]:
    return [Concept(id=record.id, label=record.name, released=record.released.date)]


VERSIONS = Resource(
    name="versions",
    singular="version",
    meaning="The versions of the data, the newest first: when each was released, what it has, and what it changed.",
    meaning_ja="データの版。公開日、記録の数、前の版からの変更。新しい順。",
    record=Version,
    own_sorts={"released": "released.date", "records": "records"},
    descriptions=("summary",),
    vocabularies=(VocabularySource("version", _concepts),),
    evidenced=False,
    versioned=True,
)
