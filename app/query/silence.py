"""Silence: the records of which it is not known whether they have a value of what an answer filters or groups by."""

from collections.abc import Iterable

from pyroaring import BitMap

from app.query.filters import Filter
from app.query.matching import Matcher
from app.query.parser import Query
from app.query.resource import Resource
from app.schemas import REASONS, Note, Reason

SILENT = "silent"  # the name under which the build indexes the empty fields of a record: `field,reason`


def silence_notes(
    resource: Resource, query: Query, group_by: Iterable[str], matcher: Matcher, among: BitMap | None = None
) -> list[Note]:
    """The notes on rows, of all or of some, without a value of a filter of the query, or of one that its answer groups
    by: how many there are under the other filters, and why they have none."""
    names = [filter_.indexed for filter_, _ in query.filters() if filter_.facet]
    notes = []
    for name in dict.fromkeys((*names, *group_by)):
        others = {
            key: ids for key, ids in query.values.items() if getattr(query.parameters[key], "indexed", "") != name
        }
        rows = matcher.match(resource, Query(query.parameters, others))
        counts = _silent(resource, resource.filters[name], rows if among is None else rows & among, matcher)
        if counts:
            notes.append(_note(name, counts))
    return notes


def _silent(resource: Resource, filter_: Filter, rows: BitMap, matcher: Matcher) -> dict[Reason, int]:
    """How many of the rows have no value of a filter, by the reason why what it reads is empty."""
    missing = rows - matcher.values(resource, filter_).present
    silent = matcher.index.values(resource.name, SILENT)
    fields = {path.partition(".")[0] for path in filter_.paths} or {filter_.indexed}
    found = {
        reason: missing & BitMap().union(*(silent.of(f"{field},{reason}") for field in fields))
        for reason in Reason
        if reason is not Reason.NOT_APPLICABLE
    }
    return {reason: len(each) for reason, each in found.items() if each}


def _note(name: str, counts: dict[Reason, int]) -> Note:
    ja, en = (
        between.join(f"{REASONS[reason][place]}: {count}" for reason, count in counts.items())
        for place, between in enumerate(("、", "; "))
    )
    return Note(
        code=f"silent-{name.replace('_', '-')}",
        ja=f"{name}: 他の条件の下に、値の分からない予算行がある({ja})。どの値でも見つからず、none で見つかる。",
        en=f"`{name}`: under the other filters, some lines have no value ({en}). No value finds them; `none` does.",
    )
