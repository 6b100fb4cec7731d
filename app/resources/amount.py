"""Amounts: integer yen, the same in 億円, the text as printed, and what kind of money it is. Nothing is rounded or
split, and amounts of different kinds are never added."""

from collections.abc import Collection
from typing import Any

from pydantic import Field

from app.schemas import DecimalText, Int64, Labelled, Note, Reason, Schema, Sentence

OKU = 100_000_000


class AmountBasis(Labelled):
    """What kind of money an amount is, where the document says it."""

    NATIONAL_EXPENDITURE = "national_expenditure", "国費", "national expenditure"
    PROJECT_SCALE = "project_scale", "事業規模", "total project scale"


class BudgetPhase(Labelled):
    """The step of a budget's life at which an amount stands."""

    REQUEST = "request", "要求", "request"
    SPECIAL_REQUEST = "special_request", "要望", "special request"
    INITIAL = "initial", "当初予算", "initial budget"
    PROVISIONAL = "provisional", "暫定予算", "provisional budget"
    SUPPLEMENTARY = "supplementary", "補正予算", "supplementary budget"
    SUPPLEMENTARY_1 = "supplementary_1", "第1次補正予算", "supplementary budget no. 1"
    SUPPLEMENTARY_2 = "supplementary_2", "第2次補正予算", "supplementary budget no. 2"
    SUPPLEMENTARY_3 = "supplementary_3", "第3次補正予算", "supplementary budget no. 3"
    SUPPLEMENTARY_4 = "supplementary_4", "第4次補正予算", "supplementary budget no. 4"
    SUPPLEMENTARY_5 = "supplementary_5", "第5次補正予算", "supplementary budget no. 5"
    REVISED = "revised", "補正後予算", "budget as revised"
    CARRIED_OVER = "carried_over", "前年度からの繰越し", "carried over from the year before"
    RESERVE = "reserve", "予備費等", "reserves and the like"
    CURRENT = "current", "歳出予算現額", "current budget"
    EXECUTED = "executed", "執行額", "executed"
    CARRIED_FORWARD = "carried_forward", "翌年度への繰越し", "carried forward to the next year"
    SETTLED = "settled", "決算", "settled"


SUPPLEMENTARY_PHASES = tuple(phase for phase in BudgetPhase if phase.startswith(f"{BudgetPhase.SUPPLEMENTARY}_"))
"""Those of a supplementary budget whose number is stated."""


class Amount(Schema):
    """Money. Sums of amounts have the same shape, and no text: null where no document states what is summed, or where
    it is of several kinds, which are not added; zero where the filters leave out all of it."""

    jpy: Int64 | None = Field(description="Whole yen, negative where a budget is cut; null where there is no amount.")
    oku_yen: DecimalText | None = Field(description="The same in 億円 (100 million yen), as an exact decimal.")
    text: Sentence | None = Field(description="As printed; null for a sum.")
    approximate: bool = Field(description="Printed as 程度 or 約; a sum is when any of its lines is.")
    uncertain: bool = Field(description="The reading itself is in doubt: see the record's notes.")
    basis: AmountBasis | None = Field(description="What kind of money; null where it is not known.")
    basis_reason: Reason | None = Field(description="Why `basis` is null: `ambiguous` if it is of several kinds.")
    phase: BudgetPhase | None = Field(description="At which step of the budget; null where there is no amount.")


SEVERAL_KINDS = Note(
    code="several-kinds",
    ja="基準(国費、事業規模など)や段階(当初、補正など)が異なる金額は加えない。"
    "種類ごとの合計は /v1/budget-summary にある。",
    en="Amounts of different bases (such as national expenditure) or phases (such as initial and supplementary) are "
    "not added: `/v1/budget-summary` has a total for each kind.",
)


def in_oku(jpy: int) -> str:
    """Yen in 億円, exactly: 4140000000 is `41.4`."""
    whole, rest = divmod(abs(jpy), OKU)
    fraction = f".{rest:08d}".rstrip("0") if rest else ""
    return f"{'-' if jpy < 0 else ''}{whole}{fraction}"


Kind = tuple[str | None, str | None]  # basis and phase: what amounts have in common that may be added


def summed(jpy: int | None, kinds: Collection[Kind], *, approximate: bool, uncertain: bool) -> dict[str, Any]:
    """A sum of amounts, or a difference of sums, in the shape of Amount. `kinds` are those of what was summed; the
    basis and the phase are known where all have the same. `jpy` is None where no amount is stated, and where the
    amounts may not be added."""
    bases, phases = {basis for basis, _ in kinds}, {phase for _, phase in kinds}
    basis = bases.copy().pop() if len(bases) == 1 else None
    return {
        "jpy": jpy,
        "oku_yen": None if jpy is None else in_oku(jpy),
        "text": None,
        "approximate": approximate,
        "uncertain": uncertain,
        "basis": basis,
        "basis_reason": None if basis else Reason.AMBIGUOUS if len(bases) > 1 or len(phases) > 1 else Reason.NOT_STATED,
        "phase": phases.pop() if len(phases) == 1 else None,
    }


NO_AMOUNT = summed(None, (), approximate=False, uncertain=False)
"""What is printed nowhere."""
