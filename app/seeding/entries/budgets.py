"""Entries of measures and of the budgets that pay for them."""

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from app.resources.amount import OKU, AmountBasis, BudgetPhase
from app.resources.identifiers import PATTERNS, IdentifierScheme
from app.resources.measures import MeasureKind, OrganizationRole
from app.resources.packages import BudgetKind
from app.schemas import Id, References, Sentence, Text
from app.seeding.entries.base import Entry, EntryPart, IdentifierEntry, Indexed, NameEntry, Registered, Url, Year

Unit = Literal["円", "千円", "万円", "百万円", "億円", "兆円"]
UNITS = {"円": 1, "千円": 1_000, "万円": 10_000, "百万円": 1_000_000, "億円": OKU, "兆円": 1_000_000_000_000}
MAX_JPY = 10**17  # hundreds of times all budgets together; more would not fit 64 bits when summed
PRINTED_AMOUNT = re.compile(
    rf"(?P<sign>[-−△▲])?\s*(?P<number>[0-9][0-9,]*(?:\.[0-9]+)?)\s*(?P<unit>{'|'.join(reversed(UNITS))})?"
)
APPROXIMATE = re.compile("程度|約|およそ|概ね")
PHASE_OF = {BudgetKind.INITIAL: BudgetPhase.INITIAL, BudgetKind.SUPPLEMENTARY: BudgetPhase.SUPPLEMENTARY}


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


class PillarEntry(Entry):
    """A heading of a package; its id is the package's id, a hyphen and the number."""

    number: Annotated[int, Field(ge=1, le=999)]
    symbol: Annotated[str, Field(min_length=1, max_length=10)]
    name: NameEntry
    package: Annotated[Id, References("packages")]


class PartEntry(EntryPart):
    """A body's part in a measure."""

    id: Annotated[Id, References("organizations")]
    role: OrganizationRole


class LawEntry(EntryPart):
    """A law that a document cites."""

    name: Annotated[Sentence, Field(min_length=1)]
    egov: Annotated[str | None, Field(pattern=f"^{PATTERNS[IdentifierScheme.EGOV_LAW]}$"), Registered()] = None


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


class RelationEntry(Entry):
    """A link of the crosswalk: the direction of a strategy that a budget programme serves."""

    direction: Annotated[Id, References("measures"), Indexed()]
    programme: Annotated[Id, References("measures"), Indexed()]
    note: Text


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


class LineRelationEntry(Entry):
    """Two budget lines about the same money: `line` states the same as `other`, or is included in it."""

    type: Literal["same_as", "part_of"]
    line: Annotated[Id, References("budget-lines"), Indexed()]
    other: Annotated[Id, References("budget-lines"), Indexed()]
    note: Text
