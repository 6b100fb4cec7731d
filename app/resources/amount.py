"""Amounts: integer yen, the same in 億円, and the text as printed. Nothing is rounded or split."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pydantic import Field

from app.schemas import Decimal, Int64, Reason, Schema, Sentence

OKU = 100_000_000


class AmountBasis(StrEnum):
    """What kind of money an amount is, where the document says it."""

    NATIONAL_EXPENDITURE = "national_expenditure"
    PROJECT_SCALE = "project_scale"


class Amount(Schema):
    """Money. Sums of amounts have the same shape, and no text: null where no document states what is summed, zero where
    the filters leave out all of it."""

    jpy: Int64 | None = Field(description="Whole yen; null where the document gives no amount.")
    oku_yen: Decimal | None = Field(description="The same in 億円 (100 million yen), as an exact decimal.")
    text: Sentence | None = Field(description="As printed; null for a sum.")
    approximate: bool = Field(description="Printed as 程度 or 約; a sum is when any of its lines is.")
    uncertain: bool = Field(description="The reading itself is in doubt: see the record's notes.")
    basis: AmountBasis | None = Field(description="What kind of money; null where it is not known.")
    basis_reason: Reason | None = Field(description="Why `basis` is null.")


UNSTATED = Amount(
    jpy=None,
    oku_yen=None,
    text=None,
    approximate=False,
    uncertain=False,
    basis=None,
    basis_reason=Reason.NOT_STATED,
)
NO_AMOUNT = UNSTATED.model_dump(mode="json")


def in_oku(jpy: int) -> str:
    """Yen in 億円, exactly: 4140000000 is `41.4`."""
    whole, rest = divmod(abs(jpy), OKU)
    fraction = f".{rest:08d}".rstrip("0") if rest else ""
    return f"{'-' if jpy < 0 else ''}{whole}{fraction}"


def summed(jpy: int | None, bases: Iterable[str | None], *, approximate: bool, uncertain: bool) -> dict[str, Any]:
    """A sum of amounts, or a difference of sums, in the shape of Amount; its basis is known when all that was summed
    has the same. `jpy` is None where no amount is stated."""
    if jpy is None:
        return NO_AMOUNT
    distinct = set(bases)
    basis = distinct.pop() if len(distinct) == 1 else None
    return {
        "jpy": jpy,
        "oku_yen": in_oku(jpy),
        "text": None,
        "approximate": approximate,
        "uncertain": uncertain,
        "basis": basis,
        "basis_reason": None if basis else Reason.AMBIGUOUS if distinct else Reason.NOT_STATED,
    }
