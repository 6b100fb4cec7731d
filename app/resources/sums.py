"""Sums of budget lines by their dimensions. Each line counts once in a sum; a joint line is whole in `joint`, never
split; a sum is approximate or uncertain if one of its lines is."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import orjson
from pyroaring import BitMap

from app.index import Index
from app.query.filters import Filter
from app.query.matching import values_of
from app.query.parser import Query
from app.query.vocabulary import NO_VALUE, NONE, Vocabularies
from app.resources.amount import AmountBasis, summed
from app.resources.budget_lines import BUDGET_LINES
from app.schemas import Note

DIMENSIONS = ("ministry", "pillar", "modality", "section", "fiscal_year", "package")
SUMS, RENDERED = "sums/", "groups/"  # prefixes of the serving values that hold the sums of all lines

GroupKey = tuple[str, ...]  # the value of each dimension; NONE for lines without one


class Part(NamedTuple):
    """The amount of some lines."""

    jpy: int
    approximate: bool
    uncertain: bool

    def plus(self, other: "Part") -> "Part":
        return Part(self.jpy + other.jpy, self.approximate or other.approximate, self.uncertain or other.uncertain)


class Sum(NamedTuple):
    """The sum of some lines: of those that one ministry pays alone, and of those that several pay together."""

    lines: int
    unstated: int  # lines that state no amount
    bases: Sequence[str | None]  # distinct
    sole: Part
    joint: Part

    @classmethod
    def load(cls, values: Sequence[Any]) -> "Sum":
        lines, unstated, bases, sole, joint = values
        return cls(lines, unstated, bases, Part(*sole), Part(*joint))

    @property
    def involved(self) -> Part:
        """All lines."""
        return self.sole.plus(self.joint)

    def amount(self, part: Part) -> dict[str, Any]:
        """A part in the schema of Amount."""
        return summed(part.jpy, self.bases, approximate=part.approximate, uncertain=part.uncertain)


NO_LINES = Sum(0, 0, (), Part(0, approximate=False, uncertain=False), Part(0, approximate=False, uncertain=False))


def merged(sums: Iterable[Sum]) -> Sum:
    """The sum of disjoint sets of lines."""
    total = NO_LINES
    for each in sums:
        total = Sum(
            total.lines + each.lines,
            total.unstated + each.unstated,
            tuple({*total.bases, *each.bases}),
            total.sole.plus(each.sole),
            total.joint.plus(each.joint),
        )
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
        joint = rows & self._joint
        total, of_joint = self._amounts.sum(rows), self._amounts.sum(joint)
        bases: list[str | None] = [basis for basis in AmountBasis if self._bases.of(basis).intersect(rows)]
        return Sum(
            lines=len(rows),
            unstated=len(rows) - rows.intersection_cardinality(self._amounts.present),
            bases=bases if rows.issubset(self._bases.present) else [*bases, None],
            sole=self._part(total - of_joint, rows - self._joint),
            joint=self._part(of_joint, joint),
        )

    def _part(self, jpy: int, rows: BitMap) -> Part:
        return Part(jpy, rows.intersect(self._approximate), rows.intersect(self._uncertain))

    def by(self, dimensions: Sequence[Filter], rows: BitMap, check: Callable[[], None]) -> dict[GroupKey, Sum]:
        """The sums of the groups that have lines. `check` is called before each, and may raise."""
        sums = {}
        for key, group in self._groups(dimensions, rows):
            check()
            sums[key] = self.sum(group)
        return sums

    def _groups(self, dimensions: Sequence[Filter], rows: BitMap) -> Iterator[tuple[GroupKey, BitMap]]:
        """The lines under each value of the first dimension, and under each of the others below it."""
        first, *others = dimensions
        values = values_of(self._index, self._vocabularies, BUDGET_LINES, first)
        groups = [((value,), rows & bitmap) for value, bitmap in values.rows.items()]
        for key, group in [*groups, ((NONE,), rows - values.present)]:
            if group and others:
                yield from (((*key, *more), lines) for more, lines in self._groups(others, group))
            elif group:
                yield key, group


def precomputed_sums(index: Index, vocabularies: Vocabularies) -> Iterator[tuple[str, bytes]]:
    """The sums of all lines by one and by two dimensions, as serving values, for the build to store: the sums of each
    group under SUMS, and the rendered groups under RENDERED."""
    rows, sums = index.rows(BUDGET_LINES.name), LineSums(index, vocabularies)
    total = sums.sum(rows)
    for count in (1, 2):
        for names in combinations(DIMENSIONS, count):
            dimensions = [BUDGET_LINES.filters[name] for name in names]
            groups = sums.by(dimensions, rows, lambda: None)
            yield SUMS + ",".join(names), orjson.dumps(list(groups.items()), default=tuple)
            rendered = [total, is_additive(groups, total)], render_groups(dimensions, groups, vocabularies)
            yield RENDERED + ",".join(names), b"\n".join(orjson.dumps(part, default=tuple) for part in rendered)


def is_additive(groups: Mapping[GroupKey, Sum], total: Sum) -> bool:
    """Whether the groups add up to the total, because no line is in several."""
    return sum(each.lines for each in groups.values()) == total.lines


def render_groups(
    dimensions: Sequence[Filter], sums: Mapping[GroupKey, Sum], vocabularies: Vocabularies
) -> list[dict[str, Any]]:
    """The groups as answers show them, in the order of the vocabularies, lines without a value last. By one dimension,
    values without lines are shown too."""
    labels = [
        {**{term.id: term.label for term in each.values(vocabularies).terms.values()}, NONE: NO_VALUE}
        for each in dimensions
    ]
    places = [{key: place for place, key in enumerate(each)} for each in labels]
    keys: set[GroupKey] = set(sums)
    if len(dimensions) == 1:
        keys.update((id_,) for id_ in labels[0] if id_ != NONE)
    groups = []
    for key in sorted(keys, key=lambda key: [place[part] for place, part in zip(places, key, strict=True)]):
        each = sums.get(key, NO_LINES)
        names = [label[part] for label, part in zip(labels, key, strict=True)]
        groups.append(
            {
                "key": ",".join(key),
                "label": {
                    "ja": " × ".join(name.ja for name in names),
                    "en": " × ".join(name.en for name in names),
                    "en_official": all(name.en_official for name in names),
                },
                "lines": each.lines,
                "sole": each.amount(each.sole),
                "joint": each.amount(each.joint),
                "involved": each.amount(each.involved),
            }
        )
    return groups


def precomputed_dimensions(query: Query, group_by: Sequence[str]) -> Sequence[str] | None:
    """The dimensions of the precomputed sums that answer a query, which has at most one filter, or None if its lines
    have to be summed. The sums under the values of a filter can be added if a line has only one of them."""
    names = [filter_.name for filter_, _ in query.filters()]
    wanted = [name for name in DIMENSIONS if name in (*group_by, *names)]
    if query.terms or len(names) > 1 or len(wanted) > 2 or not set(names) <= set(DIMENSIONS):
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
