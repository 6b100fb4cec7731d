"""What an editor writes in seed/: entries with their evidence beside them; nothing here is published as it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.facts.shapes import Basis, Id, LineRange, Name, Reason, Sentence, Text

if TYPE_CHECKING:
    from app.facts.library import Library

STATED, EXTERNAL = Basis.STATED, Basis.EXTERNAL

At = tuple[str | int, ...]  # where something stands in an entry: keys and places


@dataclass(frozen=True)
class To:
    """The ids in this field are those of that resource, or of the entries in `<type>.yaml`."""

    type: str


class Sought:
    """Marks a field by whose value entries are looked up: `Library.where`."""


@dataclass(frozen=True)
class Place:
    """Where an entry stands in the seed."""

    file: str
    document: str | None
    lines: Mapping[At, int]

    def line(self, *path: str | int) -> int:
        """The line of a field, or of the nearest thing around it that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines[path]


class Written(BaseModel):
    """A part of an entry: closed, so that a mistyped key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, defer_build=True)

    def links(self) -> Iterator[tuple[At, str, str]]:
        """Every (where, type, id) by which this points at another entry, parts included."""
        for field, target in _pointing(type(self)):
            value = getattr(self, field)
            if isinstance(value, list):
                for place, item in enumerate(value):
                    yield from _pointers((field, place), target, item)
            elif value is not None:
                yield from _pointers((field,), target, value)


def _pointers(at: At, target: str | None, item: Any) -> Iterator[tuple[At, str, str]]:
    if isinstance(item, Written):
        yield from ((at + below, type_, id_) for below, type_, id_ in item.links())
    else:
        assert target  # noqa: S101 - narrows the type; a field points by itself or by its parts
        yield at, target, item


@cache
def _pointing(written: type[Written]) -> tuple[tuple[str, str | None], ...]:
    """The fields that may point at an entry, themselves or by their parts."""
    targets = {
        field: next((mark.type for mark in info.metadata if isinstance(mark, To)), None)
        for field, info in written.model_fields.items()
    }
    return tuple(
        (field, target)
        for field, target in targets.items()
        if target or any(_pointing(part) for part in _parts(written.model_fields[field].annotation))
    )


def _parts(annotation: Any) -> Iterator[type[Written]]:
    if isinstance(annotation, type):
        if issubclass(annotation, Written):
            yield annotation
    else:
        yield from (part for inner in get_args(annotation) for part in _parts(inner))


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
        if self.basis is EXTERNAL:
            if self.url is None or (self.note or self.rule) is None:
                raise ValueError("external evidence needs a url, and a note or rule that says what stands there")
            if self.lines or self.quote:
                raise ValueError("external evidence has no lines or quote: those are for the transcript's words")
        else:
            if self.lines is None or self.quote is None:
                raise ValueError(f"{self.basis.value} evidence needs lines and the quote that stands there")
            if self.url is not None:
                raise ValueError("only external evidence has a url")
            if self.basis is not STATED and (self.note or self.rule) is None:
                raise ValueError(f"{self.basis.value} evidence needs a note or rule that says how the words are read")
        return self


class Entry(Written):
    """One record as an editor writes it. Its place is told to it by who read it."""

    __slots__ = ("place",)

    place: ClassVar[Place]
    id: Id
    evidence: list[EvidenceEntry] = Field(default_factory=list, description="The words behind each field.")
    notes: Annotated[list[str], To("notes")] = Field(default_factory=list, description="Codes of notes.yaml.")
    silent: dict[Reason, list[str]] = Field(
        default_factory=dict, description="The fields for which the document gives nothing, by reason: never a guess."
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
    record: Annotated[Id, Sought()] = Field(description="The record's id.")

    def links(self) -> Iterator[tuple[At, str, str]]:
        yield from super().links()
        yield ("record",), self.type, self.record
