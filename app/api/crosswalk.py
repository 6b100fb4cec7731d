"""Crosswalk: from a section of the strategy to its measures, the programmes linked to them and their lines."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson
from pydantic import Field
from pyroaring import BitMap
from sqlalchemy import select
from starlette.responses import Response

from app.db import Among, Rows, Statement
from app.facts.shapes import Id, Int32, Name, Note, Shape
from app.reading.answers import AnswerMeta
from app.reading.dataset import Dataset
from app.reading.operations import Operation, respond
from app.reading.question import Question, told
from app.reading.routes import by_name
from app.reading.service import Service, Snapshot
from app.reading.sets import Sets
from app.resources.amount import Amount
from app.resources.budget_lines import BUDGET_LINES, THROUGH_CROSSWALK
from app.resources.measures import MEASURES, RELATION, LineRef, MeasureKind, Related
from app.resources.sections import SECTIONS, SectionRef
from app.resources.sums import Ledger, unstated

LINE = BUDGET_LINES.table
MOST_LINES = 50  # of one linked programme; its other lines are counted, and told of

# A section is where the walk begins, so `none` means nothing here.
SECTION = replace(
    BUDGET_LINES.filters["section"],
    optional=False,
    meaning="Sections to begin from; the top ones when left out.",
)
PARAMETERS = by_name(SECTION, *(BUDGET_LINES.filters[name] for name in ("pillar", "ministry", "modality")))

UNLINKED = Note(
    code="no-linked-programme",
    ja="この節の施策に対応付けられた予算事業はない。",
    en="No budget programme is linked to a measure of this section.",
)


class LinkedProgramme(Related):
    """A programme that the crosswalk links to a measure of the strategy, with its money."""

    lines: list[LineRef] = Field(description="Its budget lines under the filters, the first 50.")


class CrosswalkMeasure(Shape):
    """A measure of the strategy."""

    id: Id
    name: Name
    related: list[LinkedProgramme]


class CrosswalkSection(Shape):
    """A section, and the money that the crosswalk finds behind it."""

    section: SectionRef
    measures: list[CrosswalkMeasure]
    lines: Int32 = Field(description="The distinct lines.")
    amount: Amount = Field(description="Of those lines.")
    notes: list[Note]


class Crosswalk(Shape):
    """Sections, each with its measures; `total` counts each line once, whatever sections it stands under."""

    data: list[CrosswalkSection]
    total: Amount
    lines: Int32 = Field(description="The distinct lines.")
    notes: list[Note]
    meta: AnswerMeta


LINKS = Statement(
    select(RELATION.c.direction, RELATION.c.programme, RELATION.c.related)
    .where(Among(RELATION.c.direction, "directions"))
    .order_by(RELATION.c.key)
)
LINES = Statement(
    select(LINE.c.measure, LINE.c.key, LINE.c.shown)
    .where(Among(LINE.c.measure, "programmes"))
    .order_by(LINE.c.measure, LINE.c.key)
)

Linked = Mapping[int, list[orjson.Fragment]]  # by direction, in the shape of LinkedProgramme


def crosswalk(question: Question, dataset: Dataset, sets: Sets, rows: Rows) -> bytes:
    """Answers a question of PARAMETERS with four statements, however many sections there are, in the shape of
    Crosswalk."""
    ledger = Ledger(sets)
    terms = dataset.vocabularies["section"].terms
    chosen = [terms[id_] for id_ in question.get("section")] or [t for t in terms.values() if t.broader is None]
    by_key = {int(term.key): term for term in sorted(chosen, key=lambda term: int(term.key))}
    under = sets.values(BUDGET_LINES, "section")
    among = sets.matching(BUDGET_LINES, question, rows, but="section") & BitMap().union(*map(under.of, by_key))
    total = ledger.sum(among)
    directions = _directions(by_key, sets)
    wanted = sorted({direction for found in directions.values() for direction in found})
    names = sets.shown(MEASURES, wanted, rows)
    linked = _linked(wanted, among, rows)
    sections = dict(rows(SECTIONS.reads.some_records, keys=list(by_key)))
    data = []
    for key, term in by_key.items():
        summed = ledger.sum(among & under.of(key))
        notes = [*term.notes, *unstated([summed])]
        if not any(direction in linked for direction in directions[key]):
            notes.append(UNLINKED)
        shown = {
            "section": _only(sections[key], "id", "number", "code", "name"),
            "measures": [
                {**_only(names[direction], "id", "name"), "related": linked.get(direction, [])}
                for direction in directions[key]
            ],
            "lines": summed.lines,
            "amount": summed.amount(summed.involved),
            "notes": [note.model_dump() for note in notes],
        }
        data.append(shown)
    notes = [THROUGH_CROSSWALK, *(note for note in told(question, dataset.vocabularies) if note != THROUGH_CROSSWALK)]
    answer = {
        "data": data,
        "total": total.amount(total.involved),
        "lines": total.lines,
        "notes": [note.model_dump() for note in notes],
        "meta": {"dataset": dataset.shown, "attribution": dataset.attribution},
    }
    return orjson.dumps(answer)


def _directions(sections: Iterable[int], sets: Sets) -> dict[int, list[int]]:
    """The directions of each section: as many as a strategy has, however much data."""
    of_kind = sets.values(MEASURES, "kind").of(MeasureKind.DIRECTION.value)
    of_section = sets.values(MEASURES, "section")
    return {key: list(of_section.of(key) & of_kind) for key in sections}


def _linked(directions: list[int], among: BitMap, rows: Rows) -> Linked:
    """The programmes linked to each direction, with the first of their lines that are asked for."""
    links = rows(LINKS, directions=directions)
    lines: dict[int, list[str]] = defaultdict(list)
    for programme, line, shown in rows(LINES, programmes=sorted({programme for _, programme, _ in links})):
        if line in among and len(lines[programme]) < MOST_LINES:
            lines[programme].append(shown)
    found: dict[int, list[orjson.Fragment]] = defaultdict(list)
    for direction, programme, related in links:
        # A JSON object that was written when the database was built, and one property more.
        linked = f'{related[:-1]},"lines":[{",".join(lines[programme])}]}}'
        found[direction].append(orjson.Fragment(linked))
    return found


def _only(shown: bytes, *fields: str) -> dict[str, Any]:
    parsed = orjson.loads(shown)
    return {field: parsed[field] for field in fields}


def operations(_: Service) -> list[Operation]:
    """The walk."""

    async def get_crosswalk(snapshot: Snapshot, question: Question, _: str) -> Response:
        found = await snapshot.database.answer(lambda rows: crosswalk(question, snapshot.dataset, snapshot.sets, rows))
        return respond(found)

    return [
        Operation(
            path="/v1/crosswalk",
            answer=get_crosswalk,
            name="get_crosswalk",
            summary="Walk from the strategy's sections to the money behind them",
            description=(
                "For each section: its measures, the programmes that we link to them, and those programmes' budget "
                "lines. The filters decide which lines are counted; `total` counts each line once."
            ),
            tag="crosswalk",
            shape=Crosswalk,
            parameters=PARAMETERS,
        )
    ]
