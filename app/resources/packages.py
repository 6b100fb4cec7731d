"""Packages: what a document presents as one budget, with the totals it states; the sums of lines are not here."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import orjson
from pydantic import Field
from sqlalchemy import Text
from sqlmodel import Field as Column

from app.facts.entry import Entry, NameEntry, To, Written
from app.facts.library import Library, Published, remembered
from app.facts.shapes import Name, Record, Ref, Shape
from app.facts.tables import Row, word
from app.reading.filters import choice, held
from app.reading.resource import Lists, Resource
from app.reading.terms import Term
from app.resources.amount import Amount, AmountBasis, AmountEntry, stands_in
from app.resources.dates import FiscalYear, fiscal_year


class BudgetKind(StrEnum):
    """Which budget of the year."""

    INITIAL = "initial"
    SUPPLEMENTARY = "supplementary"


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


class StatedTotal(Shape):
    """A total that a document states."""

    kind: AmountBasis
    amount: Amount


class Package(Record):
    """A budget as a document presents it."""

    name: Name
    fiscal_year: FiscalYear
    budget_kind: BudgetKind
    aims: list[Name]
    stated_totals: list[StatedTotal] = Field(description="Held against the lines in the reconciliation.")


class PackageRow(Row, table=True):
    __tablename__ = "package"

    fiscal_year: int
    budget_kind: str = word()
    known: str = Column(sa_type=Text, description="The notes on each stated total, as JSON.")


@remembered
def package_ref(library: Library, id_: str) -> Ref:
    return Ref(id=id_, name=library.of(PackageEntry)[id_].name.published())


def _publish(entry: PackageEntry, library: Library) -> Published:
    record = Package(
        **library.common("packages", entry),
        name=entry.name.published(),
        fiscal_year=fiscal_year(entry.fiscal_year),
        budget_kind=entry.budget_kind,
        aims=[aim.published() for aim in entry.aims],
        stated_totals=[StatedTotal(kind=total.kind, amount=total.amount.published()) for total in entry.stated_totals],
    )
    known = [[note.model_dump() for note in library.notes(total.notes)] for total in entry.stated_totals]
    return Published(
        record,
        {
            "fiscal_year": entry.fiscal_year,
            "budget_kind": entry.budget_kind.value,
            "known": orjson.dumps(known).decode(),
        },
    )


def _term(record: Package, key: int) -> Term:
    return Term(record.id, key, record.name, (record.name.ja, record.name.en))


def _year(record: Package, key: int) -> Term:  # noqa: ARG001
    """A year is its own key."""
    year = record.fiscal_year
    label = Name(ja=year.era, en=f"FY{year.year}", en_official=False)
    return Term(str(year.year), year.year, label, (label.ja, label.en))


BUDGET_KIND = choice(
    "budget_kind", BudgetKind, "Which budget of the year.", initial="当初予算", supplementary="補正予算"
)
FISCAL_YEAR = held("fiscal_year", "Japanese fiscal year, by the year in which it begins.", example="2025")

PACKAGES = Resource(
    name="packages",
    singular="package",
    meaning="What the documents present as one budget, with the totals they state.",
    record=Package,
    row=PackageRow,
    entry=PackageEntry,
    publish=_publish,
    own_filters=(FISCAL_YEAR, BUDGET_KIND),
    own_sorts=("fiscal_year",),
    descriptions=("aims",),
    lists=(Lists("package", _term), Lists("fiscal_year", _year)),
)
