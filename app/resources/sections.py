"""Sections: the numbered parts of a strategy. A section counts the measures of its sub-sections."""

from typing import Annotated

from pydantic import Field

from app.query.filters import column, flag
from app.query.resource import Resource, VocabularySource
from app.query.vocabulary import Concept
from app.schemas import REASON_CODES, Derived, Id, Int32, Name, Record, Ref, References, Schema, distinct

Number = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)*$", max_length=20)]


class SectionRef(Schema):
    """A section as other records show it."""

    id: Id
    number: Number
    code: str = Field(description="As printed.")
    name: Name


class Section(Record):
    """A part of a strategy."""

    name: Name
    number: Number = Field(description="Such as 4.1.2.")
    code: str = Field(description="The number as printed, such as 4.1(2).")
    strategy: Annotated[Ref, References("strategies")]
    parent: Annotated[SectionRef | None, References("sections", searched="section")] = Field(
        description="The section that this one is part of."
    )
    depth: Annotated[Int32, Derived()] = Field(description="1 for a section, 2 for its sub-sections.")
    cited: Annotated[bool, Derived()] = Field(description="Whether a document here cites it.")
    measure_count: Annotated[Int32, Derived()] = Field(description="Measures in it or in its sub-sections.")


def _concepts(record: Section) -> list[Concept]:
    parent, aliases = record.parent.id if record.parent else None, distinct((record.number, record.code))
    notes = tuple(note for note in record.notes if note.code not in REASON_CODES)
    return [Concept(id=record.id, label=record.name, aliases=tuple(aliases), broader=parent, notes=notes)]


SECTIONS = Resource(
    name="sections",
    singular="section",
    meaning="The sections of the strategies, with how many measures stand in each.",
    meaning_ja="戦略の節と、それぞれに属する施策の数。",
    record=Section,
    own_filters=(
        column("strategy", "Sections of the strategy.", path="strategy.id", example="hp3"),
        column(
            "parent",
            "Sub-sections of the section.",
            path="parent.id",
            vocabulary="section",
            optional=True,
            example="4.1",
        ),
        flag("cited", "Whether a document here cites it."),
    ),
    names=("name", "number", "code"),
    own_sorts={"number": "number", "depth": "depth", "measure_count": "measure_count"},
    vocabularies=(VocabularySource("section", _concepts),),
)
