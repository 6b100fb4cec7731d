"""Amounts: integer yen, 億円 and the text as printed, kept apart and held to each other; never rounded, never split."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from app.facts.entry import Written
from app.facts.shapes import Int64, Reason, Sentence, Shape
from app.facts.text import DIGITS, stands

OKU = 100_000_000
UNITS = {"円": 1, "千円": 1_000, "万円": 10_000, "百万円": 1_000_000, "億円": OKU, "兆円": 1_000_000_000_000}
PRINTED = re.compile(r"(?P<number>[0-9][0-9,]*(?:\.[0-9]+)?)\s*(?P<unit>兆円|億円|百万円|万円|千円|円)?")
ABOUT = re.compile("程度|約|およそ|概ね")


class AmountBasis(StrEnum):
    """What kind of money an amount is, where the document says it."""

    NATIONAL_EXPENDITURE = "national_expenditure"
    PROJECT_SCALE = "project_scale"


class Amount(Shape):
    """Money. Sums of amounts have the same shape, and no text."""

    jpy: Int64 | None = Field(description="Whole yen; null where the document gives no amount.")
    oku_yen: Annotated[str, Field(max_length=30)] | None = Field(
        description="The same in 億円 (100 million yen), as an exact decimal."
    )
    text: Sentence | None = Field(description="As printed; null for a sum.")
    approximate: bool = Field(description="Printed as 程度 or 約; a sum is when any of its lines is.")
    uncertain: bool = Field(description="The reading itself is in doubt: see the record's notes.")
    basis: AmountBasis | None = Field(description="What kind of money; null where it is not known.")
    basis_reason: Reason | None = Field(description="Why `basis` is null.")

    def empty(self) -> bool:
        return self.jpy is None


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


UNSTATED = Amount(
    jpy=None,
    oku_yen=None,
    text=None,
    approximate=False,
    uncertain=False,
    basis=None,
    basis_reason=Reason.NOT_STATED,
)


def stands_in(text: str, quote: str) -> bool:
    """Whether an amount is printed so, and not as a part of a longer number."""
    return stands(text, quote, after=f"{DIGITS},.，．", before=DIGITS)


def in_oku(jpy: int) -> str:
    """Yen in 億円, exactly: 4140000000 is `41.4`."""
    whole, rest = divmod(abs(jpy), OKU)
    fraction = f".{rest:08d}".rstrip("0") if rest else ""
    return f"{'-' if jpy < 0 else ''}{whole}{fraction}"


def summed(jpy: int, bases: Iterable[AmountBasis | None], *, approximate: bool, uncertain: bool) -> dict[str, Any]:
    """A sum of amounts, or a difference of sums, in the shape of Amount; its basis is known when all that was summed
    has the same."""
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
