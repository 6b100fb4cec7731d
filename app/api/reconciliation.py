"""Reconciliation: each total that a package states, against the sum of its budget lines."""

from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from app.api.parameters import NoParameters, RecordId
from app.api.responses import json_response
from app.query.dataset import read_value
from app.query.records import read_record
from app.query.responses import AnswerMeta
from app.query.searcher import Searcher
from app.resources.amount import Amount, summed
from app.resources.budget_lines import BUDGET_LINES
from app.resources.packages import PACKAGES, STATED_TOTAL_NOTES, Package, StatedTotal
from app.schemas import Int32, Note, Schema, to_json
from app.sums.line_sums import LineSums, amount_notes, kind_of, kinds_note, rows_of_kinds, unstated_note
from app.sums.overlaps import MAX_LISTED, OverlappingLine, overlaps_of


class ReconciledTotal(Schema):
    """One stated total against the lines."""

    stated: StatedTotal
    itemised: Amount = Field(
        description="The sum of the package's lines of the total's phase, of its basis if any are."
    )
    difference: Amount = Field(
        description="Stated less itemised: negative where the lines exceed the total, null where one is unknown."
    )
    lines: Int32
    notes: list[Note] = Field(description="What is known of the difference, and of the lines' amounts.")


class Reconciliation(Schema):
    """Every total that the package states; none, and `data` is empty."""

    data: list[ReconciledTotal]
    overlaps: Annotated[list[OverlappingLine], Field(max_length=MAX_LISTED)] = Field(
        description="Lines of the package that are not counted, since others say the same money; the first 100."
    )
    meta: AnswerMeta


router = APIRouter(tags=[PACKAGES.name])


@router.get(
    "/v1/packages/{id}/reconciliation",
    operation_id="get_package_reconciliation",
    summary="Hold a package's stated totals against its lines",
    description=(
        "Each total that the document states, what the budget lines give, the difference, and what is known "
        "of it. No difference is explained away."
    ),
    response_model=Reconciliation,
)
async def get_package_reconciliation(id_: RecordId, context: NoParameters) -> Response:
    return json_response(await context.snapshot.run(reconcile, id_))


def reconcile(id_: str, searcher: Searcher) -> bytes:
    """A package in the schema of Reconciliation. Raises a 404 Problem if there is no such package."""
    package = Package.model_validate_json(read_record(PACKAGES, id_, searcher.session))
    notes: Sequence[Sequence[Any]] = orjson.loads(read_value(searcher.session, STATED_TOTAL_NOTES + id_))
    rows = searcher.index.values(BUDGET_LINES.name, "package").of(id_)
    lines = LineSums(searcher.index, searcher.vocabularies).sum(rows)._replace(known=bool(rows))
    overlaps, overlap_notes = overlaps_of(rows, searcher)
    data = []
    for stated, of_total in zip(package.stated_totals, notes, strict=True):
        compared = lines.comparable(stated.amount)
        qualifying = amount_notes(rows_of_kinds(list(map(kind_of, compared.kinds)), rows, searcher), searcher)
        itemised = Amount(**compared.amount("involved"))
        total, lines_jpy = stated.amount.jpy, itemised.jpy
        difference = summed(
            None if total is None or lines_jpy is None else total - lines_jpy,
            [(each.basis, each.phase) for each in (stated.amount, itemised)],
            approximate=stated.amount.approximate or itemised.approximate,
            uncertain=stated.amount.uncertain or itemised.uncertain,
        )
        data.append(
            {
                "stated": stated,
                "itemised": itemised,
                "difference": difference,
                "lines": compared.lines,
                "notes": [*of_total, *qualifying, *unstated_note(compared), *kinds_note(compared), *overlap_notes],
            }
        )
    return to_json({"data": data, "overlaps": overlaps, "meta": searcher.dataset.meta})
