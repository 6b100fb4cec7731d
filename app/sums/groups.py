"""Groups of budget lines: their sums by one or two dimensions, in an order; those of all lines are rendered by the
build."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import orjson
from pyroaring import BitMap

from app.index import Index
from app.query.filters import Filter
from app.query.parser import Query
from app.query.searcher import Searcher
from app.query.vocabulary import NONE, Vocabularies
from app.resources.budget_lines import BUDGET_LINES
from app.sums.line_sums import NO_LINES, PARTS, UNKNOWN, GroupKey, LineSums, Sum

PAIRED = ("ministry", "pillar", "modality", "section", "fiscal_year", "package")
DIMENSIONS = (*PAIRED, "document", "budget_kind", "phase", "basis")
# Of some values of these the documents state amounts, and of others none: see `reported_rows`.
REPORTED_DIMENSIONS = frozenset(("fiscal_year", "budget_kind", "phase", "basis"))
# Each dimension, and the pairs that are asked for often: their number is what a build's time depends on.
RENDERED: frozenset[tuple[str, ...]] = frozenset([*combinations(DIMENSIONS, 1), *combinations(PAIRED, 2)])
GROUPS = "groups/"  # prefix of the serving values that hold the groups of all lines


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
            **{name: self.sum.amount(name) for name in PARTS},
            "totals": self.sum.totals(),
        }


def groups_of(
    dimensions: Sequence[Filter],
    sums: Mapping[GroupKey, Sum],
    vocabularies: Vocabularies,
    known: Container[str],
) -> list[Group]:
    """The groups of these sums. By one dimension, values without lines are groups too: `known` are those whose sum is
    then zero."""
    values = [each.values(vocabularies) for each in dimensions]
    keys = dict.fromkeys(sums)
    if len(values) == 1:
        keys.update(dict.fromkeys((id_,) for id_ in values[0].concepts))
    groups = []
    for key in keys:
        names = [vocabulary.label(part) for vocabulary, part in zip(values, key, strict=True)]
        label = {
            "ja": " × ".join(name.ja for name in names),
            "en": " × ".join(name.en for name in names),
            "en_official": all(name.en_official for name in names),
        }
        found = sums.get(key) or (NO_LINES if key[0] in known else UNKNOWN)
        places = tuple(vocabulary.places.get(part) for vocabulary, part in zip(values, key, strict=True))
        groups.append(Group(key, label, found, places))
    return groups


# By name, what each part of a group's key is ordered by, or the group; None is last in either direction.
SORTS: Mapping[str, Callable[[Group], Sequence[Any]]] = {
    "involved": lambda group: (group.sum.jpy("involved"),),
    "lines": lambda group: (group.sum.lines,),
    "key": lambda group: [None if part == NONE else part for part in group.key],
}


def sort_groups(groups: Iterable[Group], sort: str = "", *, descending: bool = False) -> list[Group]:
    """Groups by one of SORTS, or in the order of the vocabularies; equal ones in that order too."""
    ordered = _sorted(groups, lambda group: group.places, descending=descending and not sort)
    return _sorted(ordered, SORTS[sort], descending=descending) if sort else ordered


def _sorted(groups: Iterable[Group], by: Callable[[Group], Sequence[Any]], *, descending: bool) -> list[Group]:
    """Groups ordered by several values, the first counting most, None last; equal ones as they were."""
    return sorted(
        groups,
        key=lambda group: [((value is None) != descending, value) for value in by(group)],
        reverse=descending,
    )


def rendered_groups(index: Index, vocabularies: Vocabularies) -> Iterator[tuple[str, bytes]]:
    """The groups of all lines by the dimensions of RENDERED, as serving values, for the build to store."""
    rows, sums = index.rows(BUDGET_LINES.name), LineSums(index, vocabularies)
    total = sums.sum(rows)._replace(known=bool(rows))
    for names in sorted(RENDERED):
        dimensions = [BUDGET_LINES.filters[name] for name in names]
        shown = sort_groups(groups_of(dimensions, sums.by(dimensions, rows), vocabularies, known=()))
        facts = [total, is_additive(shown, total), is_complete(shown)]
        parts = facts, [group.render() for group in shown]
        yield GROUPS + ",".join(names), b"\n".join(orjson.dumps(part, default=tuple) for part in parts)


def is_additive(groups: Iterable[Group], total: Sum) -> bool:
    """Whether the groups add up to the total, because no line is in several."""
    return sum(each.sum.lines for each in groups) == total.lines


def is_complete(groups: Iterable[Group]) -> bool:
    """Whether the documents state an amount for every group."""
    return all(is_stated(each.sum) for each in groups)


def is_stated(sum_: Sum) -> bool:
    """Whether the documents state amounts for a sum."""
    return bool(sum_.stated if sum_.kinds else sum_.known)


def reported_rows(query: Query, searcher: Searcher) -> BitMap:
    """The rows of the years, budgets, phases and bases that a query names: of others, documents may state nothing."""
    rows = searcher.index.rows(BUDGET_LINES.name)
    for filter_, ids in query.filters():
        if filter_.name in REPORTED_DIMENSIONS:
            rows = rows & searcher.rows_of(BUDGET_LINES, filter_, ids)
    return rows


def is_known(query: Query, searcher: Searcher) -> bool:
    """Whether the documents have budget lines for what a query asks about: for a value of each dimension that it
    filters by, of REPORTED_DIMENSIONS together. If so, and no line matches, that is a zero; if not, the amount is
    unknown."""
    return bool(reported_rows(query, searcher)) and all(
        NONE in ids or searcher.rows_of(BUDGET_LINES, filter_, ids)
        for filter_, ids in query.filters()
        if filter_.name in DIMENSIONS
    )
