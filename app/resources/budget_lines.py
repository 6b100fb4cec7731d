"""Budget lines: one amount each, with the ministries that pay it. A joint line is never split."""

from typing import Annotated

from pydantic import Field

from app.query.filters import at_least, at_most, column, flag, linked
from app.query.resource import Resource
from app.resources.amount import Amount
from app.resources.dates import FiscalYear
from app.resources.packages import BUDGET_KIND, FISCAL_YEAR, BudgetKind
from app.resources.pillars import PillarRef
from app.resources.sections import SectionRef
from app.schemas import Derived, Name, Note, Record, Ref, References, Schema, Sentence

THROUGH_CROSSWALK = Note(
    code="section-through-crosswalk",
    ja="予算事業と戦略の節との対応は、編集部による対応付け(crosswalk)を経たもので、文書に書かれたものではない。",
    en="Budget lines stand under sections through the crosswalk, which is editorial: the documents do not say so.",
)


class Expenditure(Schema):
    """The national expenditure of a line, from elsewhere."""

    amount: Amount
    url: Sentence = Field(description="The public source.")


class BudgetLine(Record):
    """One amount."""

    name: Name = Field(description="The measure's.")
    measure: Annotated[Ref, References("measures")]
    package: Annotated[Ref, References("packages")]
    pillar: Annotated[PillarRef | None, References("pillars")]
    fiscal_year: FiscalYear
    budget_kind: BudgetKind
    ministries: Annotated[list[Ref], References("organizations", searched="organization")] = Field(
        description="Who pays, together where there are several."
    )
    joint: Annotated[bool, Derived()] = Field(description="Whether several ministries pay it together.")
    amount: Amount
    national_expenditure: Expenditure | None = Field(description="From elsewhere; not what `amount` says.")
    modalities: Annotated[list[Ref], References("modalities", searched="modality")] = Field(
        description="The measure's."
    )
    sections: Annotated[list[SectionRef], Derived(), References("sections", searched="section")] = Field(
        description="Through the crosswalk, which is editorial."
    )


BUDGET_LINES = Resource(
    name="budget-lines",
    singular="budget_line",
    meaning="Amounts, one line each, with the ministries that pay it: a line paid by several is one line.",
    record=BudgetLine,
    own_filters=(
        linked("ministry", "Ministries that pay, alone or together.", path="ministries.id", example="mhlw"),
        column(
            "pillar", "Pillar; a number means that pillar of any package.", path="pillar.id", optional=True, example="③"
        ),
        linked("modality", "Kinds of medicine, narrower ones included.", path="modalities.id", example="biosimilar"),
        linked(
            "section",
            "Sections of a strategy, sub-sections included, through the crosswalk, which is editorial.",
            path="sections.id",
            note=THROUGH_CROSSWALK,
            example="4.2",
        ),
        FISCAL_YEAR,
        BUDGET_KIND,
        column("package", "The budget package.", path="package.id", example="fy2025-supplementary-drug-discovery"),
        flag("joint", "Whether several ministries pay the line together."),
        at_least("amount_min", "amount.jpy", "Lines of at least so many yen; those without an amount are left out."),
        at_most("amount_max", "amount.jpy", "Lines of at most so many yen; those without an amount are left out."),
    ),
    own_sorts={"amount": "amount.jpy", "fiscal_year": "fiscal_year.year"},
    extra_indexes=("amount.approximate", "amount.uncertain", "amount.basis"),
)
