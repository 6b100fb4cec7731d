"""Silence: the records that have no value of what an answer filters or groups by, and say why. No value finds them, and
none is left out for certain."""

from collections.abc import Iterable, Mapping

from pyroaring import BitMap

from app.query.filters import Filter
from app.query.matching import Matcher
from app.query.parser import Query
from app.query.resource import Resource
from app.schemas import REASONS, Note, Reason

SILENT = "silent"  # the name under which the build indexes the empty fields of a record: `field,reason`


def silent_rows(resource: Resource, filter_: Filter, matcher: Matcher) -> dict[Reason, BitMap]:
    """By reason, the rows without a value of a filter, since what it reads is empty for that reason. Those to which it
    does not apply are not among them."""
    fields = {path.partition(".")[0] for path in filter_.paths} or {filter_.indexed}
    silent = matcher.index.values(resource.name, SILENT)
    found = {
        reason: BitMap().union(*(silent.of(f"{field},{reason}") for field in fields))
        for reason in Reason
        if reason is not Reason.NOT_APPLICABLE
    }
    if not any(found.values()):
        return {}
    if filter_.bound:
        present = matcher.index.column(resource.name, filter_.column).present
    else:
        present = matcher.values(resource, filter_).present
    return {reason: rows - present for reason, rows in found.items() if not rows.issubset(present)}


def possible_rows(resource: Resource, query: Query, matcher: Matcher, *, without: str = "") -> BitMap:
    """The rows that match each filter of a query, or are silent on it and may match. Those that read what `without`
    names, the name of a filter or of the column of a range, are left out of account."""
    rows = matcher.index.rows(resource.name)
    for filter_, ids in query.filters():
        if _named(filter_) != without:
            matching = matcher.rows_of(resource, filter_, ids)
            silent = BitMap().union(*silent_rows(resource, filter_, matcher).values())
            if silent:
                matching = matching | (silent & around(resource, filter_, matching, matcher))
            rows = rows & matching
    return rows & matcher.search(query.terms, [resource]).anywhere if query.terms else rows


def around(resource: Resource, filter_: Filter, rows: BitMap, matcher: Matcher) -> BitMap:
    """The rows that may have a value of a filter which some rows have: where a value stands `within` one of another
    filter, those that share it, and otherwise all."""
    if not filter_.within:
        return matcher.index.rows(resource.name)
    wider = matcher.values(resource, resource.filters[filter_.within])
    return BitMap().union(*(under for under in wider.rows.values() if under.intersect(rows)))


def silence_notes(
    resource: Resource, query: Query, counted: Iterable[str], matcher: Matcher, among: BitMap | None = None
) -> list[Note]:
    """The notes on rows that are silent on the filters of a query, or on those that its answer groups or counts by, of
    all rows or of some: how many under the other filters, and why."""
    filters = [*(filter_ for filter_, _ in query.filters()), *(resource.filters[name] for name in counted)]
    notes = []
    for name, filter_ in {_named(filter_): filter_ for filter_ in filters}.items():
        silent = silent_rows(resource, filter_, matcher)
        if silent:
            rows = possible_rows(resource, query, matcher, without=name)
            rows = rows if among is None else rows & among
            total = rows.intersection_cardinality(BitMap.union(*silent.values()))
            if total:
                counts = {reason: rows.intersection_cardinality(each) for reason, each in silent.items()}
                has_none = not filter_.bound and resource.filters[name].optional
                notes.append(
                    _note(name, total, {REASONS[reason]: counts[reason] for reason in counts}, has_none=has_none)
                )
    return notes


def _named(filter_: Filter) -> str:
    """What a filter reads, by the name that all have in common which read it."""
    return filter_.column if filter_.bound else filter_.indexed


def _note(name: str, total: int, counts: Mapping[tuple[str, str], int], *, has_none: bool) -> Note:
    ja, en = (
        between.join(f"{reason[place]}: {count}" for reason, count in counts.items() if count)
        for place, between in enumerate(("、", "; "))
    )
    return Note(
        code=f"silent-{name.replace('_', '-')}",
        ja=f"{name}: 他の条件の下で{total}件には値がない({ja})。"
        f"どの値でも見つからない{'(none では見つかる)' if has_none else ''}。",
        en=f"`{name}`: under the other filters, {total} records have no value ({en}). No value finds them"
        f"{'; `none` does' if has_none else ''}.",
    )
