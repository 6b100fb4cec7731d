"""Crosswalk: from a section of the strategy to its measures, the programmes linked to them and their lines."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

import orjson
from fastapi import APIRouter, Request
from pydantic import Field
from sqlalchemy import func, select
from starlette.responses import Response

from app.db import Rows
from app.facts.shapes import Id, Int32, Name, Note, Shape
from app.reading import sql
from app.reading.answers import AnswerMeta
from app.reading.dataset import Dataset
from app.reading.question import Question, told
from app.reading.routes import add, by_name, question_of, respond
from app.reading.service import Service
from app.resources.amount import Amount
from app.resources.budget_lines import BUDGET_LINES, LINE_SECTION, THROUGH_CROSSWALK
from app.resources.measures import MEASURE_SECTION, MEASURES, RELATION, LineRef, MeasureKind, Related
from app.resources.sections import SECTIONS, Section, SectionRef
from app.resources.sums import COUNTED, LINE, Sum, unstated

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


def crosswalk(question: Question, dataset: Dataset, rows: Rows) -> Crosswalk:
    """Answers a question of PARAMETERS with six statements, however many sections there are."""
    conditions = sql.where(BUDGET_LINES, question, dataset.vocabularies)
    terms = dataset.vocabularies["section"].terms
    chosen = [terms[id_] for id_ in question.get("section")] or [t for t in terms.values() if t.broader is None]
    keys = [int(term.key) for term in chosen]
    among = LINE_SECTION.c.value.in_(keys)
    sums = {
        row.value: Sum(row)
        for row in rows(
            select(LINE_SECTION.c.value, *COUNTED)
            .join_from(LINE, LINE_SECTION, LINE_SECTION.c.row == LINE.c.key)
            .where(among, *conditions)
            .group_by(LINE_SECTION.c.value)
        )
    }
    total = Sum(rows(select(*COUNTED).where(LINE.c.key.in_(select(LINE_SECTION.c.row).where(among)), *conditions))[0])
    measures = _measures(keys, conditions, rows)
    found = rows(sql.records(SECTIONS, keys).order_by(SECTIONS.records.c.key))
    data = []
    for key, record in found:
        section = Section.model_validate_json(record)
        summed = sums.get(key, Sum(None))
        notes = [*terms[section.id].notes, *unstated([summed])]
        if not any(measure.related for measure in measures[key]):
            notes.append(UNLINKED)
        shown = SectionRef(id=section.id, number=section.number, code=section.code, name=section.name)
        data.append(
            CrosswalkSection(
                section=shown, measures=measures[key], lines=summed.lines, amount=summed.involved, notes=notes
            )
        )
    return Crosswalk(
        data=data,
        total=total.involved,
        lines=total.lines,
        notes=[
            THROUGH_CROSSWALK,
            *(note for note in told(question, dataset.vocabularies) if note != THROUGH_CROSSWALK),
        ],
        meta=AnswerMeta(dataset=dataset.version, attribution=dataset.attribution),
    )


def _measures(keys: list[Any], conditions: sql.Where, rows: Rows) -> dict[int, list[CrosswalkMeasure]]:
    """The directions of each section, with what is linked to them: as many as a strategy has, however much data."""
    under = select(MEASURE_SECTION.c.row).where(MEASURE_SECTION.c.value.in_(keys))
    links = rows(select(RELATION).where(RELATION.c.direction.in_(under)).order_by(RELATION.c.key))
    programmes = [link.programme for link in links]
    place = func.row_number().over(partition_by=LINE.c.measure, order_by=LINE.c.key).label("place")
    ranked = select(LINE.c.key, LINE.c.measure, place).where(LINE.c.measure.in_(programmes), *conditions).subquery()
    lines: dict[int, list[LineRef]] = defaultdict(list)
    for row in rows(
        select(ranked.c.measure, BUDGET_LINES.records.c.record)
        .join_from(ranked, BUDGET_LINES.records, BUDGET_LINES.records.c.key == ranked.c.key)
        .where(ranked.c.place <= MOST_LINES)
        .order_by(ranked.c.measure, ranked.c.place)
    ):
        lines[row.measure].append(LineRef.model_validate(_only(row.record, "id", "amount")))
    related: dict[int, list[LinkedProgramme]] = defaultdict(list)
    for link in links:
        known = orjson.loads(link.related)
        related[link.direction].append(LinkedProgramme.model_validate({**known, "lines": lines[link.programme]}))
    measure = MEASURES.records
    found: dict[int, list[CrosswalkMeasure]] = defaultdict(list)
    for row in rows(
        select(MEASURE_SECTION.c.value, measure.c.key, measure.c.record)
        .join_from(MEASURE_SECTION, measure, measure.c.key == MEASURE_SECTION.c.row)
        .join(MEASURES.table, MEASURES.table.c.key == measure.c.key)
        .where(MEASURE_SECTION.c.value.in_(keys), MEASURES.table.c.kind == MeasureKind.DIRECTION.value)
        .order_by(MEASURE_SECTION.c.value, measure.c.key)
    ):
        known = _only(row.record, "id", "name")
        found[row.value].append(CrosswalkMeasure.model_validate({**known, "related": related[row.key]}))
    return found


def _only(record: str, *fields: str) -> dict[str, Any]:
    parsed = orjson.loads(record)
    return {field: parsed[field] for field in fields}


def routes(service: Service) -> APIRouter:
    """The walk."""
    router = APIRouter()

    async def get_crosswalk(request: Request) -> Response:
        snapshot = service.now()
        question = question_of(request, PARAMETERS, snapshot)
        found = await snapshot.database.answer(lambda rows: crosswalk(question, snapshot.dataset, rows))
        return respond(orjson.dumps(found.model_dump(mode="json")))

    add(
        router,
        "/v1/crosswalk",
        get_crosswalk,
        operation="get_crosswalk",
        summary="Walk from the strategy's sections to the money behind them",
        description=(
            "For each section: its measures, the programmes that we link to them, and those programmes' budget lines. "
            "The filters decide which lines are counted; `total` counts each line once."
        ),
        tag="crosswalk",
        answer=Crosswalk,
        parameters=PARAMETERS,
    )
    return router
