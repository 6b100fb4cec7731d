"""Sums over budget lines: each line once, joint ones apart; approximate stays approximate, and nothing is split."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, case, cast, func

from app.facts.shapes import Note
from app.resources.amount import Amount, AmountBasis, summed
from app.resources.budget_lines import BUDGET_LINES

LINE = BUDGET_LINES.table

# What every sum selects: of lines that the statement meets once.
COUNTED: tuple[ColumnElement[Any], ...] = (
    func.count(LINE.c.key).label("lines"),
    func.count(case((LINE.c.amount.is_(None), LINE.c.key))).label("unstated"),
    func.coalesce(func.sum(LINE.c.amount), 0).label("jpy"),
    func.coalesce(func.sum(case((LINE.c.joint, LINE.c.amount), else_=0)), 0).label("joint_jpy"),
    *(
        func.coalesce(func.max(cast(case((LINE.c.joint.is_(joint), mark), else_=False), Integer)), 0).label(name)
        for name, mark, joint in (
            ("sole_approximate", LINE.c.approximate, False),
            ("sole_uncertain", LINE.c.uncertain, False),
            ("joint_approximate", LINE.c.approximate, True),
            ("joint_uncertain", LINE.c.uncertain, True),
        )
    ),
    func.min(func.coalesce(LINE.c.basis, "")).label("least_basis"),
    func.max(func.coalesce(LINE.c.basis, "")).label("most_basis"),
)


class Sum:
    """What one row of COUNTED says; None is the sum of no lines."""

    def __init__(self, row: Any | None) -> None:
        self.lines: int = row.lines if row else 0
        self.unstated: int = row.unstated if row else 0
        self._row = row

    @property
    def involved(self) -> Amount:
        return self._amount("jpy", "sole", "joint")

    @property
    def sole(self) -> Amount:
        return self._amount("sole", "sole")

    @property
    def joint(self) -> Amount:
        return self._amount("joint", "joint")

    def _amount(self, of: str, *parts: str) -> Amount:
        row = self._row
        if row is None:
            return summed(0, (), approximate=False, uncertain=False)
        jpy = {"jpy": row.jpy, "joint": row.joint_jpy, "sole": row.jpy - row.joint_jpy}[of]
        bases = {row.least_basis, row.most_basis} if row.lines else set()
        return summed(
            int(jpy),
            [AmountBasis(basis) if basis else None for basis in sorted(bases)],
            approximate=any(getattr(row, f"{part}_approximate") for part in parts),
            uncertain=any(getattr(row, f"{part}_uncertain") for part in parts),
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
