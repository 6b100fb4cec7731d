"""Reconciliation: each total that a package states, held against its lines; no difference is explained away."""

import orjson
from pydantic import Field
from sqlalchemy import bindparam, select
from starlette.responses import Response

from app.db import Rows, Statement
from app.facts.shapes import Int32, Note, Shape
from app.reading.answers import AnswerMeta
from app.reading.dataset import Dataset
from app.reading.operations import Operation, respond
from app.reading.question import Question
from app.reading.routes import item
from app.reading.service import Service, Snapshot
from app.reading.sets import Sets
from app.resources.amount import Amount, summed
from app.resources.budget_lines import BUDGET_LINES
from app.resources.packages import PACKAGES, Package, StatedTotal
from app.resources.sums import Ledger, Sum, unstated

KNOWN = Statement(select(PACKAGES.table.c.key, PACKAGES.table.c.known).where(PACKAGES.table.c.id == bindparam("id")))


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


def reconcile(id_: str, dataset: Dataset, sets: Sets, rows: Rows) -> Reconciliation:
    """Raises a 404 Problem when there is no such package."""
    package = Package.model_validate_json(item(PACKAGES, id_, rows))
    ((key, known),) = rows(KNOWN, id=id_)
    found = Ledger(sets).sum(sets.values(BUDGET_LINES, "package").of(key))
    notes = [[Note(**note) for note in each] for each in orjson.loads(known)]
    return Reconciliation(
        data=[_held_against(*pair, found) for pair in zip(package.stated_totals, notes, strict=True)],
        meta=AnswerMeta(dataset=dataset.version, attribution=dataset.attribution),
    )


def _held_against(total: StatedTotal, notes: list[Note], found: Sum) -> ReconciledTotal:
    stated, itemised = total.amount, Amount(**found.amount(found.involved))
    difference = summed(
        (stated.jpy or 0) - (itemised.jpy or 0),
        (stated.basis, itemised.basis),
        approximate=stated.approximate or itemised.approximate,
        uncertain=stated.uncertain or itemised.uncertain,
    )
    return ReconciledTotal(
        stated=total,
        itemised=itemised,
        difference=Amount(**difference),
        lines=found.lines,
        notes=[*notes, *unstated([found])],
    )


def operations(_: Service) -> list[Operation]:
    """The reconciliation of a package."""

    async def get_package_reconciliation(snapshot: Snapshot, _: Question, id_: str) -> Response:
        found = await snapshot.database.answer(lambda rows: reconcile(id_, snapshot.dataset, snapshot.sets, rows))
        return respond(found.model_dump_json().encode())

    return [
        Operation(
            path=f"/v1/{PACKAGES.name}/{{id}}/reconciliation",
            answer=get_package_reconciliation,
            name="get_package_reconciliation",
            summary="Hold a package's stated totals against its lines",
            description=(
                "Each total that the document states, what the budget lines give, the difference, and what is known "
                "of it. No difference is explained away."
            ),
            tag=PACKAGES.name,
            shape=Reconciliation,
        )
    ]
