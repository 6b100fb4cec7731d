"""Crosswalk: from a section of the strategy to its measures, the programmes linked to them and their lines."""

from collections import defaultdict
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
from app.resources.sections import SECTIONS, Section, SectionRef
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
LINES = Statement(select(LINE.c.measure, LINE.c.key).where(Among(LINE.c.measure, "programmes")).order_by(LINE.c.key))


def crosswalk(question: Question, dataset: Dataset, sets: Sets, rows: Rows) -> Crosswalk:
    """Answers a question of PARAMETERS with five statements at most, however many sections there are."""
    ledger = Ledger(sets)
    terms = dataset.vocabularies["section"].terms
    chosen = [terms[id_] for id_ in question.get("section")] or [t for t in terms.values() if t.broader is None]
    keys = sorted(int(term.key) for term in chosen)
    under = sets.values(BUDGET_LINES, "section")
    among = sets.matching(BUDGET_LINES, question, rows, but="section") & BitMap.union(*map(under.of, keys))
    total = ledger.sum(among)
    measures = _measures(keys, among, sets, rows)
    found = dict(rows(SECTIONS.reads.some_records, keys=keys))
    data = []
    for key in keys:
        section = Section.model_validate_json(found[key])
        summed = ledger.sum(among & under.of(key))
        notes = [*terms[section.id].notes, *unstated([summed])]
        if not any(measure.related for measure in measures[key]):
            notes.append(UNLINKED)
        shown = SectionRef(id=section.id, number=section.number, code=section.code, name=section.name)
        data.append(
            CrosswalkSection(
                section=shown,
                measures=measures[key],
                lines=summed.lines,
                amount=summed.amount(summed.involved),
                notes=notes,
            )
        )
    return Crosswalk(
        data=data,
        total=total.amount(total.involved),
        lines=total.lines,
        notes=[
            THROUGH_CROSSWALK,
            *(note for note in told(question, dataset.vocabularies) if note != THROUGH_CROSSWALK),
        ],
        meta=AnswerMeta(dataset=dataset.version, attribution=dataset.attribution),
    )


def _measures(keys: list[int], among: BitMap, sets: Sets, rows: Rows) -> dict[int, list[CrosswalkMeasure]]:
    """The directions of each section, with what is linked to them: as many as a strategy has, however much data."""
    all_directions = sets.values(MEASURES, "kind").of(MeasureKind.DIRECTION.value)
    directions = {key: list(sets.values(MEASURES, "section").of(key) & all_directions) for key in keys}
    wanted = sorted({direction for found in directions.values() for direction in found})
    links = rows(LINKS, directions=wanted)
    lines = _lines(sorted({programme for _, programme, _ in links}), among, rows)
    related: dict[int, list[LinkedProgramme]] = defaultdict(list)
    for direction, programme, told_ in links:
        related[direction].append(LinkedProgramme.model_validate({**orjson.loads(told_), "lines": lines[programme]}))
    records: dict[int, bytes] = dict(rows(MEASURES.reads.some_records, keys=wanted))
    return {
        key: [
            CrosswalkMeasure.model_validate({**_only(records[direction], "id", "name"), "related": related[direction]})
            for direction in found
        ]
        for key, found in directions.items()
    }


def _lines(programmes: list[int], among: BitMap, rows: Rows) -> dict[int, list[LineRef]]:
    """The first lines of each programme, of those that are asked for."""
    keys: dict[int, list[int]] = defaultdict(list)
    for programme, line in rows(LINES, programmes=programmes):
        if line in among and len(keys[programme]) < MOST_LINES:
            keys[programme].append(line)
    shown = [line for found in keys.values() for line in found]
    records: dict[int, bytes] = dict(rows(BUDGET_LINES.reads.some_records, keys=shown))
    found: dict[int, list[LineRef]] = defaultdict(list)
    for programme, lines in keys.items():
        found[programme] = [LineRef.model_validate(_only(records[line], "id", "amount")) for line in lines]
    return found


def _only(record: bytes, *fields: str) -> dict[str, Any]:
    parsed = orjson.loads(record)
    return {field: parsed[field] for field in fields}


def operations(_: Service) -> list[Operation]:
    """The walk."""

    async def get_crosswalk(snapshot: Snapshot, question: Question, _: str) -> Response:
        found = await snapshot.database.answer(lambda rows: crosswalk(question, snapshot.dataset, snapshot.sets, rows))
        return respond(found.model_dump_json().encode())

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
