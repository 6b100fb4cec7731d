"""What an editor writes in seed/: entries with their evidence beside them; nothing here is published as it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.facts.shapes import Basis, Id, LineRange, Name, Reason, Sentence, Text

if TYPE_CHECKING:
    from app.facts.library import Library

At = tuple[str | int, ...]  # where something stands in an entry: keys and places


@dataclass(frozen=True)
class To:
    """The ids in this field are those of that resource, or of the entries in `<type>.yaml`."""

    type: str


class Written(BaseModel):
    """A part of an entry: closed, so that a mistyped key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, defer_build=True)

    def links(self) -> Iterator[tuple[At, str, str]]:
        """Every (where, type, id) by which this points at another entry, parts included."""
        for field, info in type(self).model_fields.items():
            value = getattr(self, field)
            target = next((mark.type for mark in info.metadata if isinstance(mark, To)), None)
            many: list[tuple[At, Any]] = [((field,), value)]
            if isinstance(value, list):
                many = [((field, place), item) for place, item in enumerate(value)]
            for at, item in many:
                if isinstance(item, Written):
                    yield from ((at + below, type_, id_) for below, type_, id_ in item.links())
                elif target and isinstance(item, str):
                    yield at, target, item


class NameEntry(Written):
    """A name in both languages; `en_official: true` only where the issuer itself publishes the English."""

    ja: Annotated[Sentence, Field(min_length=1)]
    en: Annotated[Sentence, Field(min_length=1)]
    en_official: bool = False

    def published(self) -> Name:
        return Name(ja=self.ja, en=self.en, en_official=self.en_official)


def line_range(value: Any) -> Any:
    """`73` and `145-146`, as an editor writes lines."""
    if not isinstance(value, str):
        return value
    first, _, last = value.partition("-")
    return {"from": first.strip(), "to": (last or first).strip()}


class EvidenceEntry(Written):
    """Where facts of the entry stand: words at lines of the transcript, or a public source."""

    basis: Basis
    document: Id | None = Field(default=None, description="Left out in a document's own folder: that document.")
    lines: Annotated[LineRange, BeforeValidator(line_range, json_schema_input_type=int | str)] | None = Field(
        default=None, description="`73`, or `145-146`."
    )
    quote: Annotated[Sentence, Field(min_length=1)] | None = Field(
        default=None,
        description="Character for character; a line break stays, blanks at line ends are dropped.",
    )
    supports: Annotated[list[str], Field(min_length=1)]
    note: Text | None = Field(default=None, description="Why the words mean this; what an external source says.")
    rule: Annotated[str | None, To("notes")] = Field(
        default=None,
        description="Code of a note in notes.yaml, in place of `note`: a rule that many readings share.",
    )
    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None

    @model_validator(mode="after")
    def _complete(self) -> "EvidenceEntry":
        if self.note and self.rule:
            raise ValueError("`note` and `rule` are two places for one thing: keep one")
        if self.basis is Basis.EXTERNAL:
            if self.url is None or (self.note or self.rule) is None:
                raise ValueError("external evidence needs a url, and a note or rule that says what stands there")
            if self.lines or self.quote:
                raise ValueError("external evidence has no lines or quote: those are for the transcript's words")
        else:
            if self.lines is None or self.quote is None:
                raise ValueError(f"{self.basis.value} evidence needs lines and the quote that stands there")
            if self.url is not None:
                raise ValueError("only external evidence has a url")
            if self.basis is not Basis.STATED and (self.note or self.rule) is None:
                raise ValueError(f"{self.basis.value} evidence needs a note or rule that says how the words are read")
        return self


class Entry(Written):
    """One record as an editor writes it."""

    id: Id
    evidence: list[EvidenceEntry] = Field(default=[], description="The words behind each field.")
    notes: Annotated[list[str], To("notes")] = Field(default=[], description="Codes of notes.yaml.")
    silent: dict[Reason, list[str]] = Field(
        default={}, description="The fields for which the document gives nothing, by reason: never a guess."
    )

    def faults(self, library: "Library") -> Iterator[tuple[str, str]]:  # noqa: ARG002
        """What is wrong with this entry that its types cannot say: (field, what is wrong and what to do)."""
        yield from ()


class NoteEntry(Entry):
    """A note that records share, told in both languages; its id is the code."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$", max_length=100)]
    ja: Annotated[Sentence, Field(min_length=1)]
    en: Annotated[Sentence, Field(min_length=1)]


class FurtherEvidence(Entry):
    """Evidence that a later document adds to a record which an earlier one introduced."""

    type: str = Field(description="The resource, such as `measures`.")
    record: Id = Field(description="The record's id.")

    def links(self) -> Iterator[tuple[At, str, str]]:
        yield from super().links()
        yield ("record",), self.type, self.record
