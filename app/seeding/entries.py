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


UNITS = {"円": 1, "千円": 1_000, "万円": 10_000, "百万円": 1_000_000, "億円": OKU, "兆円": 1_000_000_000_000}


PRINTED = re.compile(r"(?P<number>[0-9][0-9,]*(?:\.[0-9]+)?)\s*(?P<unit>兆円|億円|百万円|万円|千円|円)?")


ABOUT = re.compile("程度|約|およそ|概ね")


class AmountEntry(Written):
    """An amount as an editor types it: the number, its unit and the printed text, which must agree."""

    value: Annotated[Decimal, Field(ge=0)]
    unit: Literal["円", "千円", "万円", "百万円", "億円", "兆円"]
    text: Annotated[Sentence, Field(min_length=1)]
    approximate: bool = False
    uncertain: bool = False
    basis: AmountBasis | None = None

    @property
    def jpy(self) -> int:
        return int(self.value * UNITS[self.unit])

    def faults(self) -> Iterator[str]:
        """Where number, unit and text do not agree."""
        plain = unicodedata.normalize("NFKC", self.text)
        found = PRINTED.search(plain)
        if found is None:
            yield f"the text `{self.text}` holds no number: copy the amount as printed"
            return
        number, unit = Decimal(found["number"].replace(",", "")), found["unit"] or self.unit
        if number * UNITS[unit] != self.value * UNITS[self.unit]:
            yield f"{self.value:f}{self.unit} is not what `{self.text}` says: read the transcript's line again"
        elif self.value * UNITS[self.unit] % 1:
            yield f"{self.value:f}{self.unit} is not a whole number of yen: check the unit"
        if bool(ABOUT.search(plain)) != self.approximate:
            told = "set approximate: true" if not self.approximate else "remove approximate"
            yield f"`approximate` does not agree with `{self.text}`: {told}"

    def published(self) -> Amount:
        return Amount(
            jpy=self.jpy,
            oku_yen=in_oku(self.jpy),
            text=self.text,
            approximate=self.approximate,
            uncertain=self.uncertain,
            basis=self.basis,
            basis_reason=None if self.basis else Reason.NOT_STATED,
        )


def stands_in(text: str, quote: str) -> bool:
    """Whether an amount is printed so, and not as a part of a longer number."""
    return stands(text, quote, after=f"{DIGITS},.，．", before=DIGITS)


Lines = Annotated[LineRange, BeforeValidator(line_range, json_schema_input_type=int | str)]


class PartEntry(Written):
    """A part of the document, such as one slide."""

    title: NameEntry
    lines: Lines
    transcript: Transcribed


class DocumentEntry(Entry):
    """A source document; its transcript, `transcript.md`, stands beside this file."""

    name: NameEntry
    issuer: Annotated[Id, To("organizations")]
    issued: date
    attribution: Annotated[Sentence, Field(min_length=1)]
    licence: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    parts: Annotated[list[PartEntry], Field(min_length=1)]

    def faults(self, library: Library) -> Iterator[tuple[str, str]]:
        count = len(library.transcripts[self.id])
        end = 0
        for part in self.parts:
            if not end < part.lines.from_ <= part.lines.to <= count:
                told = f"lines {part.lines.from_}-{part.lines.to} of `{part.title.ja}`"
                yield "parts", f"{told} do not follow the part before, within the transcript's {count} lines"
            end = part.lines.to
        era = day(self.issued).era
        if not any(era in (piece.quote or "") for piece in self.evidence if "issued" in piece.supports):
            yield (
                "issued",
                f"{self.issued.isoformat()} is {era}, which stands in no quote that supports `issued`",
            )
        if era not in self.attribution:
            yield "attribution", f"it does not say when the document was issued: write {era} in it"


class PeriodEntry(Written):
    """The fiscal years of a plan, both included."""

    from_: Annotated[int, Field(alias="from")]
    to: int


class StrategyEntry(Entry):
    """A plan, once for all documents."""

    name: NameEntry
    decided: date | None = None
    period: PeriodEntry | None = None


class SectionEntry(Entry):
    """A part of a strategy; its id is the strategy's id, a hyphen and the number."""

    number: Number
    code: Annotated[str, Field(min_length=1, max_length=40)]
    name: NameEntry
    strategy: Annotated[Id, To("strategies")]
    parent: Annotated[Id | None, To("sections"), Sought()] = None

    def faults(self, library: Library) -> Iterator[tuple[str, str]]:
        if self.id != f"{self.strategy}-{self.number}":
            yield (
                "id",
                f"the id of section {self.number} of {self.strategy} is `{self.strategy}-{self.number}`",
            )
        if self.parent is None:
            return
        if self.id in library.up(SectionEntry, "parent", self.parent):
            yield "parent", f"`{self.id}` stands above itself: break the circle"
        if library.of(SectionEntry)[self.parent].strategy != self.strategy:
            yield "parent", f"`{self.parent}` is of another strategy: name a section of {self.strategy}"


PRINTED = {BudgetKind.INITIAL: "当初", BudgetKind.SUPPLEMENTARY: "補正"}


class StatedTotalEntry(Written):
    """A total that the document states, and what is known of its difference from the lines."""

    kind: AmountBasis
    amount: AmountEntry
    notes: Annotated[list[str], To("notes")] = Field(default_factory=list)


class PackageEntry(Entry):
    """A budget as a document presents it."""

    name: NameEntry
    fiscal_year: Annotated[int, Field(ge=1927, le=2200)]
    budget_kind: BudgetKind
    aims: list[NameEntry] = Field(default_factory=list)
    stated_totals: list[StatedTotalEntry] = Field(default_factory=list)

    def faults(self, library: Library) -> Iterator[tuple[str, str]]:  # noqa: ARG002
        era = fiscal_year(self.fiscal_year).era
        for field, printed in (("fiscal_year", era), ("budget_kind", PRINTED[self.budget_kind])):
            quotes = [piece.quote or "" for piece in self.evidence if field in piece.supports]
            if quotes and not any(printed in quote for quote in quotes):
                yield field, f"{printed} stands in no quote that supports `{field}`: correct the one or the other"
        for total in self.stated_totals:
            yield from (("stated_totals", fault) for fault in total.amount.faults())
            if total.amount.basis is not total.kind:
                yield "stated_totals", f"the amount's basis is not `{total.kind.value}`: say the same in both"
            quotes = [piece.quote or "" for piece in self.evidence if "stated_totals" in piece.supports]
            if not any(stands_in(total.amount.text, quote) for quote in quotes):
                yield "stated_totals", f"`{total.amount.text}` stands in no quote that supports `stated_totals`"


class PillarEntry(Entry):
    """A heading of a package; its id is the package's id, a hyphen and the number."""

    number: Annotated[int, Field(ge=1, le=999)]
    symbol: Annotated[str, Field(min_length=1, max_length=10)]
    name: NameEntry
    package: Annotated[Id, To("packages")]

    def faults(self, library: Library) -> Iterator[tuple[str, str]]:  # noqa: ARG002
        if self.id != f"{self.package}-{self.number}":
            yield "id", f"the id of pillar {self.number} of {self.package} is `{self.package}-{self.number}`"


class OrganizationEntry(Entry):
    """A body, once for all documents."""

    name: NameEntry
    kind: OrganizationKind
    abbreviation: Annotated[str, Field(min_length=1, max_length=20)] | None = None


def not_paying(library: Library, ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The faults of a field `ministries` that names other bodies."""
    for id_ in ids:
        kind = library.of(OrganizationEntry)[id_].kind
        if kind not in PAYING:
            yield "ministries", f"`{id_}` is of kind {kind.value}: name a ministry or an agency"


class ModalityEntry(Entry):
    """A kind of medicine, once for all documents."""

    name: NameEntry
    also: list[str] = Field(default_factory=list)
    broader: Annotated[Id | None, To("modalities"), Sought()] = None

    def faults(self, library: Library) -> Iterator[tuple[str, str]]:
        if self.id in library.up(ModalityEntry, "broader", self.broader):
            yield "broader", f"`{self.id}` is broader than itself: break the circle"


class StageEntry(Entry):
    """A step, once for all documents."""

    name: NameEntry
    order: Int32
    track: StageTrack


class PartEntry(Written):
    """A body's part in a measure."""

    id: Annotated[Id, To("organizations")]
    role: OrganizationRole


class MeasureEntry(Entry):
    """Something that will be done. Ministries that pay for it are written on its budget lines."""

    kind: MeasureKind
    name: NameEntry
    description: NameEntry | None = None
    sections: Annotated[list[Id], To("sections"), Sought()] = Field(default_factory=list)
    pillar: Annotated[Id | None, To("pillars"), Sought()] = None
    ministries: Annotated[list[Id], To("organizations")] = Field(default_factory=list)
    organizations: list[PartEntry] = Field(default_factory=list)
    modalities: Annotated[list[Id], To("modalities"), Sought()] = Field(default_factory=list)

    def faults(self, library: Library) -> Iterator[tuple[str, str]]:
        yield from not_paying(library, self.ministries)


class RelationEntry(Entry):
    """A link of the crosswalk: the direction of a strategy that a budget programme serves."""

    direction: Annotated[Id, To("measures"), Sought()]
    programme: Annotated[Id, To("measures"), Sought()]
    note: Text

    def faults(self, library: Library) -> Iterator[tuple[str, str]]:
        measures = library.of(MeasureEntry)
        if measures[self.direction].kind is not MeasureKind.DIRECTION:
            yield "direction", f"`{self.direction}` is not a direction: name the measure of the strategy"
        if not self.evidence:
            yield "evidence", "a link rests on words that both sides share: quote them"

    @property
    def basis(self) -> Basis:
        return self.evidence[0].basis


BRACKETED = re.compile("【([^】]*)】")


class ExpenditureEntry(Written):
    """The national expenditure of a line, from elsewhere."""

    amount: AmountEntry
    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")]


class BudgetLineEntry(Entry):
    """An amount that a document states for a measure. Left out, the pillar is the measure's."""

    measure: Annotated[Id, To("measures"), Sought()]
    package: Annotated[Id, To("packages")]
    pillar: Annotated[Id | None, To("pillars"), Sought()] = None
    amount: AmountEntry | None = None
    ministries: Annotated[list[Id], To("organizations")] = Field(default_factory=list)
    national_expenditure: ExpenditureEntry | None = None

    def faults(self, library: Library) -> Iterator[tuple[str, str]]:
        package = library.of(PackageEntry)[self.package]
        stem = f"{self.measure}-fy{package.fiscal_year}-{package.budget_kind.value}"
        if not self.id.startswith(stem):
            yield "id", f"the id of this line is `{stem}`, with an ending such as `-2` where that is taken"
        if self.pillar and library.of(PillarEntry)[self.pillar].package != self.package:
            yield "pillar", f"`{self.pillar}` is of another package: name a pillar of {self.package}"
        yield from not_paying(library, self.ministries)
        yield from self._money()
        yield from self._paying(library)

    def _money(self) -> Iterator[tuple[str, str]]:
        if self.amount:
            yield from (("amount", fault) for fault in self.amount.faults())
            if not any(stands_in(self.amount.text, quote) for quote in self._quotes("amount")):
                yield (
                    "amount",
                    f"`{self.amount.text}` stands in no quote that supports `amount`: correct one of them",
                )
        if self.national_expenditure:
            yield from (("national_expenditure", fault) for fault in self.national_expenditure.amount.faults())
            if not any(piece.url == self.national_expenditure.url for piece in self.evidence):
                yield (
                    "national_expenditure",
                    "its url is in no evidence here: add external evidence with that url",
                )

    def _paying(self, library: Library) -> Iterator[tuple[str, str]]:
        """The ministries are those printed in brackets, no more and no fewer."""
        known = _by_abbreviation(library, "")
        printed = [mark for quote in self._quotes("ministries") for mark in BRACKETED.findall(quote)]
        for mark in printed:
            if mark not in known:
                yield (
                    "ministries",
                    f"【{mark}】 is no organization's abbreviation: add it to organizations.yaml",
                )
            elif known[mark] not in self.ministries:
                yield "ministries", f"the quote names 【{mark}】: add {known[mark]}"
        for ministry in self.ministries:
            if printed and library.of(OrganizationEntry)[ministry].abbreviation not in printed:
                yield "ministries", f"no quote names {ministry}: remove it, or quote the words that do"

    def _quotes(self, field_: str) -> list[str]:
        return [piece.quote for piece in self.evidence if piece.quote and field_ in piece.supports]
