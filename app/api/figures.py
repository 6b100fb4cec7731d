"""Figures: what each document states of one programme's money, side by side."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from app.api.parameters import NoParameters, RecordId
from app.api.responses import TEXT, attachment, described_response, json_response
from app.query.columns import columns
from app.query.formats import FORMATS, Csv
from app.query.records import RECORDS, read_record, read_records
from app.query.responses import AnswerMeta
from app.query.searcher import Searcher
from app.resources.amount import Amount, BudgetPhase
from app.resources.budget_lines import BUDGET_LINES
from app.resources.dates import FiscalYear
from app.resources.identifiers import IdentifierScheme
from app.resources.measures import MEASURES, FigureRelation
from app.schemas import Id, Int32, Note, References, Schema, Sentence, to_json

MAX_FIGURES = 1_000
PHASES, RELATIONS = list(BudgetPhase), list(FigureRelation)

Object = Mapping[str, Any]


class Figure(Schema):
    """An amount that a document states."""

    fiscal_year: FiscalYear
    document: Annotated[Id | None, References("documents")] = Field(
        description="The document that states it; null where a public source does, at `url`."
    )
    relation: FigureRelation = Field(
        description="`own`: a line of the measure; `same_as`: another line states the same money; `part_of`: the line "
        "includes it, with other money; `includes`: the line is a part of it; `same_programme`: a line of a measure of "
        "the same review sheet (予算事業ID); `national_expenditure`: what a public source gives beside the line."
    )
    amount: Amount
    line: Annotated[Id, References("budget-lines")] = Field(description="The budget line.")
    url: Sentence | None = Field(description="The public source of a national expenditure.")


class Figures(Schema):
    """All figures of a measure, by year, phase and document."""

    data: Annotated[list[Figure], Field(max_length=MAX_FIGURES)]
    total: Int32 = Field(description="How many there are; the first 1,000 are listed.")
    notes: list[Note]
    meta: AnswerMeta


CSV = Csv(columns(Figure))

router = APIRouter(tags=[MEASURES.name])


@router.get(
    "/v1/measures/{id}/figures",
    operation_id="get_measure_figures",
    summary="Compare what documents state of one measure's money",
    description=(
        "Every figure of the measure: its own lines, lines of other measures about the same money, and what public "
        "sources give beside them, each with its phase, basis and document. Nothing is added up."
    ),
    response_model=Figures,
)
async def get_measure_figures(id_: RecordId, context: NoParameters) -> Response:
    return json_response(await context.snapshot.run(figures_answer, id_))


@router.get(
    "/v1/measures/{id}/figures.csv",
    operation_id="export_measure_figures_csv",
    summary="Download the figures of one measure as CSV",
    description="The rows of `/v1/measures/{id}/figures`, all of them.",
    **described_response(FORMATS["csv"].media_type, TEXT),
)
async def export_measure_figures(id_: RecordId, context: NoParameters) -> Response:
    body = await context.snapshot.run(_csv, id_)
    return Response(body, headers=attachment(f"{id_}-figures.csv"), media_type=FORMATS["csv"].media_type)


def figures_answer(id_: str, searcher: Searcher) -> bytes:
    """A measure in the schema of Figures. Raises a 404 Problem if there is no such measure."""
    measure = _measure(id_, searcher)
    figures = _figures(measure, searcher)
    return to_json(
        {
            "data": figures[:MAX_FIGURES],
            "total": len(figures),
            "notes": measure["notes"],
            "meta": searcher.dataset.meta,
        }
    )


def _csv(id_: str, searcher: Searcher) -> bytes:
    return CSV.file(_figures(_measure(id_, searcher), searcher))


def _measure(id_: str, searcher: Searcher) -> Object:
    measure: Object = orjson.loads(read_record(MEASURES, id_, searcher.session))
    return measure


def _figures(measure: Object, searcher: Searcher) -> list[dict[str, Any]]:
    """The figures of a measure by year, phase and document."""
    found = [
        *_of_lines(measure, FigureRelation.OWN, searcher),
        *_of_other_measures(measure),
        *(
            figure
            for other in _same_programme(measure, searcher)
            for figure in _of_lines(other, FigureRelation.SAME_PROGRAMME, searcher)
        ),
    ]
    # A line of another measure may be about the same money, and of the same programme too: the first relation stands.
    distinct = {(figure["line"], figure["url"]): figure for figure in reversed(found)}
    return sorted(distinct.values(), key=_sort_key)


def _sort_key(figure: Object) -> tuple[int, int, bool, str, int]:
    phase, document = figure["amount"]["phase"], figure["document"]
    place = PHASES.index(phase) if phase else len(PHASES)
    return figure["fiscal_year"]["year"], place, document is None, document or "", RELATIONS.index(figure["relation"])


def _of_lines(measure: Object, relation: FigureRelation, searcher: Searcher) -> Iterator[dict[str, Any]]:
    """The amounts of a measure's own lines, and what public sources give beside them."""
    ids = [line["id"] for line in measure["budget_lines"]]
    for line in map(orjson.loads, read_records(BUDGET_LINES, ids, searcher.session)):
        common = {"fiscal_year": line["fiscal_year"], "document": line["documents"][0], "line": line["id"]}
        yield {**common, "relation": relation, "amount": line["amount"], "url": None}
        outside = line["national_expenditure"]
        if outside:
            yield {**common, "document": None, "relation": FigureRelation.NATIONAL_EXPENDITURE, **outside}


def _of_other_measures(measure: Object) -> Iterator[dict[str, Any]]:
    for figure in measure["other_figures"]:
        shown = {name: figure[name] for name in ("fiscal_year", "document", "relation", "amount")}
        yield {**shown, "line": figure["id"], "url": None}


def _same_programme(measure: Object, searcher: Searcher) -> Iterator[Object]:
    """The other measures that have a review sheet of this one."""
    sheets = [each["id"] for each in measure["same_as"] if each["scheme"] == IdentifierScheme.BUDGET_PROJECT]
    if sheets:
        rows = searcher.rows_of(MEASURES, MEASURES.filters["identifier"], tuple(sheets))
        for _, record in searcher.session.query(RECORDS, keys=list(rows)):
            other: Object = orjson.loads(record)
            if other["id"] != measure["id"]:
                yield other
