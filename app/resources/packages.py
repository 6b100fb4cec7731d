"""Packages: what a document presents as one budget, with the totals that it states."""

from pydantic import Field

from app.query.filters import choice, column
from app.query.resource import Resource, VocabularySource
from app.query.vocabulary import Concept
from app.resources.amount import Amount, AmountBasis
from app.resources.dates import FiscalYear
from app.schemas import Labelled, Name, Record, Schema

STATED_TOTAL_NOTES = "stated-total-notes/"  # prefix of the serving values that hold the notes of each


class BudgetKind(Labelled):
    """Which budget of the year."""

    INITIAL = "initial", "当初予算", "initial"
    SUPPLEMENTARY = "supplementary", "補正予算", "supplementary"


class StatedTotal(Schema):
    """A total that a document states."""

    kind: AmountBasis
    amount: Amount


class Package(Record):
    """A budget as a document presents it."""

    name: Name
    fiscal_year: FiscalYear
    budget_kind: BudgetKind | None = Field(description="Null where it holds amounts of several phases.")
    aims: list[Name]
    stated_totals: list[StatedTotal] = Field(description="Held against the lines in the reconciliation.")


def _year(record: Package) -> list[Concept]:
    year = record.fiscal_year
    label = Name(ja=year.era, en=f"FY{year.year}", en_official=False)
    return [Concept(id=str(year.year), label=label)]


BUDGET_KIND = choice("budget_kind", BudgetKind, "Which budget of the year.", optional=True)

FISCAL_YEAR = column(
    "fiscal_year",
    "Japanese fiscal year, by the year in which it begins.",
    path="fiscal_year.year",
    example="2025",
)

PACKAGES = Resource(
    name="packages",
    singular="package",
    meaning="What the documents present as one budget, with the totals they state.",
    meaning_ja="文書が一つの予算として示すものと、その総額。",
    record=Package,
    own_filters=(FISCAL_YEAR, BUDGET_KIND),
    own_sorts={"fiscal_year": "fiscal_year.year"},
    descriptions=("aims",),
    vocabularies=(VocabularySource("package", Concept.of), VocabularySource("fiscal_year", _year, sorted=True)),
)
