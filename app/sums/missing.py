"""Missing values: the budget lines of which it is not known what a sum filters or groups by."""

from collections.abc import Iterable

from pyroaring import BitMap

from app.query.filters import Filter
from app.query.parser import Query
from app.query.searcher import Searcher
from app.resources.budget_lines import BUDGET_LINES, MISSING
from app.schemas import Note, Reason


def missing_notes(query: Query, group_by: Iterable[str], searcher: Searcher, among: BitMap | None = None) -> list[Note]:
    """The notes on lines, of all or of some, without a value of a filter of the query, or of one that its sums are
    grouped by: how many there are under the other filters, and why they have none."""
    asked = {filter_.name: filter_.indexed for filter_, _ in query.filters() if filter_.facet}
    notes = []
    for name in dict.fromkeys((*asked.values(), *group_by)):
        missing = _missing(BUDGET_LINES.filters[name], searcher)
        if not missing:
            continue
        others = query.without(*(key for key, indexed in asked.items() if indexed == name))
        rows = searcher.match(BUDGET_LINES, others)
        found = {
            reason: len(rows & lines if among is None else rows & lines & among) for reason, lines in missing.items()
        }
        counts = {reason: count for reason, count in found.items() if count}
        if counts:
            notes.append(_note(name, counts))
    return notes


def _missing(filter_: Filter, searcher: Searcher) -> dict[Reason, BitMap]:
    """The lines that have no value of a filter, by the reason why what it reads is empty."""
    missing = searcher.index.values(BUDGET_LINES.name, MISSING).rows
    fields = {path.partition(".")[0] for path in filter_.paths} or {filter_.indexed}
    reasons = {
        reason: [f"{field},{reason}" for field in fields] for reason in Reason if reason != Reason.NOT_APPLICABLE
    }
    found = {reason: [missing[value] for value in values if value in missing] for reason, values in reasons.items()}
    return {reason: BitMap.union(*lines) for reason, lines in found.items() if lines}


def _note(name: str, counts: dict[Reason, int]) -> Note:
    ja = "、".join(f"{reason.label.ja}: {count}" for reason, count in counts.items())
    en = "; ".join(f"{reason.label.en}: {count}" for reason, count in counts.items())
    return Note(
        code=f"missing-{name.replace('_', '-')}",
        ja=f"{name}: 他の条件に合う予算行のうち、値のないものがある({ja})。none だけに数えられる。",
        en=f"`{name}`: of the lines under the other filters, some have no value ({en}). They count under `none` alone.",
    )
