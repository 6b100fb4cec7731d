"""Sums over budget lines: each line once, joint ones apart; approximate stays approximate, and nothing is split."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pyroaring import BitMap

from app.facts.shapes import Note
from app.reading.sets import Sets
from app.resources.amount import AmountBasis, summed
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
        together = among & self.joint
        total, joint = self.amounts.total(among), self.amounts.total(together)
        bases: list[AmountBasis | None] = [basis for basis, rows in self.bases.items() if rows.intersect(among)]
        return Sum(
            lines=len(among),
            unstated=len(among) - among.intersection_cardinality(self.amounts.some),
            bases=bases if among.issubset(self.based) else [*bases, None],
            sole=self._part(total - joint, among - self.joint),
            joint=self._part(joint, together),
        )

    def _part(self, jpy: int, part: BitMap) -> "Part":
        return Part(jpy, part.intersect(self.approximate), part.intersect(self.uncertain))


class Part(NamedTuple):
    """What some lines come to."""

    jpy: int
    approximate: bool
    uncertain: bool


class Sum(NamedTuple):
    """What lines come to: those that one ministry pays alone, and those that several pay together."""

    lines: int
    unstated: int  # lines that state no amount
    bases: list[AmountBasis | None]
    sole: Part
    joint: Part

    @classmethod
    def unpacked(cls, packed: list[Any]) -> "Sum":
        """A sum that was kept as JSON."""
        lines, unstated_, bases, sole, joint = packed
        return cls(lines, unstated_, [each and AmountBasis(each) for each in bases], Part(*sole), Part(*joint))

    @property
    def involved(self) -> Part:
        """All of them."""
        sole, joint = self.sole, self.joint
        return Part(sole.jpy + joint.jpy, sole.approximate or joint.approximate, sole.uncertain or joint.uncertain)

    def amount(self, part: Part) -> dict[str, Any]:
        """A part as answers show it, in the shape of Amount."""
        return summed(part.jpy, self.bases, approximate=part.approximate, uncertain=part.uncertain)


NOTHING = Sum(0, 0, [], Part(0, False, False), Part(0, False, False))  # noqa: FBT003 - a sum of no lines


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
