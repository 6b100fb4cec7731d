"""Entries of measures and of the budgets that pay for them."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from app.resources.amount import OKU, AmountBasis, BudgetPhase
from app.resources.dates import fiscal_year
from app.resources.identifiers import PATTERNS, IdentifierScheme
from app.resources.measures import MeasureKind, OrganizationRole
from app.resources.organizations import NOT_PAYING
from app.resources.packages import BudgetKind
from app.schemas import Id, References, Sentence, Text
from app.seeding.entries.base import Entry, EntryPart, IdentifierEntry, Indexed, Lookup, NameEntry, Url, Year, contains
from app.seeding.entries.sources import OrganizationEntry
from app.text import DIGITS

Unit = Literal["円", "千円", "万円", "百万円", "億円", "兆円"]
UNITS = {"円": 1, "千円": 1_000, "万円": 10_000, "百万円": 1_000_000, "億円": OKU, "兆円": 1_000_000_000_000}
MAX_JPY = 10**17  # hundreds of times all budgets together; more would not fit 64 bits when summed
PRINTED_AMOUNT = re.compile(
    r"(?P<sign>[-−△▲])?\s*(?P<number>[0-9][0-9,]*(?:\.[0-9]+)?)\s*(?P<unit>兆円|億円|百万円|万円|千円|円)?"
)
APPROXIMATE = re.compile("程度|約|およそ|概ね")
NEXT_YEAR = "翌年度"
BRACKETED = re.compile("【([^】]*)】")
PHASE_OF = {BudgetKind.INITIAL: BudgetPhase.INITIAL, BudgetKind.SUPPLEMENTARY: BudgetPhase.SUPPLEMENTARY}
PRINTED_KIND = {BudgetKind.INITIAL: "当初", BudgetKind.SUPPLEMENTARY: "補正"}


class AmountEntry(EntryPart):
    """An amount as an editor types it: the number, its unit and the printed text, which must agree."""

    value: Decimal = Field(max_digits=22, decimal_places=4, description="Negative where the text has △, ▲ or a minus.")
    unit: Unit
    text: Annotated[Sentence, Field(min_length=1)]
    approximate: bool = False
    uncertain: bool = False
    basis: AmountBasis | None = None
    phase: BudgetPhase | None = Field(default=None, description="Left out: the package's budget_kind.")

    @property
    def resolution(self) -> Decimal:
        """The yen that one step of its last printed digit is: the less, the more precise it is."""
        exponent = self.value.as_tuple().exponent
        return UNITS[self.unit] * Decimal(10) ** min(int(exponent), 0)

    @property
    def jpy(self) -> int:
        return int(self.value * UNITS[self.unit])

    def errors(self) -> Iterator[str]:
        """Where number, unit and text do not agree."""
        plain = unicodedata.normalize("NFKC", self.text)
        found = PRINTED_AMOUNT.search(plain)
        if found is None:
            yield f"the text `{self.text}` holds no number: copy the amount as printed"
            return
        number, unit = Decimal(found["number"].replace(",", "")), found["unit"] or self.unit
        number = -number if found["sign"] else number
        jpy = self.value * UNITS[self.unit]
        if number * UNITS[unit] != jpy:
            yield f"{self.value:f}{self.unit} is not what `{self.text}` says: read the transcript's line again"
        elif abs(jpy) > MAX_JPY:  # before it is divided, which no larger number may be
            yield f"{self.value:f}{self.unit} is more than any budget: read the transcript's line again"
        elif jpy % 1:
            yield f"{self.value:f}{self.unit} is not a whole number of yen: check the unit"
        if bool(APPROXIMATE.search(plain)) != self.approximate:
            hint = "set approximate: true" if not self.approximate else "remove approximate"
            yield f"`approximate` does not agree with `{self.text}`: {hint}"


def contains_amount(quote: str, amount: str) -> bool:
    """Whether a quote contains an amount, and not as a part of a longer number."""
    return contains(quote, amount, not_after=f"{DIGITS},.，．", not_before=DIGITS)


class StatedTotalEntry(EntryPart):
    """A total that the document states, and what is known of its difference from the lines."""

    kind: AmountBasis
    amount: AmountEntry
    notes: Annotated[list[str], References("notes")] = Field(default_factory=list)


class PackageEntry(Entry):
    """A budget as a document presents it."""

    name: NameEntry
    fiscal_year: Year
    budget_kind: BudgetKind | None = Field(default=None, description="Left out: its amounts are of several phases.")
    aims: list[NameEntry] = Field(default_factory=list)
    stated_totals: list[StatedTotalEntry] = Field(default_factory=list)

    @property
    def phase(self) -> BudgetPhase | None:
        """The phase of its amounts that give none."""
        return PHASE_OF[self.budget_kind] if self.budget_kind else None

    def errors(self, seed: Lookup) -> Iterator[tuple[str, str]]:  # noqa: ARG002
        years = [self.fiscal_year]
        if any(NEXT_YEAR in quote for quote in self.quotes("fiscal_year")):
            years.append(self.fiscal_year - 1)
        printed = {"fiscal_year": [text for year in years for text in (fiscal_year(year).era, str(year))]}
        if self.budget_kind:
            printed["budget_kind"] = [PRINTED_KIND[self.budget_kind]]
        for field, texts in printed.items():
            pieces = (piece for piece in self.evidence if field in piece.supports)
            quotes = [unicodedata.normalize("NFKC", piece.quote or "") for piece in pieces]
            if quotes and not any(text in quote for text in texts for quote in quotes):
                yield field, f"{texts[0]} stands in no quote that supports `{field}`: correct the one or the other"
        for total in self.stated_totals:
            yield from (("stated_totals", error) for error in total.amount.errors())
            if total.amount.basis is not total.kind:
                yield "stated_totals", f"the amount's basis is not `{total.kind.value}`: say the same in both"
            if not any(contains_amount(quote, total.amount.text) for quote in self.quotes("stated_totals")):
                yield "stated_totals", f"`{total.amount.text}` stands in no quote that supports `stated_totals`"


class PillarEntry(Entry):
    """A heading of a package; its id is the package's id, a hyphen and the number."""

    number: Annotated[int, Field(ge=1, le=999)]
    symbol: Annotated[str, Field(min_length=1, max_length=10)]
    name: NameEntry
    package: Annotated[Id, References("packages")]

    def errors(self, seed: Lookup) -> Iterator[tuple[str, str]]:  # noqa: ARG002
        if self.id != f"{self.package}-{self.number}":
            yield "id", f"the id of pillar {self.number} of {self.package} is `{self.package}-{self.number}`"


def not_paying(seed: Lookup, ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Errors of a field `ministries` that names other bodies."""
    for id_ in ids:
        kind = seed.get(OrganizationEntry, id_).kind
        if kind in NOT_PAYING:
            yield "ministries", f"`{id_}` is of kind {kind.value}: name a ministry or an agency"


class PartEntry(EntryPart):
    """A body's part in a measure."""

    id: Annotated[Id, References("organizations")]
    role: OrganizationRole


class LawEntry(EntryPart):
    """A law that a document cites."""

    name: Annotated[Sentence, Field(min_length=1)]
    egov: Annotated[str, Field(pattern=f"^{PATTERNS[IdentifierScheme.EGOV_LAW]}$")] | None = None


class MeasureEntry(Entry):
    """Something that will be done. Ministries that pay for it are written on its budget lines."""

    kind: MeasureKind
    name: NameEntry
    description: NameEntry | None = None
    sections: Annotated[list[Id], References("sections"), Indexed()] = Field(default_factory=list)
    strategies: Annotated[list[Id], References("strategies"), Indexed()] = Field(default_factory=list)
    laws: list[LawEntry] = Field(default_factory=list)
    same_as: list[IdentifierEntry] = Field(default_factory=list)
    pillar: Annotated[Id | None, References("pillars"), Indexed()] = None
    ministries: Annotated[list[Id], References("organizations")] = Field(default_factory=list)
    organizations: list[PartEntry] = Field(default_factory=list)
    modalities: Annotated[list[Id], References("modalities"), Indexed()] = Field(default_factory=list)

    def errors(self, seed: Lookup) -> Iterator[tuple[str, str]]:
        yield from not_paying(seed, self.ministries)


class RelationEntry(Entry):
    """A link of the crosswalk: the direction of a strategy that a budget programme serves."""

    direction: Annotated[Id, References("measures"), Indexed()]
    programme: Annotated[Id, References("measures"), Indexed()]
    note: Text

    def errors(self, seed: Lookup) -> Iterator[tuple[str, str]]:
        if seed.get(MeasureEntry, self.direction).kind is not MeasureKind.DIRECTION:
            yield "direction", f"`{self.direction}` is not a direction: name the measure of the strategy"
        if not self.evidence:
            yield "evidence", "a link rests on words that both sides share: quote them"


class ExpenditureEntry(EntryPart):
    """The national expenditure of a line, from elsewhere."""

    amount: AmountEntry
    url: Url


class BudgetLineEntry(Entry):
    """An amount that a document states for a measure. Left out, the pillar is the measure's."""

    measure: Annotated[Id, References("measures"), Indexed()]
    package: Annotated[Id, References("packages")]
    pillar: Annotated[Id | None, References("pillars"), Indexed()] = None
    amount: AmountEntry | None = None
    ministries: Annotated[list[Id], References("organizations")] = Field(default_factory=list)
    national_expenditure: ExpenditureEntry | None = None

    def errors(self, seed: Lookup) -> Iterator[tuple[str, str]]:
        package = seed.get(PackageEntry, self.package)
        phase = phase_of(self, seed)
        if self.amount and phase is None:
            yield "amount", "its phase is not known: give `phase`, since the package has no budget_kind"
            return
        stem = f"{self.measure}-fy{package.fiscal_year}" + (f"-{phase.value.replace('_', '-')}" if phase else "")
        if not self.id.startswith(stem):
            yield "id", f"the id of this line is `{stem}`, with an ending such as `-2` where that is taken"
        if self.pillar and seed.get(PillarEntry, self.pillar).package != self.package:
            yield "pillar", f"`{self.pillar}` is of another package: name a pillar of {self.package}"
        yield from not_paying(seed, self.ministries)
        yield from self._amount_errors()
        yield from self._ministry_errors(seed)

    def _amount_errors(self) -> Iterator[tuple[str, str]]:
        if self.amount:
            yield from (("amount", error) for error in self.amount.errors())
            if not any(contains_amount(quote, self.amount.text) for quote in self.quotes("amount")):
                yield "amount", f"`{self.amount.text}` stands in no quote that supports `amount`: correct one of them"
        if self.national_expenditure:
            yield from (("national_expenditure", error) for error in self.national_expenditure.amount.errors())
            if not any(piece.url == self.national_expenditure.url for piece in self.evidence):
                yield (
                    "national_expenditure",
                    "its url is in no evidence here: add external evidence with that url",
                )

    def _ministry_errors(self, seed: Lookup) -> Iterator[tuple[str, str]]:
        """The ministries are those printed in brackets, no more and no fewer."""
        known = seed.organization_ids
        printed = [mark for quote in self.quotes("ministries") for mark in BRACKETED.findall(quote)]
        for mark in printed:
            if mark not in known:
                yield "ministries", f"【{mark}】 is no organization's abbreviation: add it to organizations.yaml"
            elif known[mark] not in self.ministries:
                yield "ministries", f"the quote names 【{mark}】: add {known[mark]}"
        for ministry in self.ministries:
            if printed and seed.get(OrganizationEntry, ministry).abbreviation not in printed:
                yield "ministries", f"no quote names {ministry}: remove it, or quote the words that do"


def phase_of(line: BudgetLineEntry, seed: Lookup) -> BudgetPhase | None:
    """The phase of a line's amount: its own, or the package's; None if neither gives one."""
    return (line.amount.phase if line.amount else None) or seed.get(PackageEntry, line.package).phase


class LineRelationEntry(Entry):
    """Two budget lines about the same money: `line` states the same as `other`, or is included in it."""

    type: Literal["same_as", "part_of"]
    line: Annotated[Id, References("budget-lines"), Indexed()]
    other: Annotated[Id, References("budget-lines"), Indexed()]
    note: Text

    def errors(self, seed: Lookup) -> Iterator[tuple[str, str]]:
        line, other = seed.get(BudgetLineEntry, self.line), seed.get(BudgetLineEntry, self.other)
        if not self.evidence:
            yield "evidence", "a relation rests on words of both documents: quote them"
        if self.line == self.other:
            yield "other", f"`{self.line}` is related to itself: name two lines"
        elif self.type == "part_of" and self.line in {**same(other, seed), **wholes(other, seed)}:
            yield "other", f"`{self.other}` is itself a part of `{self.line}`, or the same: break the circle"
        years = [seed.get(PackageEntry, each.package).fiscal_year for each in (line, other)]
        if years[0] != years[1]:
            yield (
                "other",
                f"`{self.line}` is of {years[0]} and `{self.other}` of {years[1]}: money of two years differs",
            )


def same(line: BudgetLineEntry, seed: Lookup) -> dict[str, BudgetLineEntry]:
    """The lines that state the same money as a line, at any remove, itself included."""
    found, ids = {line.id: line}, [line.id]
    for id_ in ids:
        for _, other in relations_of(id_, "same_as", "line", seed) + relations_of(id_, "same_as", "other", seed):
            if other.id not in found:
                found[other.id] = other
                ids.append(other.id)
    return found


def wholes(line: BudgetLineEntry, seed: Lookup) -> dict[str, BudgetLineEntry]:
    """The lines that include the money of a line, at any remove, and those that state the same as these."""
    found: dict[str, BudgetLineEntry] = {}
    below = list(same(line, seed))
    for id_ in below:
        for _, whole in relations_of(id_, "part_of", "line", seed):
            more = {key: each for key, each in same(whole, seed).items() if key not in found}
            found.update(more)
            below.extend(more)
    return found


def parts(line: BudgetLineEntry, seed: Lookup) -> dict[str, BudgetLineEntry]:
    """The lines whose money a line includes, directly."""
    return {each.id: each for _, each in relations_of(line.id, "part_of", "other", seed)}


def relations_of(id_: str, type_: str, end: str, seed: Lookup) -> list[tuple[LineRelationEntry, BudgetLineEntry]]:
    """The relations of a type of which a line is this end, `line` or `other`, each with the line at its other end."""
    found = [each for each in seed.where(LineRelationEntry, end, id_) if each.type == type_]
    return [(each, seed.get(BudgetLineEntry, each.other if end == "line" else each.line)) for each in found]
