"""Overlaps: budget lines that state the same money as another, or a part of it, and do not count beside it.

Of lines of one kind that are the same, the more precise counts: an exact amount before an approximate one, then the
finer unit, then the document issued earlier; and a part does not count beside the whole that includes it. The build
works out for each line which others it yields to; a set of lines leaves out those that yield to another of the set."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import Any, NamedTuple

from pydantic import Field
from pyroaring import BitMap
from sqlmodel import col, select

from app.db.base import InList, Statement
from app.db.tables import ServingRecord
from app.index import Index
from app.query.notes import MAX_NAMED, listed
from app.query.searcher import Searcher
from app.resources.amount import BudgetPhase
from app.resources.budget_lines import ACROSS, BUDGET_LINES, DOCUMENT, MINISTRY_BUDGET
from app.schemas import Id, Note, Schema, distinct

MAX_LISTED = 100

IDS = Statement(select(ServingRecord.key, ServingRecord.id).where(InList(col(ServingRecord.key), "keys")))


class OverlapReason(StrEnum):
    """Why a line does not count beside another."""

    SAME_AS = "same_as"
    PART_OF = "part_of"


class OverlappingLine(Schema):
    """A line that is not counted, because another states the same money or includes it."""

    id: Id
    reason: OverlapReason
    counted: Id = Field(description="The line that is counted.")


class Overlap(NamedTuple):
    """A line that is left out, by key, and the one that it yields to."""

    line: int
    reason: OverlapReason
    counted: int


COUNTED_ONCE = Note(
    code="counted-once",
    ja="同じ金額を示す予算行は一つだけを数え(より精密なもの、次に早い文書)、他の行に含まれる行はその行に加えない。"
    "数えなかった行は overlaps にある。",
    en="Of lines that state the same money one is counted (the more precise, then the earlier document), and a line "
    "that another includes is not added to it. `overlaps` lists what was left out.",
)


def counted_once(left_out: Sequence[str]) -> Note:
    """The note of a record whose amount leaves out these of its lines."""
    return Note(
        code=COUNTED_ONCE.code,
        ja="同じ金額を示す予算行は一つだけを数え、他の行に含まれる行はその行に加えない。"
        f"amount に数えていない行: {listed(left_out)}。",
        en="Of lines that state the same money one is counted, and a line that another includes is not added to it. "
        f"Not counted in `amount`: {listed(left_out)}.",
    )


def left_out(rows: BitMap, index: Index) -> BitMap:
    """Those of the rows that yield to another of them."""
    return BitMap().union(*(lines for reason in OverlapReason for _, lines in _under(rows, reason.value, index)))


def _under(rows: BitMap, name: str, index: Index) -> Iterator[tuple[int, BitMap]]:
    """Each of the rows under whose number `name` indexes some of the rows, with these."""
    values = index.values(BUDGET_LINES.name, name)
    if rows.intersect(values.present):
        before = index.rows(BUDGET_LINES.name)[0] - 1
        for number, lines in values.rows.items():
            row = before + int(number)
            if row in rows and lines.intersect(rows):
                yield row, lines & rows


def _overlapping(rows: BitMap, index: Index) -> list[Overlap]:
    """Each of the rows that is left out, in their order, with a row that is counted in its place."""
    yielding = left_out(rows, index)
    overlaps: dict[int, Overlap] = {}
    for reason in OverlapReason:
        for counted, lines in _under(rows, reason.value, index):
            if counted not in yielding:
                for line in lines:
                    overlaps.setdefault(line, Overlap(line, reason, counted))
    return [overlaps[line] for line in sorted(overlaps)]


def _unrelated(rows: BitMap, index: Index) -> Iterator[tuple[str, list[str]]]:
    """The budgets (of a year and a ministry) of which several documents have lines among the rows that nothing
    relates to another line, each with those documents."""
    for budget, lines, documents in index.derived("shared-budgets", lambda: _shared(index)):
        if lines.intersect(rows):
            named = [document for document, own in documents.items() if own.intersect(rows)]
            if len(named) > 1:
                yield budget, named


def _shared(index: Index) -> list[tuple[str, BitMap, dict[str, BitMap]]]:
    """The budgets of which several documents have such lines: those, and those of each document."""
    documents = index.values(BUDGET_LINES.name, DOCUMENT).rows
    budgets = index.values(BUDGET_LINES.name, MINISTRY_BUDGET).rows
    found = [
        (budget, lines, {document: lines & own for document, own in documents.items() if lines.intersect(own)})
        for budget, lines in budgets.items()
    ]
    return [each for each in found if len(each[2]) > 1]


def overlaps_of(rows: BitMap, searcher: Searcher) -> tuple[list[dict[str, Any]], list[Note]]:
    """The lines that a sum of these rows leaves out, in the schema of OverlappingLine, the first MAX_LISTED of them,
    and the notes on them and on lines that may state the same money."""
    found, notes = _overlapping(rows, searcher.index), []
    if found:
        notes.append(COUNTED_ONCE)
    if len(found) > MAX_LISTED:
        notes.append(_cut(len(found)))
    across = BitMap().union(*(lines for _, lines in _under(rows, ACROSS, searcher.index)))
    if across:
        notes.append(_across(len(across)))
    unrelated = list(islice(_unrelated(rows, searcher.index), MAX_NAMED + 1))
    if unrelated:
        notes.append(_may_overlap(unrelated, searcher))
    shown = found[:MAX_LISTED]
    keys = [key for each in shown for key in (each.line, each.counted)]
    ids = dict(searcher.session.query(IDS, keys=keys)) if keys else {}
    return [{"id": ids[each.line], "reason": each.reason, "counted": ids[each.counted]} for each in shown], notes


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


def _may_overlap(unrelated: Sequence[tuple[str, Sequence[str]]], searcher: Searcher) -> Note:
    named = [_named(budget, searcher) for budget, _ in unrelated[:MAX_NAMED]]
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


def _named(budget: str, searcher: Searcher) -> tuple[str, str]:
    """What a budget is called in Japanese and in English."""
    year, kind, ministry = budget.split(",")
    who, phase = searcher.vocabularies["ministry"].concepts[ministry].label, BudgetPhase(kind).label
    return f"{who.ja}の{year}年度{phase.ja}", f"FY{year} {phase.en} of the {who.en}"
