"""Overlaps: budget lines that state the same money as another, or a part of it, and do not count beside it.

Of lines of one kind that are the same, the more precise counts: an exact amount before an approximate one, then the
finer unit, then the document issued earlier; and a part does not count beside the whole that includes it. The build
works out for each line which others it yields to; a set of lines leaves out those that yield to another of the set."""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from pyroaring import BitMap

from app.index import Index
from app.resources.budget_lines import ACROSS, BUDGET_LINES, COVERAGE, DOCUMENT
from app.schemas import Note

MAX_LISTED = 100


class OverlapReason(StrEnum):
    """Why a line does not count beside another."""

    SAME_AS = "same_as"
    PART_OF = "part_of"


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


class Overlaps:
    """The overlaps of the budget lines of an index."""

    def __init__(self, index: Index) -> None:
        name = BUDGET_LINES.name
        self._index = index
        rows = index.rows(name)
        self._first = rows[0] if rows else 0
        # By reason and number of a line: the lines that yield to it.
        self._yielding = {reason: index.values(name, reason.value) for reason in OverlapReason}

    def left_out(self, rows: BitMap) -> BitMap:
        """Those of the rows that yield to another of them."""
        found = BitMap()
        for _, _, lines in self._found(rows):
            found |= lines
        return found

    def listed(self, rows: BitMap) -> list[Overlap]:
        """Each of the rows that is left out, in their order, with a row that is counted in its place."""
        left_out = self.left_out(rows)
        overlaps: dict[int, Overlap] = {}
        for reason, counted, lines in self._found(rows):
            if counted not in left_out:
                for line in lines:
                    overlaps.setdefault(line, Overlap(line, reason, counted))
        return [overlaps[line] for line in sorted(overlaps)]

    def _found(self, rows: BitMap) -> Iterator[tuple[OverlapReason, int, BitMap]]:
        for reason, values in self._yielding.items():
            if not rows.intersect(values.present):
                continue
            for number, lines in values.rows.items():
                key = self._first + int(number) - 1
                if key in rows and lines.intersect(rows):
                    yield reason, key, lines & rows

    def unrelated(self, rows: BitMap) -> Iterator[tuple[str, list[str]]]:
        """The coverages (year, budget and ministry) of which several documents have lines among the rows that nothing
        relates to another line, each with those documents."""
        documents = self._index.values(BUDGET_LINES.name, DOCUMENT).rows
        present = {document: rows & lines for document, lines in documents.items() if rows.intersect(lines)}
        if len(present) > 1:
            for coverage, lines in self._index.values(BUDGET_LINES.name, COVERAGE).rows.items():
                named = [document for document, own in present.items() if own.intersect(lines)]
                if len(named) > 1:
                    yield coverage, named

    def across(self, rows: BitMap) -> int:
        """How many of the rows state the same money as a row of another kind, or a part of it."""
        found = BitMap()
        for number, lines in self._index.values(BUDGET_LINES.name, ACROSS).rows.items():
            if self._first + int(number) - 1 in rows:
                found |= lines & rows
        return len(found)
