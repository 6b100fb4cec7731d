"""What a sum says of the lines that it leaves out, because others say the same money, and of those that may."""

from typing import Any

from pydantic import Field
from pyroaring import BitMap
from sqlmodel import col, select

from app.db.base import InList, Session, Statement
from app.db.tables import ServingRecord
from app.query.matching import Matcher
from app.resources.overlaps import COUNTED_ONCE, MAX_LISTED, OverlapReason, Overlaps
from app.schemas import Id, Note, Schema

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
    unrelated = overlaps.unrelated(rows)
    if unrelated:
        notes.append(_may_overlap(*unrelated, matcher))
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


def _may_overlap(coverage: str, first: str, second: str, matcher: Matcher) -> Note:
    year, budget, ministry = coverage.split(",")
    names = matcher.vocabularies["ministry"].terms[ministry].label
    return Note(
        code="may-hold-same-money",
        ja=f"{first} と {second} は、ともに{year}年度({budget})の{names.ja}の予算行を含む。"
        "行の間の関係は分かっておらず、同じ金額を含むことがある。",
        en=f"{first} and {second} both have lines of FY{year} ({budget}) of the {names.en} that nothing relates: "
        "they may hold the same money.",
    )
