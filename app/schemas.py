"""Schemas shared by all records: names, notes, evidence and the record itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Self, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

T = TypeVar("T")


class DecimalNumber:
    """Marks a text that is a decimal number: exact, where a number of JSON is rounded by many of its readers."""


Int32 = Annotated[int, Field(ge=0, le=2_147_483_647, json_schema_extra={"format": "int32"})]
Int64 = Annotated[int, Field(json_schema_extra={"format": "int64"})]
DecimalText = Annotated[str, Field(max_length=30), DecimalNumber()]
ID = r"[a-z0-9][a-z0-9.-]*"
Id = Annotated[str, Field(pattern=f"^{ID}$", max_length=200)]
Sentence = Annotated[str, Field(max_length=5_000)]


class Schema(BaseModel):
    """A published object: immutable, closed, every property always present."""

    # Records are rendered when the database is built, so a serving process uses few of these schemas.
    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True, defer_build=True
    )


class Derived:
    """Marks a record field that is computed from evidenced fields and needs no evidence of its own."""


class MayBeEmpty:
    """Marks a record field whose values need evidence, but whose absence needs no reason: it says nothing."""


class JsonText:
    """Marks a field of free form, which is one cell of JSON text where a record is a row."""


@dataclass(frozen=True)
class References:
    """Marks a field that holds ids of a resource (or, in a seed entry, of entries in `<type>.yaml`). `searched` is the
    vocabulary by whose names `q` finds the record too."""

    type: str
    searched: str = ""


def referenced(field: FieldInfo) -> str | None:
    """The resource that a field refers to."""
    return next((mark.type for mark in field.metadata if isinstance(mark, References)), None)


class Basis(StrEnum):
    """How a fact is known."""

    STATED = "stated"
    READING = "reading"
    EDITORIAL = "editorial"
    EXTERNAL = "external"


class Name(Schema):
    """A name or a text in both languages."""

    ja: Sentence = Field(description="The document's own words.")
    en: Sentence = Field(description="English.")
    en_official: bool = Field(description="Whether the issuer published the English; false where it is ours.")

    def of(self, language: str) -> str:
        """The name in `ja` or `en`."""
        return self.ja if language == "ja" else self.en


class Labelled(StrEnum):
    """A closed vocabulary: each value, and its label in Japanese and in English."""

    label: Name

    # The words have defaults because a call with a value alone, which looks a member up, is checked as this one.
    def __new__(cls, value: str, ja: str = "", en: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = Name(ja=ja, en=en, en_official=False)
        return member


class Reason(Labelled):
    """Why a value is null."""

    NOT_STATED = "not_stated", "文書に記載がない", "Not stated in the document"
    AMBIGUOUS = "ambiguous", "文書の記載からは一つに定まらない", "The document does not settle it"
    LAYOUT_LOST = (
        "layout_lost",
        "図示されており、文字としては残っていない",
        "Drawn on the slide, not written in its text",
    )
    NOT_EXTRACTED = "not_extracted", "抜粋に含めていない", "Left out of the extract of the document"
    NOT_CLASSIFIED = "not_classified", "編集部が分類していない", "Not classified by us"
    NOT_APPLICABLE = "not_applicable", "該当しない", "Not applicable"


REASON_CODES = frozenset(reason.value.replace("_", "-") for reason in Reason)  # codes of the notes that tell reasons


def reason_note(reason: Reason, fields: Sequence[str]) -> dict[str, str]:
    """The note that says why fields are empty."""
    return {
        "code": reason.value.replace("_", "-"),
        "ja": f"{reason.label.ja}: {'、'.join(fields)}",
        "en": f"{reason.label.en}: {', '.join(fields)}",
    }


def fields_of_reason(note: Mapping[str, str]) -> list[str]:
    """The fields that a note of `reason_note` is about; none of any other note."""
    return note["en"].partition(": ")[2].split(", ") if note["code"] in REASON_CODES else []


class Ref(Schema):
    """Another record, by id and name."""

    id: Id
    name: Name


class Text(Schema):
    """A remark of ours in both languages."""

    ja: Sentence
    en: Sentence


class Note(Schema):
    """A reading, a doubt or a gap that a user has to know."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$", max_length=250)] = Field(
        description="The note, for programs."
    )
    ja: Sentence
    en: Sentence


class LineRange(Schema):
    """Lines of a transcript, 1-based, both ends included."""

    from_: Int32 = Field(alias="from")
    to: Int32


class Evidence(Schema):
    """Where a fact stands."""

    basis: Basis = Field(description="How the fact is known.")
    document: Annotated[Id, References("documents")] = Field(description="Id of the document read.")
    lines: LineRange | None = Field(description="The transcript's lines that hold the quote.")
    column: Sentence | None = Field(description="Where the document is a table: the column whose cell the quote is.")
    quote: Sentence | None = Field(description="Those words, character for character.")
    supports: Annotated[list[str], Field(min_length=1, max_length=50)] = Field(
        description="The record's fields that it evidences."
    )
    note: Text | None = Field(description="The rule of reading, or why the words mean this.")
    url: Sentence | None = Field(description="The public source, where the fact is not in the document.")


class Record(Schema):
    """What every record has: its id comes first, then the fields of its resource, and the others of these last."""

    id: Annotated[Id, Derived()] = Field(description="Stable, ASCII.")
    documents: Annotated[list[Id], Derived(), References("documents"), Field(max_length=1_000)] = Field(
        description="Ids of the documents that evidence it. Evidence of how its money relates to that of other records "
        "(`other_figures` of a measure; `same_as`, `part_of` and `parts` of a budget line) may be of further "
        "documents, which are not among these."
    )
    notes: Annotated[list[Note], Derived(), Field(max_length=100)] = Field(
        description="Readings, doubts and gaps to know of; why a field is empty is among them."
    )
    evidence: Annotated[list[Evidence], Derived(), Field(max_length=1_000)] = Field(
        description="Every fact's words, or its public source."
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Moves the inherited fields behind those of the resource. Validation and the JSON Schema, which are built
        later (`defer_build`), take their order from here."""
        for name in Record.model_fields:
            if name != "id":
                cls.model_fields[name] = cls.model_fields.pop(name)


def to_json(value: Any) -> bytes:
    """JSON of a value, parts of which may be schemas."""
    return orjson.dumps(value, default=BaseModel.model_dump)


def distinct(values: Iterable[T]) -> list[T]:
    """The distinct values, in the order of their first occurrence."""
    return list(dict.fromkeys(values))
