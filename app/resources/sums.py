"""Sums of budget lines by their dimensions. Each line counts once in a sum; a joint line is whole in `joint`, never
split; a sum is approximate or uncertain if one of its lines is; it is null if none of its lines states an amount."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import orjson
from pyroaring import BitMap

from app.index import Index
from app.query.filters import Filter
from app.query.matching import Matcher, values_of
from app.query.parser import Query
from app.query.vocabulary import NO_VALUE, NONE, Vocabularies
from app.resources.amount import AmountBasis, summed
from app.resources.budget_lines import BUDGET_LINES
from app.schemas import Note

PAIRED = ("ministry", "pillar", "modality", "section", "fiscal_year", "package")
DIMENSIONS = (*PAIRED, "document", "budget_kind")
# All lines, each dimension, and the pairs that are asked for often: their number is what a build's time depends on.
PRECOMPUTED: frozenset[tuple[str, ...]] = frozenset([(), *combinations(DIMENSIONS, 1), *combinations(PAIRED, 2)])
SUMS, RENDERED = "sums/", "groups/"  # prefixes of the serving values that hold the sums of all lines

GroupKey = tuple[str, ...]  # the value of each dimension; NONE for lines without one


class Part(NamedTuple):
    """The amount of some lines."""

    lines: int
    stated: int  # lines that state an amount
    jpy: int
    approximate: bool
    uncertain: bool

    def plus(self, other: "Part") -> "Part":
        return Part(
            self.lines + other.lines,
            self.stated + other.stated,
            self.jpy + other.jpy,
            self.approximate or other.approximate,
            self.uncertain or other.uncertain,
        )


NOTHING = Part(0, 0, 0, approximate=False, uncertain=False)


class Sum(NamedTuple):
    """The sum of some lines: of those that one ministry pays alone, and of those that several pay together."""

    bases: Sequence[str | None]  # of the amounts, distinct
    sole: Part
    joint: Part
    printed: bool = True  # False if the documents have no line at all for what is asked: then nothing is known

    @classmethod
    def load(cls, values: Sequence[Any]) -> "Sum":
        bases, sole, joint, printed = values
        return cls(bases, Part(*sole), Part(*joint), printed)

    @property
    def involved(self) -> Part:
        """All lines."""
        return self.sole.plus(self.joint)

    @property
    def lines(self) -> int:
        return self.sole.lines + self.joint.lines

    @property
    def unstated(self) -> int:
        """Lines that state no amount."""
        return self.lines - self.sole.stated - self.joint.stated

    def jpy(self, part: Part) -> int | None:
        """The amount of a part; None where its lines state none, and where there has never been a line."""
        known = part.stated if part.lines else self.printed
        return part.jpy if known else None

    def amount(self, part: Part) -> dict[str, Any]:
        """A part in the schema of Amount."""
        return summed(self.jpy(part), self.bases, approximate=part.approximate, uncertain=part.uncertain)


NO_LINES = Sum((), NOTHING, NOTHING)
NOT_PRINTED = NO_LINES._replace(printed=False)


def merged(sums: Iterable[Sum]) -> Sum:
    """The sum of disjoint sets of lines."""
    total = NO_LINES
    for each in sums:
        total = Sum(tuple({*total.bases, *each.bases}), total.sole.plus(each.sole), total.joint.plus(each.joint))
    return total


class LineSums:
    """Sums any set of budget lines with the index."""

    def __init__(self, index: Index, vocabularies: Vocabularies) -> None:
        name = BUDGET_LINES.name
        self._index = index
        self._vocabularies = vocabularies
        self._amounts = index.column(name, "amount")
        self._joint = index.values(name, "joint").of("true")
        self._approximate = index.values(name, "amount.approximate").of("true")
        self._uncertain = index.values(name, "amount.uncertain").of("true")
        self._bases = index.values(name, "amount.basis")

    def sum(self, rows: BitMap) -> Sum:
        """The sum of these lines."""
        of_joint = rows & self._joint
        joint = self._part(of_joint, self._amounts.sum(of_joint))
        sole = self._part(rows - self._joint, self._amounts.sum(rows) - joint.jpy)
        bases: list[str | None] = [basis for basis in AmountBasis if self._bases.of(basis).intersect(rows)]
        if rows.intersection_cardinality(self._bases.present) < sole.stated + joint.stated:
            bases.append(None)
        return Sum(bases, sole, joint)

    def _part(self, rows: BitMap, jpy: int) -> Part:
        return Part(
            len(rows),
            rows.intersection_cardinality(self._amounts.present),
            jpy,
            rows.intersect(self._approximate),
            rows.intersect(self._uncertain),
        )

    def by(self, dimensions: Sequence[Filter], rows: BitMap, check: Callable[[], None]) -> dict[GroupKey, Sum]:
        """The sums of the groups that have lines. `check` is called before each, and may raise."""
        sums = {}
        for key, group in self._groups(dimensions, rows):
            check()
            sums[key] = self.sum(group)
        return sums

    def together(
        self, dimensions: Sequence[Filter], keys: Container[GroupKey], rows: BitMap, check: Callable[[], None]
    ) -> Sum:
        """The sum of several groups as one: a line that is in some of them counts once."""
        found = BitMap()
        for key, group in self._groups(dimensions, rows):
            check()
            if key in keys:
                found |= group
        return self.sum(found)

    def _groups(self, dimensions: Sequence[Filter], rows: BitMap) -> Iterator[tuple[GroupKey, BitMap]]:
        """The lines under each value of the first dimension, and under each of the others below it."""
        if not dimensions:
            yield (), rows
            return
        first, *others = dimensions
        values = values_of(self._index, self._vocabularies, BUDGET_LINES, first)
        groups = [(value, rows & bitmap) for value, bitmap in values.rows.items()]
        for key, group in [*groups, (NONE, rows - values.present)]:
            if group:
                yield from (((key, *more), lines) for more, lines in self._groups(others, group))


@dataclass(frozen=True)
class Group:
    """The lines under a value of each dimension. `places` are those of the values in their vocabularies; None for
    lines without one."""

    key: GroupKey
    label: Mapping[str, Any]
    sum: Sum
    places: tuple[int | None, ...] = ()

    def render(self) -> dict[str, Any]:
        """It in the schema of BudgetGroup."""
        return {
            "key": ",".join(self.key),
            "label": self.label,
            "lines": self.sum.lines,
            "sole": self.sum.amount(self.sum.sole),
            "joint": self.sum.amount(self.sum.joint),
            "involved": self.sum.amount(self.sum.involved),
        }


def groups_of(
    dimensions: Sequence[Filter],
    sums: Mapping[GroupKey, Sum],
    vocabularies: Vocabularies,
    printed: Container[str],
) -> list[Group]:
    """The groups of these sums. By one dimension, values without lines are groups too: `printed` are those that have
    lines in the documents."""
    terms = [each.values(vocabularies).terms for each in dimensions]
    labels = [{**{id_: term.label for id_, term in each.items()}, NONE: NO_VALUE} for each in terms]
    places = [{id_: place for place, id_ in enumerate(each)} for each in terms]
    keys = dict.fromkeys(sums)
    if len(dimensions) == 1:
        keys.update(dict.fromkeys((id_,) for id_ in terms[0]))
    groups = []
    for key in keys:
        names = [label[part] for label, part in zip(labels, key, strict=True)]
        label = {
            "ja": " × ".join(name.ja for name in names),
            "en": " × ".join(name.en for name in names),
            "en_official": all(name.en_official for name in names),
        }
        found = sums.get(key) or (NO_LINES if key[0] in printed else NOT_PRINTED)
        groups.append(Group(key, label, found, tuple(place.get(part) for place, part in zip(places, key, strict=True))))
    return groups


# By name, what each part of a group's key is ordered by, or the group; None is last in either direction.
SORTS: Mapping[str, Callable[[Group], Sequence[Any]]] = {
    "involved": lambda group: (group.sum.jpy(group.sum.involved),),
    "lines": lambda group: (group.sum.lines,),
    "key": lambda group: [None if part == NONE else part for part in group.key],
}


def in_order(groups: Iterable[Group], sort: str = "", *, descending: bool = False) -> list[Group]:
    """Groups by one of SORTS, or in the order of the vocabularies; equal ones in that order too."""
    ordered = _arranged(groups, lambda group: group.places, descending=descending and not sort)
    return _arranged(ordered, SORTS[sort], descending=descending) if sort else ordered


def _arranged(groups: Iterable[Group], by: Callable[[Group], Sequence[Any]], *, descending: bool) -> list[Group]:
    """Groups ordered by several values, the first counting most, None last; equal ones as they were."""
    found = [(by(group), group) for group in groups]
    for place in reversed(range(len(found[0][0]) if found else 0)):
        present = [each for each in found if each[0][place] is not None]
        present.sort(key=lambda each: each[0][place], reverse=descending)
        found = [*present, *(each for each in found if each[0][place] is None)]
    return [group for _, group in found]


def precomputed_sums(index: Index, vocabularies: Vocabularies) -> Iterator[tuple[str, bytes]]:
    """The sums of all lines by the dimensions of PRECOMPUTED, as serving values, for the build to store: the sums of
    each group under SUMS, and the rendered groups under RENDERED."""
    rows, sums = index.rows(BUDGET_LINES.name), LineSums(index, vocabularies)
    total = sums.sum(rows)._replace(printed=bool(rows))
    for names in sorted(PRECOMPUTED):
        dimensions = [BUDGET_LINES.filters[name] for name in names]
        groups = sums.by(dimensions, rows, lambda: None)
        yield SUMS + ",".join(names), orjson.dumps(list(groups.items()), default=tuple)
        if names:
            shown = in_order(groups_of(dimensions, groups, vocabularies, printed=()))
            facts = [total, is_additive(shown, total), is_complete(shown)]
            rendered = facts, [group.render() for group in shown]
            yield RENDERED + ",".join(names), b"\n".join(orjson.dumps(part, default=tuple) for part in rendered)


def is_additive(groups: Iterable[Group], total: Sum) -> bool:
    """Whether the groups add up to the total, because no line is in several."""
    return sum(each.sum.lines for each in groups) == total.lines


def is_complete(groups: Iterable[Group]) -> bool:
    """Whether the amount of every group is known."""
    return all(each.sum.jpy(each.sum.involved) is not None for each in groups)


def is_printed(query: Query, matcher: Matcher) -> bool:
    """Whether the documents have budget lines for what a query asks about: for a value of each dimension that it
    filters by. If so, and no line matches, that is a zero; if not, the amount is unknown."""
    return bool(matcher.index.rows(BUDGET_LINES.name)) and all(
        NONE in ids or matcher.rows_of(BUDGET_LINES, filter_, ids)
        for filter_, ids in query.filters()
        if filter_.name in DIMENSIONS
    )


def precomputed_dimensions(query: Query, group_by: Sequence[str]) -> Sequence[str] | None:
    """The dimensions of the precomputed sums that answer a query, which has at most one filter, or None if its lines
    have to be summed. The sums under the values of a filter can be added if a line has only one of them."""
    names = [filter_.name for filter_, _ in query.filters()]
    wanted = tuple(name for name in DIMENSIONS if name in (*group_by, *names))
    if query.terms or len(names) > 1 or wanted not in PRECOMPUTED or not set(names) <= set(DIMENSIONS):
        return None
    return None if any(BUDGET_LINES.filters[name].several for name in names) else wanted


def regroup(
    precomputed: Mapping[GroupKey, Sum], dimensions: Sequence[str], group_by: Sequence[str], query: Query
) -> dict[GroupKey, Sum]:
    """The groups of a query from precomputed sums by `dimensions`."""
    allowed = {dimensions.index(filter_.name): set(ids) for filter_, ids in query.filters()}
    places = [dimensions.index(name) for name in group_by]
    groups: dict[GroupKey, list[Sum]] = {}
    for key, each in precomputed.items():
        if all(key[place] in ids for place, ids in allowed.items()):
            groups.setdefault(tuple(key[place] for place in places), []).append(each)
    return {key: merged(sums) for key, sums in groups.items()}


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
