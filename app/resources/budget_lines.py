"""Budget lines: one amount each, with the ministries that pay it. A joint line is never split."""

from typing import Annotated

from pydantic import Field

from app.query.filters import at_least, at_most, choice, column, flag, linked
from app.query.resource import Resource
from app.resources.amount import SUPPLEMENTARY_PHASES, Amount, AmountBasis, BudgetPhase
from app.resources.dates import FiscalYear
from app.resources.packages import BUDGET_KIND, FISCAL_YEAR, BudgetKind
from app.resources.pillars import PillarRef
from app.resources.sections import SectionRef
from app.schemas import Basis, Derived, Id, Name, Note, Record, Ref, References, Schema, Sentence, Text

THROUGH_CROSSWALK = Note(
    code="section-through-crosswalk",
    ja="予算事業と戦略の節との対応は、対応付け(crosswalk)を経たもので、出典が示すもののほかは編集部による。",
    en="Budget lines stand under sections through the crosswalk, whose links are ours unless a source states them.",
)

# Names under which values are indexed that a record does not show.
KIND = "kind"  # the phase and the basis of the amount, joined by a comma: amounts of one kind may be added
UNSTATED = "unstated"  # its value for a line without an amount
DOCUMENT = "stated_by"  # the document that states the line
STRATEGY = "strategy_link"  # the ground and the strategy of each plan that the measure serves as a whole
ACROSS = "across"  # numbers of the lines of other kinds that state the same money or include it
AMOUNT_QUALITY = "amount_quality"  # `approximate` and `uncertain`, where its amount is
AMOUNT_NOTE = "amount_note"  # codes of the line's notes that qualify its amount
MISSING = "missing"  # the empty fields of the line, with the reasons: `field,reason`
MINISTRY_BUDGET = "ministry_budget"  # year, budget and ministry of a line that is related to no other


class Expenditure(Schema):
    """The national expenditure of a line, from elsewhere."""

    amount: Amount
    url: Sentence = Field(description="The public source.")


class LineRelation(Schema):
    """Another line about the same money."""

    id: Id
    document: Annotated[Id, References("documents")] = Field(description="The document that states it.")
    amount: Amount
    basis: Basis
    note: Text = Field(description="Why the two are related.")


SAME_MONEY = (
    "Lines that state the same money. Within one basis and phase, a sum counts one of them: the more precise, then the "
    "one of the earlier document."
)


class BudgetLine(Record):
    """One amount."""

    name: Name = Field(description="The measure's.")
    measure: Annotated[Ref, References("measures")]
    package: Annotated[Ref, References("packages")]
    pillar: Annotated[PillarRef | None, References("pillars")]
    fiscal_year: FiscalYear
    budget_kind: Annotated[BudgetKind | None, Derived()] = Field(
        description="By the amount's phase; null where that is no budget, such as an executed amount."
    )
    ministries: Annotated[list[Ref], References("organizations", searched="organization")] = Field(
        description="Who pays, together where there are several."
    )
    joint: Annotated[bool, Derived()] = Field(description="Whether several ministries pay it together.")
    amount: Amount
    national_expenditure: Expenditure | None = Field(description="From elsewhere; not what `amount` says.")
    same_as: Annotated[list[LineRelation], Derived(), References("budget-lines")] = Field(description=SAME_MONEY)
    part_of: Annotated[list[LineRelation], Derived(), References("budget-lines")] = Field(
        description="Lines that include this money, with other money. A sum does not add a part to its whole."
    )
    parts: Annotated[list[LineRelation], Derived(), References("budget-lines")] = Field(
        description="Lines whose money this one includes."
    )
    modalities: Annotated[list[Ref], References("modalities", searched="modality")] = Field(
        description="The measure's."
    )
    sections: Annotated[list[SectionRef], Derived(), References("sections", searched="section")] = Field(
        description="Through the crosswalk, whose links say whether a source states them."
    )


PHASE = choice(
    "phase",
    BudgetPhase,
    "The step of the budget at which the amount stands.",
    path="amount.phase",
    optional=True,
    broader=dict.fromkeys(SUPPLEMENTARY_PHASES, BudgetPhase.SUPPLEMENTARY),
)
OF_THE_AMOUNT = Note(
    code="basis-of-the-amount",
    ja="basis は、金額そのものの基準をいう。基準の記載がない行の国費は、公表資料があれば national_expenditure にある。",
    en="`basis` is that of the amount as printed. A line that is printed without one may have its national "
    "expenditure, from a public source, in `national_expenditure`.",
)
BASIS = choice(
    "basis",
    AmountBasis,
    "What kind of money the amount is; `none` for an amount that is printed without one.",
    path="amount.basis",
    optional=True,
    note=OF_THE_AMOUNT,
)

BUDGET_LINES = Resource(
    name="budget-lines",
    singular="budget_line",
    meaning="Amounts, one line each, with the ministries that pay it: a line paid by several is one line.",
    meaning_ja="金額を一行ずつ、支出する府省庁とともに示す。複数の府省庁によるものも一行である。",
    record=BudgetLine,
    own_filters=(
        linked("ministry", "Ministries that pay, alone or together.", path="ministries.id", example="mhlw"),
        column(
            "pillar", "Pillar; a number means that pillar of any package.", path="pillar.id", optional=True, example="③"
        ),
        linked("modality", "Kinds of medicine, narrower ones included.", path="modalities.id", example="biosimilar"),
        linked(
            "section",
            "Sections of a strategy, sub-sections included, through the crosswalk.",
            path="sections.id",
            note=THROUGH_CROSSWALK,
            example="4.2",
        ),
        FISCAL_YEAR,
        PHASE,
        BASIS,
        BUDGET_KIND,
        column("package", "The budget package.", path="package.id", example="fy2025-supplementary-drug-discovery"),
        flag("joint", "Whether several ministries pay the line together."),
        at_least("amount_min", "amount.jpy", "Lines of at least so many yen; those without an amount are left out."),
        at_most("amount_max", "amount.jpy", "Lines of at most so many yen; those without an amount are left out."),
    ),
    own_sorts={"amount": "amount.jpy", "fiscal_year": "fiscal_year.year"},
)
