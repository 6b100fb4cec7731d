"""What a sum says of the lines that it leaves out, because others say the same money, and of those that may."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from pydantic import Field
from pyroaring import BitMap
from sqlmodel import col, select

from app.db.base import InList, Session, Statement
from app.db.tables import ServingRecord
from app.query.matching import Matcher
from app.resources.amount import PHASE_LABELS
from app.resources.overlaps import COUNTED_ONCE, MAX_LISTED, OverlapReason, Overlaps
from app.schemas import Id, Note, Schema, distinct

MAX_NAMED = 10  # budgets of which a note speaks

IDS = Statement(select(ServingRecord.key, ServingRecord.id).where(InList(col(ServingRecord.key), "keys")))


class OverlappingLine(Schema):
    """A line that is not counted, because another states the same money or includes it."""

    id: Id
    reason: OverlapReason
    counted: Id = Field(description="The line that is counted.")


def overlaps_of(rows: BitMap, matcher: Matcher) -> tuple[list[dict[str, Any]], list[Note]]:
    """The lines that a sum of these rows leaves out, in the schema of OverlappingLine, the first MAX_LISTED of them,
    and the notes on them and on lines that may state the same money."""
    overlaps = Overlaps(matcher.index)
    found, notes = overlaps.listed(rows), []
    if found:
        notes.append(COUNTED_ONCE)
    if len(found) > MAX_LISTED:
        notes.append(_cut(len(found)))
    across = overlaps.across(rows)
    if across:
        notes.append(_across(across))
    unrelated = list(islice(overlaps.unrelated(rows), MAX_NAMED + 1))
    if unrelated:
        notes.append(_may_overlap(unrelated, matcher))
    shown = found[:MAX_LISTED]
    ids = _ids([key for each in shown for key in (each.line, each.counted)], matcher.session)
    return [{"id": ids[each.line], "reason": each.reason, "counted": ids[each.counted]} for each in shown], notes


def _ids(keys: list[int], session: Session) -> dict[int, str]:
    return dict(session.query(IDS, keys=keys)) if keys else {}


def _cut(count: int) -> Note:
    return Note(
        code="overlaps-cut",
        ja=f"数えなかった{count}行のうち、初めの{MAX_LISTED}行を示す。",
        en=f"{count} lines are not counted; the first {MAX_LISTED} are listed.",
    )


def _across(count: int) -> Note:
    return Note(
        code="same-money-across-kinds",
        ja=f"並べて示す合計のうち、{count}行は、基準や段階の異なる他の行と同じ金額か、その一部である(same_as、part_of)。",
        en=f"Of the totals side by side, {count} lines are about the same money as lines of another basis or phase, or "
        "a part of it: see their `same_as` and `part_of`.",
    )


def _may_overlap(unrelated: Sequence[tuple[str, Sequence[str]]], matcher: Matcher) -> Note:
    named = [_named(coverage, matcher) for coverage, _ in unrelated[:MAX_NAMED]]
    ja, en = ("、".join(ja for ja, _ in named), "; ".join(en for _, en in named))
    more = len(unrelated) > MAX_NAMED
    documents = ", ".join(distinct(document for _, several in unrelated for document in several))
    return Note(
        code="may-hold-same-money",
        ja=f"次の予算には複数の文書({documents})の予算行があり、互いの関係が分かっていない行は"
        f"同じ金額を含むことがある: {ja}{'ほか' if more else ''}。",
        en=f"Of these budgets several documents ({documents}) have lines, of which those that nothing relates may hold "
        f"the same money: {en}{'; and others' if more else ''}.",
    )


def _named(coverage: str, matcher: Matcher) -> tuple[str, str]:
    """What a coverage is called in Japanese and in English."""
    year, budget, ministry = coverage.split(",")
    label, (ja, en) = matcher.vocabularies["ministry"].terms[ministry].label, PHASE_LABELS[budget]
    return f"{label.ja}の{year}年度{ja}", f"FY{year} {en} of the {label.en}"
