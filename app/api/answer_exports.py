"""Exports of answers that are not lists of a resource, as CSV: the rows of the JSON answer, under its parameters."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from app.api import budget_summary, crosswalk
from app.api.exports import BOM
from app.api.parameters import Context, Parameters, by_name, context_of, described
from app.api.responses import TEXT, attachment, described_response
from app.query.columns import columns
from app.query.formats import FORMATS, Csv
from app.query.parser import Query
from app.query.searcher import Searcher
from app.schemas import Schema
from app.sums.line_sums import PARTS


@dataclass(frozen=True)
class AnswerExport:
    """An answer as CSV. `answer` gives its JSON, and `rows` what is a row in it, each of the schema `row`."""

    name: str
    meaning: str
    row: type[Schema]
    parameters: Parameters
    answer: Callable[[Query, Searcher], bytes]
    rows: Callable[[Mapping[str, Any]], Iterable[Mapping[str, Any]]]

    @property
    def path(self) -> str:
        return f"/v1/exports/{self.name}.csv"

    @property
    def example(self) -> str:
        """The path, with an example of each parameter that it requires."""
        required = {each.name: each.example or "" for each in self.parameters.values() if each.required}
        return f"{self.path}?{urlencode(required)}".removesuffix("?")


def _summary_rows(answer: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """The rows of BudgetGroupRow: one for each kind of a group, or the group itself if it has none."""
    of_answer = {"additive": answer["additive"], "notes": [note["code"] for note in answer["notes"]]}
    for group in answer["groups"]:
        for total in group["totals"] or [group]:
            amounts = {name: total[name] for name in ("lines", *PARTS)}
            yield {"key": group["key"], "label": group["label"], **amounts, **of_answer}


ANSWER_EXPORTS = (
    AnswerExport(
        "budget-summary",
        "The groups of `/v1/budget-summary`, a row for each basis and phase in a group; where they do not add up, the "
        "answer in JSON has the total. `notes`, the last column, has the codes of the answer's notes.",
        budget_summary.BudgetGroupRow,
        budget_summary.PARAMETERS,
        budget_summary.summarize,
        _summary_rows,
    ),
    AnswerExport(
        "crosswalk",
        "The sections of `/v1/crosswalk`, one a row; what is listed below a measure is joined for each measure.",
        crosswalk.CrosswalkSection,
        crosswalk.PARAMETERS,
        crosswalk.walk,
        lambda answer: answer["data"],
    ),
)

router = APIRouter(tags=["exports"])


def _add(export: AnswerExport) -> None:
    parameters = by_name(*export.parameters.values(), BOM)

    @router.get(
        export.path,
        operation_id=f"export_{export.name.replace('-', '_')}_csv",
        summary=f"Download the {export.name.replace('-', ' ')} as CSV",
        description=f"{export.meaning} {FORMATS['csv'].meaning}",
        openapi_extra=described(parameters),
        **described_response(FORMATS["csv"].media_type, TEXT),
    )
    async def download(context: Annotated[Context, context_of(parameters)]) -> Response:
        body = await context.snapshot.run(_csv, export, context.query)
        return Response(body, headers=attachment(f"{export.name}.csv"), media_type=FORMATS["csv"].media_type)


def _csv(export: AnswerExport, query: Query, searcher: Searcher) -> bytes:
    rows = export.rows(orjson.loads(export.answer(query, searcher)))
    return Csv(columns(export.row)).file(rows, bom=query.text(BOM.name) == "true")


for _export in ANSWER_EXPORTS:
    _add(_export)
