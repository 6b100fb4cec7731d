"""Sums over budget lines: each line once, joint ones apart; approximate stays approximate, and nothing is split."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from pyroaring import BitMap

from app.facts.shapes import Note
from app.reading.sets import Sets
from app.resources.amount import Amount, AmountBasis, summed
from app.resources.budget_lines import BUDGET_LINES


class Ledger:
    """What is known of every line's money, by which any set of lines is summed."""

    def __init__(self, sets: Sets) -> None:
        def of(column: str) -> BitMap:
            return sets.values(BUDGET_LINES, column).of(True)  # noqa: FBT003 - the value that rows hold

        self.amounts = sets.numbers(BUDGET_LINES, "amount")
        self.joint = of("joint")
        self.approximate = of("approximate")
        self.uncertain = of("uncertain")
        bases = sets.values(BUDGET_LINES, "basis")
        self.bases = {basis: bases.of(basis.value) for basis in AmountBasis}
        self.based = bases.some

    def sum(self, among: BitMap) -> "Sum":
        """The sum of these lines."""
        return Sum(self, among)


@dataclass(frozen=True)
class Sum:
    """A set of lines, summed: each part is worked out when it is asked for."""

    ledger: Ledger
    among: BitMap

    @property
    def lines(self) -> int:
        return len(self.among)

    @property
    def unstated(self) -> int:
        """Lines that state no amount."""
        return len(self.among) - self.among.intersection_cardinality(self.ledger.amounts.some)

    @cached_property
    def involved(self) -> Amount:
        return self._amount(self.among)

    @cached_property
    def joint(self) -> Amount:
        return self._amount(self.among & self.ledger.joint)

    @cached_property
    def sole(self) -> Amount:
        return self._amount(self.among - self.ledger.joint)

    @cached_property
    def _bases(self) -> list[AmountBasis | None]:
        ledger = self.ledger
        found: list[AmountBasis | None] = [basis for basis, rows in ledger.bases.items() if rows.intersect(self.among)]
        return found if self.among.issubset(ledger.based) else [*found, None]

    def _amount(self, part: BitMap) -> Amount:
        return summed(
            self.ledger.amounts.total(part),
            self._bases,
            approximate=part.intersect(self.ledger.approximate),
            uncertain=part.intersect(self.ledger.uncertain),
        )


def unstated(sums: Sequence[Sum]) -> list[Note]:
    """What a sum over lines without an amount has to say."""
    count = sum(each.unstated for each in sums)
    if not count:
        return []
    return [
        Note(
            code="lines-without-amount",
            ja=f"金額の記載がない予算行が{count}件あり、件数には数え、金額には含めていない。",
            en=f"{count} lines state no amount: they are counted as lines, and add nothing to the sums.",
        )
    ]
