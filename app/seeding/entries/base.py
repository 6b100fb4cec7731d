"""What all seed entries have in common: their evidence, their links to other entries, their place in a file."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from typing import Annotated, Any, ClassVar, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.resources.dates import ERAS
from app.resources.identifiers import PATTERNS, IdentifierScheme
from app.schemas import Basis, Id, LineRange, Reason, References, Sentence, Text, referenced

E = TypeVar("E", bound="Entry")


def _iso_date(value: Any) -> Any:
    # Else a number would be taken for the seconds since 1970.
    if isinstance(value, date) or (isinstance(value, str) and ISO_DATE.fullmatch(value)):
        return value
    raise ValueError("this is no ISO date: write it as 2026-02-03")


def _between(first: date, last: date, value: date) -> date:
    if not first <= value <= last:
        raise ValueError(f"a date here is one from {first} to {last}: correct it")
    return value


ISO_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
LAST_DATE = date(2100, 12, 31)
IsoDate = Annotated[date, BeforeValidator(_iso_date, json_schema_input_type=date)]
# The eras before are not known here, nor can an archive of zip hold a day before 1980.
DocumentDate = Annotated[IsoDate, AfterValidator(partial(_between, ERAS[-1][0], LAST_DATE))]
ReleaseDate = Annotated[IsoDate, AfterValidator(partial(_between, date(1980, 1, 1), LAST_DATE))]
Year = Annotated[int, Field(ge=1927, le=2200)]
Version = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,5})(\.(0|[1-9][0-9]{0,5})){2}$")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]

# The firmest first: what somebody else says is firmer than what we judge, and that than nothing.
GROUNDS = (Basis.STATED, Basis.READING, Basis.EXTERNAL, Basis.EDITORIAL)

Json = dict[str, Any]  # an object
FieldPath = tuple[str | int, ...]  # keys and list positions that lead to a value in an entry
EntryRef = tuple[str, str]  # kind and id
Link = tuple[FieldPath, str, str]  # where it is written, kind of the target, id of the target


class Indexed:
    """Marks a field by whose value entries are looked up (`Seed.where`)."""


class Registered:
    """Marks a field that holds an identifier of a register, which a document need not print to state the thing."""


@dataclass(frozen=True)
class Location:
    """Where an entry is written. `lines` gives line numbers by path within the entry."""

    file: str
    document: str | None
    lines: Mapping[FieldPath, int]

    def line(self, *path: str | int) -> int:
        """The line of a value, or of the nearest value around it that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines[path]


class EntryPart(BaseModel):
    """A part of an entry: closed, so that a mistyped key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, defer_build=True)

    def links(self) -> Iterator[Link]:
        """Every link to another entry, those of nested parts included."""
        for field, target in _linking_fields(type(self)):
            value = getattr(self, field)
            items: list[tuple[FieldPath, Any]] = [((field,), value)]
            if isinstance(value, list):
                items = [((field, position), item) for position, item in enumerate(value)]
            for path, item in items:
                if isinstance(item, EntryPart):
                    yield from ((path + below, kind, id_) for below, kind, id_ in item.links())
                elif target and item is not None:
                    yield path, target, item


@cache
def _linking_fields(part: type[EntryPart]) -> tuple[tuple[str, str | None], ...]:
    """The fields that may link to an entry, themselves or by their parts."""
    return tuple(
        (field, referenced(info))
        for field, info in part.model_fields.items()
        if referenced(info) or any(_linking_fields(inner) for inner in _parts_in(info.annotation))
    )


def _parts_in(annotation: Any) -> Iterator[type[EntryPart]]:
    if isinstance(annotation, type):
        if issubclass(annotation, EntryPart):
            yield annotation
    else:
        yield from (part for inner in get_args(annotation) for part in _parts_in(inner))


class NameEntry(EntryPart):
    """A name in both languages; `en_official: true` only where the issuer itself publishes the English."""

    ja: Annotated[Sentence, Field(min_length=1)]
    en: Annotated[Sentence, Field(min_length=1)]
    en_official: bool = False


def parse_lines(value: Any) -> Any:
    """`73` and `145-146`, as an editor writes lines."""
    if not isinstance(value, str):
        return value
    first, _, last = value.partition("-")
    return {"from": first.strip(), "to": (last or first).strip()}


class IdentifierEntry(EntryPart):
    """An identifier of the same thing in another register."""

    scheme: IdentifierScheme
    id: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _check_form(self) -> "IdentifierEntry":
        if not re.fullmatch(PATTERNS[self.scheme], self.id):
            raise ValueError(f"`{self.id}` is not of the form of a {self.scheme.value}: copy it again")
        if self.scheme is IdentifierScheme.CORPORATE_NUMBER and not has_check_digit(self.id):
            raise ValueError(f"the check digit of `{self.id}` is wrong: copy it again")
        return self


def has_check_digit(number: str) -> bool:
    """Whether the first of the 13 digits of a 法人番号 is the check digit of the others."""
    weighted = (int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(number[1:])))
    return int(number[0]) == 9 - sum(weighted) % 9


Lines = Annotated[LineRange, BeforeValidator(parse_lines, json_schema_input_type=int | str)]


class EvidenceEntry(EntryPart):
    """Where facts of the entry stand: words at lines of the transcript, or a public source."""

    basis: Basis
    document: Id | None = Field(default=None, description="Left out in a document's own folder: that document.")
    lines: Lines | None = Field(default=None, description="`73`, or `145-146`.")
    column: Annotated[Sentence, Field(min_length=1)] | None = Field(
        default=None,
        description="Of a table, transcript.csv: the header of the cell that `quote` is; `lines` are those of its row.",
    )
    quote: Annotated[Sentence, Field(min_length=1)] | None = Field(
        default=None,
        description="Character for character; a line break stays, blanks at line ends are dropped.",
    )
    supports: Annotated[list[str], Field(min_length=1)]
    note: Text | None = Field(default=None, description="Why the words mean this; what an external source says.")
    rule: Annotated[str | None, References("notes")] = Field(
        default=None,
        description="Code of a note in notes.yaml, in place of `note`: a rule that many readings share.",
    )
    url: Url | None = None

    @model_validator(mode="after")
    def _check_completeness(self) -> "EvidenceEntry":
        if self.note and self.rule:
            raise ValueError("`note` and `rule` are two places for one thing: keep one")
        if self.basis is Basis.EXTERNAL:
            if self.url is None or (self.note or self.rule) is None:
                raise ValueError("external evidence needs a url, and a note or rule that says what stands there")
            if self.lines or self.column or self.quote:
                raise ValueError(
                    "external evidence has no lines, column or quote: those are for the transcript's words"
                )
        else:
            if self.lines is None or self.quote is None:
                raise ValueError(f"{self.basis.value} evidence needs lines and the quote that stands there")
            if self.url is not None:
                raise ValueError("only external evidence has a url")
            if self.basis is not Basis.STATED and (self.note or self.rule) is None:
                raise ValueError(f"{self.basis.value} evidence needs a note or rule that says how the words are read")
        return self


class Entry(EntryPart):
    """One record as an editor writes it. `key` and `location` are set when it is read from the staging file."""

    __slots__ = ("key", "location")

    key: ClassVar[int]  # of its row in the staging file
    location: ClassVar[Location]
    id: Id
    evidence: list[EvidenceEntry] = Field(default_factory=list, description="The words behind each field.")
    notes: Annotated[list[str], References("notes")] = Field(default_factory=list, description="Codes of notes.yaml.")
    silent: dict[Reason, list[str]] = Field(
        default_factory=dict, description="The fields for which the document gives nothing, by reason: never a guess."
    )

    @property
    def basis(self) -> Basis:
        """The firmest ground of its evidence."""
        return min((piece.basis for piece in self.evidence), key=GROUNDS.index, default=GROUNDS[-1])

    def quotes(self, field: str) -> list[str]:
        """The quotes that support a field."""
        return [piece.quote for piece in self.evidence if piece.quote and field in piece.supports]


@cache
def marked_fields(model: type[BaseModel], mark: type) -> tuple[str, ...]:
    """The fields of a model that have a mark, such as `Indexed`."""
    return tuple(
        name for name, info in model.model_fields.items() if any(isinstance(each, mark) for each in info.metadata)
    )


class NoteEntry(Entry):
    """A note that records share, told in both languages; its id is the code."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$", max_length=100)]
    ja: Annotated[Sentence, Field(min_length=1)]
    en: Annotated[Sentence, Field(min_length=1)]
    of_amount: bool = Field(
        default=False, description="Whether it qualifies the amount of a line: each sum that counts the line tells it."
    )


class FurtherEvidence(Entry):
    """Evidence that a later document adds to a record which an earlier one introduced."""

    type: str = Field(description="The resource, such as `measures`.")
    record: Annotated[Id, Indexed()] = Field(description="The record's id.")

    def links(self) -> Iterator[Link]:
        yield from super().links()
        yield ("record",), self.type, self.record
