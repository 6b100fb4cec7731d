"""Reconciliation: each total that a package states, held against its lines; no difference is explained away."""

import orjson
from fastapi import APIRouter, Request
from pydantic import Field
from sqlalchemy import select
from starlette.responses import Response

from app.db import Rows
from app.facts.shapes import Int32, Note, Shape
from app.reading.answers import AnswerMeta
from app.reading.dataset import Dataset
from app.reading.routes import add, item, no_parameters, respond
from app.reading.service import Service
from app.resources.amount import Amount, summed
from app.resources.packages import PACKAGES, Package, StatedTotal
from app.resources.sums import COUNTED, LINE, Sum, unstated


class ReconciledTotal(Shape):
    """One stated total against the lines."""

    stated: StatedTotal
    itemised: Amount = Field(description="The sum of the package's lines.")
    difference: Amount = Field(description="Stated less itemised: negative where the lines exceed the total.")
    lines: Int32
    notes: list[Note] = Field(description="What is known of the difference.")


class Reconciliation(Shape):
    """Every total that the package states; none, and `data` is empty."""

    data: list[ReconciledTotal]
    meta: AnswerMeta


def reconcile(id_: str, dataset: Dataset, rows: Rows) -> Reconciliation:
    """Raises a 404 Problem when there is no such package."""
    package = Package.model_validate_json(item(PACKAGES, id_, rows))
    table = PACKAGES.table
    ((key, known),) = rows(select(table.c.key, table.c.known).where(table.c.id == id_))
    found = Sum(rows(select(*COUNTED).where(LINE.c.package == key))[0])
    notes = [[Note(**note) for note in each] for each in orjson.loads(known)]
    return Reconciliation(
        data=[_held_against(*pair, found) for pair in zip(package.stated_totals, notes, strict=True)],
        meta=AnswerMeta(dataset=dataset.version, attribution=dataset.attribution),
    )


def _held_against(total: StatedTotal, notes: list[Note], found: Sum) -> ReconciledTotal:
    stated, itemised = total.amount, found.involved
    return ReconciledTotal(
        stated=total,
        itemised=itemised,
        difference=summed(
            (stated.jpy or 0) - (itemised.jpy or 0),
            (stated.basis, itemised.basis),
            approximate=stated.approximate or itemised.approximate,
            uncertain=stated.uncertain or itemised.uncertain,
        ),
        lines=found.lines,
        notes=[*notes, *unstated([found])],
    )


def routes(service: Service) -> APIRouter:
    """The reconciliation of a package."""
    router = APIRouter()

    async def get_package_reconciliation(request: Request) -> Response:
        snapshot = service.now()
        no_parameters(request)
        id_ = request.path_params["id"]
        found = await snapshot.database.answer(lambda rows: reconcile(id_, snapshot.dataset, rows))
        return respond(orjson.dumps(found.model_dump(mode="json")))

    add(
        router,
        f"/v1/{PACKAGES.name}/{{id}}/reconciliation",
        get_package_reconciliation,
        operation="get_package_reconciliation",
        summary="Hold a package's stated totals against its lines",
        description=(
            "Each total that the document states, what the budget lines give, the difference, and what is known of it. "
            "No difference is explained away."
        ),
        tag=PACKAGES.name,
        answer=Reconciliation,
    )
    return router
