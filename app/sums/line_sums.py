"""Sums of budget lines by their dimensions. Each line counts once in a sum, and so does money that several lines state;
amounts of different bases or phases are not added; a joint line is whole in `joint`, never split; a sum is approximate
or uncertain if one of its lines is; it is null if none of its lines states an amount."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import orjson
from pydantic import Field
from pyroaring import BitMap

from app.db.base import Session
from app.index import Index
from app.query.dataset import read_value
from app.query.filters import Filter
from app.query.searcher import Searcher, values_of
from app.query.vocabulary import NONE, Vocabularies
from app.resources.amount import NO_AMOUNT, SEVERAL_KINDS, Amount, AmountBasis, BudgetPhase, Kind, in_oku, summed
from app.resources.budget_lines import AMOUNT_NOTE, AMOUNT_QUALITY, BUDGET_LINES, KIND, UNSTATED
from app.schemas import Int32, Note, Schema
from app.sums.overlaps import left_out

AMOUNT_NOTES = "amount-notes"  # name of the serving value that holds the notes which qualify amounts

GroupKey = tuple[str, ...]  # the value of each dimension; NONE for lines without one


class KindTotal(Schema):
    """The lines of one kind: those whose amounts have the same basis and phase, and may be added."""

    basis: AmountBasis | None = Field(description="Null for amounts that are printed without one.")
    phase: BudgetPhase | None = Field(description="Null for lines that state no amount.")
    lines: Int32
    sole: Amount
    joint: Amount
    involved: Amount
    increases: Amount | None = Field(description="Of the lines above zero; null where no line is below it.")
    decreases: Amount | None = Field(description="Of the lines below zero: `involved` is both together.")


Totals = Annotated[list[KindTotal], Field(description="The sum of each basis and phase, which are not added.")]
DistinctLines = Annotated[Int32, Field(description="The distinct lines.")]


def kind_of(value: str) -> Kind:
    """The basis and the phase of a value of KIND."""
    phase, _, basis = value.partition(",")
    return basis or None, phase


PHASES = (*BudgetPhase, UNSTATED)
BASES = (None, *AmountBasis)


def _kind_order(kind: str) -> tuple[int, int]:
    """The order of kinds: by phase, then by basis; lines without an amount are last."""
    basis, phase = kind_of(kind)
    return PHASES.index(phase), BASES.index(basis)


class Part(NamedTuple):
    """The amount of some lines of one kind. `cuts` is the sum of those below zero, which `jpy` includes."""

    lines: int = 0
    jpy: int = 0
    cuts: int = 0
    approximate: bool = False
    uncertain: bool = False

    def plus(self, other: "Part") -> "Part":
        """The amount of the lines of both."""
        return Part(
            self.lines + other.lines,
            self.jpy + other.jpy,
            self.cuts + other.cuts,
            self.approximate or other.approximate,
            self.uncertain or other.uncertain,
        )

    def amount(self, kind: str) -> dict[str, Any]:
        """It in the schema of Amount."""
        if kind == UNSTATED:
            return NO_AMOUNT if self.lines else ZERO
        return summed(self.jpy, [kind_of(kind)], approximate=self.approximate, uncertain=self.uncertain)


class KindSum(NamedTuple):
    """The lines of one kind: those that one ministry pays alone, those that several pay together, and both."""

    sole: Part
    joint: Part
    involved: Part

    @classmethod
    def of(cls, sole: Part, joint: Part) -> "KindSum":
        return cls(sole, joint, sole.plus(joint))

    def total(self, kind: str) -> dict[str, Any]:
        """It in the schema of KindTotal."""
        basis, phase = (None, None) if kind == UNSTATED else kind_of(kind)
        jpy, cuts = self.involved.jpy, self.involved.cuts
        involved = self.involved.amount(kind)
        return {
            "basis": basis,
            "phase": phase,
            "lines": self.involved.lines,
            "sole": self.sole.amount(kind),
            "joint": self.joint.amount(kind),
            "involved": involved,
            "increases": {**involved, "jpy": jpy - cuts, "oku_yen": in_oku(jpy - cuts)} if cuts else None,
            "decreases": {**involved, "jpy": cuts, "oku_yen": in_oku(cuts)} if cuts else None,
        }


PARTS = KindSum._fields
ZERO = summed(0, (), approximate=False, uncertain=False)


class Sum(NamedTuple):
    """The sum of some lines, by kind: amounts of different kinds are not added."""

    kinds: Mapping[str, KindSum]  # in their order; UNSTATED for lines without an amount
    known: bool = True  # False if the documents have no line at all for the question: it is then null, not zero

    @classmethod
    def load(cls, values: Sequence[Any]) -> "Sum":
        kinds, known = values
        return cls({kind: KindSum(*(Part(*part) for part in parts)) for kind, parts in kinds.items()}, known)

    @property
    def lines(self) -> int:
        return sum(each.involved.lines for each in self.kinds.values())

    @property
    def unstated(self) -> int:
        """Lines that state no amount."""
        return self.kinds[UNSTATED].involved.lines if UNSTATED in self.kinds else 0

    @property
    def stated(self) -> Mapping[str, KindSum]:
        """The kinds of the lines that state an amount."""
        return {kind: each for kind, each in self.kinds.items() if kind != UNSTATED}

    def jpy(self, name: str) -> int | None:
        """The amount of one of PARTS; None where it is of several kinds, where its lines state none, and where there
        has never been a line."""
        jpy: int | None = self.amount(name)["jpy"]
        return jpy

    def amount(self, name: str) -> dict[str, Any]:
        """One of PARTS in the schema of Amount."""
        if not self.kinds:
            return ZERO if self.known else NO_AMOUNT
        if len(self.kinds) == 1:
            ((kind, only),) = self.kinds.items()
            part: Part = getattr(only, name)
            return part.amount(kind)
        found = {kind: part for kind, each in self.kinds.items() if (part := getattr(each, name)).lines}
        parts = {kind: part for kind, part in found.items() if kind != UNSTATED}
        jpys = [part.jpy for part in parts.values()] if found else [0]
        return summed(
            jpys[0] if len(jpys) == 1 else None,
            [kind_of(kind) for kind in parts or self.stated],
            approximate=any(part.approximate for part in parts.values()),
            uncertain=any(part.uncertain for part in parts.values()),
        )

    def comparable(self, amount: Amount) -> "Sum":
        """The lines of an amount's phase: those of its basis, if there are any, or all of them."""
        of_phase = {kind: each for kind, each in self.kinds.items() if kind_of(kind)[1] in (amount.phase, UNSTATED)}
        exact = {kind: each for kind, each in of_phase.items() if kind_of(kind)[0] == amount.basis}
        return self._replace(kinds=exact or of_phase)

    def totals(self) -> list[dict[str, Any]]:
        """The sum of each kind in the schema of KindTotal."""
        return [each.total(kind) for kind, each in self.kinds.items()]


NO_LINES = Sum({})
UNKNOWN = NO_LINES._replace(known=False)


class LineSums:
    """Sums any set of budget lines with the index. `check` is called before each group, and may raise."""

    def __init__(self, index: Index, vocabularies: Vocabularies, check: Callable[[], None] = lambda: None) -> None:
        name = BUDGET_LINES.name
        self._index = index
        self._vocabularies = vocabularies
        self._check = check
        self._amounts = index.column(name, "amount")
        self._joint = index.values(name, "joint").of("true")
        quality = index.values(name, AMOUNT_QUALITY)
        self._approximate, self._uncertain = quality.of("approximate"), quality.of("uncertain")
        self._kinds = index.derived("sums", self._by_kind)

    def _by_kind(self) -> list[tuple[str, BitMap, BitMap]]:
        """Each kind, in order, with its lines that one ministry pays alone, and those that several pay together."""
        kinds, joint = self._index.values(BUDGET_LINES.name, KIND).rows, self._joint
        return [(kind, kinds[kind] - joint, kinds[kind] & joint) for kind in sorted(kinds, key=_kind_order)]

    def sum(self, rows: BitMap) -> Sum:
        """The sum of these lines, of which those that state the same money count once."""
        counted = rows - left_out(rows, self._index)
        found = {kind: (counted & sole, counted & joint) for kind, sole, joint in self._kinds}
        return Sum(
            {
                kind: KindSum.of(self._part(sole), self._part(joint))
                for kind, (sole, joint) in found.items()
                if sole or joint
            }
        )

    def _part(self, rows: BitMap) -> Part:
        if not rows:
            return Part()
        return Part(
            len(rows),
            self._amounts.sum(rows),
            self._amounts.sum(rows & self._amounts.negative),
            rows.intersect(self._approximate),
            rows.intersect(self._uncertain),
        )

    def by(self, dimensions: Sequence[Filter], rows: BitMap) -> dict[GroupKey, Sum]:
        """The sums of the groups that have lines."""
        return {key: self.sum(group) for key, group in self._groups(dimensions, rows)}

    def together(self, dimensions: Sequence[Filter], keys: Container[GroupKey], rows: BitMap) -> Sum:
        """The sum of several groups as one: a line that is in some of them counts once."""
        return self.sum(BitMap().union(*(group for key, group in self._groups(dimensions, rows) if key in keys)))

    def _groups(self, dimensions: Sequence[Filter], rows: BitMap) -> Iterator[tuple[GroupKey, BitMap]]:
        """The lines under each value of the first dimension, and under each of the others below it."""
        if not dimensions:
            self._check()
            yield (), rows
            return
        first, *others = dimensions
        values = values_of(self._index, self._vocabularies, BUDGET_LINES, first)
        groups = [(value, rows & bitmap) for value, bitmap in values.rows.items()]
        for key, group in [*groups, (NONE, rows - values.present)]:
            if group:
                yield from (((key, *more), lines) for more, lines in self._groups(others, group))


def kinds_note(total: Sum) -> list[Note]:
    """The note of a sum over lines of several kinds."""
    return [SEVERAL_KINDS] if len(total.stated) > 1 else []


CARRIED = (BudgetPhase.CURRENT, BudgetPhase.CARRIED_OVER, BudgetPhase.CARRIED_FORWARD)
CARRIED_EACH_YEAR = Note(
    code="carried-over-each-year",
    ja="歳出予算現額と繰越しは、前の年度からの同じ金額を各年度に含む。複数の年度の合計は同じ金額を重ねて数える。"
    "fiscal_year で一つの年度に絞る。",
    en="Current budgets and amounts carried over hold money of the years before: their sum over several years counts "
    "it in each. Filter by one `fiscal_year`.",
)


def rows_of_kinds(kinds: Container[Kind], rows: BitMap, searcher: Searcher) -> BitMap:
    """Those of the rows whose amounts are of one of these kinds."""
    of_kinds = searcher.index.values(BUDGET_LINES.name, KIND).rows
    return BitMap().union(*(rows & of_kind for value, of_kind in of_kinds.items() if kind_of(value) in kinds))


def years_of(kind: Kind, rows: BitMap, searcher: Searcher) -> list[int]:
    """The fiscal years of those rows that state an amount of a kind."""
    stated = rows_of_kinds([kind], rows, searcher)
    years = searcher.index.values(BUDGET_LINES.name, "fiscal_year").rows
    return sorted(int(year) for year, of_year in years.items() if of_year.intersect(stated))


def years_note(total: Sum, rows: BitMap, searcher: Searcher) -> list[Note]:
    """The notes of a sum that adds several years: which, and whether they hold what is carried over between them."""
    years = {kind: years_of(kind, rows, searcher) for kind in map(kind_of, total.stated)}
    added = {kind: of_kind for kind, of_kind in years.items() if len(of_kind) > 1}
    if not added:
        return []
    first, last = min(map(min, added.values())), max(map(max, added.values()))
    several = Note(
        code="several-years",
        ja=f"{first}年度から{last}年度までの金額を加えている。fiscal_year で一つの年度に絞る。",
        en=f"Amounts of fiscal years {first} to {last} are added. Filter by one `fiscal_year`.",
    )
    return [several, CARRIED_EACH_YEAR] if any(phase in CARRIED for _, phase in added) else [several]


def unstated_note(total: Sum) -> list[Note]:
    """The note of a sum over lines that state no amount."""
    count = total.unstated
    if not count:
        return []
    return [
        Note(
            code="lines-without-amount",
            ja=f"金額の記載がない予算行が{count}件あり、件数には数え、金額には含めていない。",
            en=f"{count} lines state no amount: they are counted as lines, and add nothing to the sums.",
        )
    ]


def amount_notes(rows: BitMap, searcher: Searcher) -> list[Note]:
    """The notes of those rows that a sum of the rows counts, where they qualify its amount."""
    lines = searcher.index.values(BUDGET_LINES.name, AMOUNT_NOTE)
    if not rows.intersect(lines.present):
        return []
    counted = rows - left_out(rows, searcher.index)
    notes = searcher.index.derived(AMOUNT_NOTES, lambda: _read_amount_notes(searcher.session))
    return [note for note in notes if counted.intersect(lines.of(note.code))]


def _read_amount_notes(session: Session) -> list[Note]:
    return [Note(**note) for note in orjson.loads(read_value(session, AMOUNT_NOTES))]
