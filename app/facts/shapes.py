"""The shapes that every record is made of; no shape here belongs to one resource."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")

Int32 = Annotated[int, Field(ge=0, le=2_147_483_647, json_schema_extra={"format": "int32"})]
Int64 = Annotated[int, Field(json_schema_extra={"format": "int64"})]
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$", max_length=200)]
Sentence = Annotated[str, Field(max_length=5_000)]


class Shape(BaseModel):
    """A published object: immutable, closed, every property always present."""

    # A service meets few of these shapes, for records are rendered when the database is built: each is made when met.
    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True, defer_build=True
    )

    def empty(self) -> bool:
        """Whether this stands for no value; a shape that may, says how."""
        return False


class Derived:
    """Marks a record's field that is worked out from evidenced ones, and so has no evidence of its own."""


class Detail:
    """Marks a field that a flat row shows for the record itself only, not for what it refers to."""


class Basis(StrEnum):
    """How a fact is known."""

    STATED = "stated"
    READING = "reading"
    EDITORIAL = "editorial"
    EXTERNAL = "external"


class Reason(StrEnum):
    """Why a value is null."""

    NOT_STATED = "not_stated"
    AMBIGUOUS = "ambiguous"
    LAYOUT_LOST = "layout_lost"
    NOT_APPLICABLE = "not_applicable"


class Name(Shape):
    """A name or a text in both languages."""

    ja: Sentence = Field(description="The document's own words.")
    en: Sentence = Field(description="English.")
    en_official: Annotated[bool, Detail()] = Field(
        description="Whether the issuer published the English; false where it is ours."
    )


class Ref(Shape):
    """Another record, by id and name."""

    id: Id
    name: Name


class Text(Shape):
    """A remark of ours in both languages."""

    ja: Sentence
    en: Sentence


class Note(Shape):
    """A reading, a doubt or a gap that a user has to know."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$", max_length=250)] = Field(
        description="The note, for programs."
    )
    ja: Sentence
    en: Sentence


class LineRange(Shape):
    """Lines of a transcript, 1-based, both ends included."""

    from_: Int32 = Field(alias="from")
    to: Int32


class Evidence(Shape):
    """Where a fact stands."""

    basis: Basis = Field(description="How the fact is known.")
    document: Id = Field(description="Id of the document read.")
    lines: LineRange | None = Field(description="The transcript's lines that hold the quote.")
    quote: Sentence | None = Field(description="Those words, character for character.")
    supports: Annotated[list[str], Field(min_length=1, max_length=50)] = Field(
        description="The record's fields that it evidences."
    )
    note: Text | None = Field(description="The rule of reading, or why the words mean this.")
    url: Sentence | None = Field(description="The public source, where the fact is not in the document.")


class Record(Shape):
    """What every record has."""

    id: Annotated[Id, Derived()] = Field(description="Stable, ASCII.")
    documents: Annotated[list[Id], Derived(), Field(max_length=1_000)] = Field(
        description="Ids of the documents that evidence it."
    )
    evidence: Annotated[list[Evidence], Derived(), Field(max_length=1_000)] = Field(
        description="Every fact's words, or its public source."
    )
    notes: Annotated[list[Note], Derived(), Field(max_length=100)] = Field(
        description="Readings, doubts and gaps to know of; why a field is empty is among them."
    )


def is_empty(value: object) -> bool:
    """Whether a field holds nothing, so that its reason has to be told."""
    return value is None or value == [] or (isinstance(value, Shape) and value.empty())


def ordered(values: Iterable[T]) -> list[T]:
    """Distinct values in the order of their first mention."""
    return list(dict.fromkeys(values))


def distinct(shapes: Iterable[T]) -> list[T]:
    """The same for shapes, which hold lists and have no hash; they are few."""
    kept: list[T] = []
    for shape in shapes:
        if shape not in kept:
            kept.append(shape)
    return kept
