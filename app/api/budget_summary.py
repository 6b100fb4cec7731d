"""Sums of budget lines by one or two dimensions."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from app.api.parameters import Context, Q, by_name, context_of, described
from app.api.responses import json_response
from app.errors import conflict
from app.query.dataset import read_value
from app.query.filters import Parameter, one_of, with_operators
from app.query.formats import export_path
from app.query.matching import Matcher
from app.query.notes import filter_notes, query_notes
from app.query.parser import Query
from app.query.responses import AnswerMeta
from app.query.snapshot import Snapshot
from app.resources.amount import Amount
from app.resources.budget_lines import BUDGET_LINES
from app.resources.sums import (
    DIMENSIONS,
    RENDERED,
    SUMS,
    GroupKey,
    LineSums,
    Sum,
    is_additive,
    merged,
    precomputed_dimensions,
    regroup,
    render_groups,
    unstated_note,
)
from app.schemas import Int32, Name, Note, Schema, to_json

FEW_LINES = 20_000

GROUP_BY = Parameter(
    "group_by",
    "What to sum by: one of these, or two.",
    "choice",
    many=True,
    choices=one_of(*DIMENSIONS),
    schema="BudgetDimension",
    required=True,
    example="ministry",
)
PARAMETERS = by_name(GROUP_BY, *with_operators(BUDGET_LINES.filters.values()), Q)

GROUPS_OVERLAP = Note(
    code="groups-overlap",
    ja="一つの予算行が複数のグループに数えられている。グループの合計は total と一致しない。",
    en="Some lines count in several groups: the groups do not add up to `total`, which counts each line once.",
)


class BudgetGroup(Schema):
    """The lines under one value, or under one of each of two."""

    key: str = Field(description="The value; two are joined by a comma; `none` for lines without one.")
    label: Name
    lines: Int32
    sole: Amount = Field(description="Of lines that one ministry pays alone.")
    joint: Amount = Field(description="Of lines that several ministries pay together, whole.")
    involved: Amount = Field(description="Both.")


class BudgetSummary(Schema):
    """Sums of budget lines, each line once in a group and once in the total."""

    group_by: Annotated[list[str], Field(max_length=2)]
    groups: list[BudgetGroup] = Field(
        description="By one dimension, every value with its zeros; by two, the combinations that have lines."
    )
    total: Amount = Field(description="Of the distinct lines.")
    lines: Int32 = Field(description="The distinct lines.")
    additive: bool = Field(description="Whether the groups add up to the total.")
    notes: list[Note]
    meta: AnswerMeta


router = APIRouter(tags=["budget-summary"])


@router.get(
    "/v1/budget-summary",
    operation_id="get_budget_summary",
    summary="Sum budget lines",
    description=(
        "Sums by one or two dimensions, under the filters of budget lines. A line paid by several ministries "
        "is never split: it is counted whole, as `joint`, in each of their groups, and once in the total."
    ),
    response_model=BudgetSummary,
    openapi_extra=described(PARAMETERS),
)
async def get_budget_summary(context: Annotated[Context, context_of(PARAMETERS)]) -> Response:
    if len(context.query.get("group_by")) > 2:
        raise conflict("group_by", "`group_by` takes one dimension or two. Leave some out.")
    query, snapshot = context.query, context.snapshot
    light = few_lines(snapshot) or precomputed_dimensions(query, query.get("group_by")) is not None
    return json_response(await snapshot.run(lambda matcher: summarize(query, snapshot, matcher), light=light))


def few_lines(snapshot: Snapshot) -> bool:
    """Whether all budget lines are summed in less time than a switch to a thread takes."""
    return (snapshot.dataset.download(export_path(BUDGET_LINES, "csv")).rows or 0) <= FEW_LINES


def summarize(query: Query, snapshot: Snapshot, matcher: Matcher) -> bytes:
    """A query of PARAMETERS answered in the schema of BudgetSummary."""
    dataset, group_by = snapshot.dataset, query.get("group_by")
    dimensions = [BUDGET_LINES.filters[name] for name in group_by]
    groups: Any
    if not query.terms and not list(query.filters()):
        total, additive, groups = _read_rendered(group_by, matcher)
    else:
        total, sums = _sums(query, group_by, matcher)
        additive, groups = is_additive(sums, total), render_groups(dimensions, sums, dataset.vocabularies)
    notes = [*_notes(query, matcher), *unstated_note(total)]
    if not additive:
        notes.append(GROUPS_OVERLAP)
    notes.extend(each.note for each in dimensions if each.note and each.note not in notes)
    answer = {
        "group_by": group_by,
        "groups": groups,
        "total": total.amount(total.involved),
        "lines": total.lines,
        "additive": additive,
        "notes": notes,
        "meta": dataset.meta,
    }
    return to_json(answer)


def _notes(query: Query, matcher: Matcher) -> list[Note]:
    """The notes of the lines that are summed, which need not be found for notes on filters alone."""
    if not query.terms:
        return filter_notes(query, matcher.vocabularies)
    return query_notes(query, [BUDGET_LINES], matcher.match(BUDGET_LINES, query), matcher)


def _read_rendered(group_by: Sequence[str], matcher: Matcher) -> tuple[Sum, bool, orjson.Fragment]:
    """The sums of all lines: the total, whether the groups add up to it, and the groups as JSON."""
    matcher.session.check_deadline()
    head, _, groups = read_value(matcher.session, RENDERED + ",".join(group_by)).partition(b"\n")
    total, additive = orjson.loads(head)
    return Sum.load(total), additive, orjson.Fragment(groups)


def _sums(query: Query, group_by: Sequence[str], matcher: Matcher) -> tuple[Sum, Mapping[GroupKey, Sum]]:
    """The total, and the sums of the groups."""
    dimensions = precomputed_dimensions(query, group_by)
    if dimensions is not None:
        filtered = [filter_.name for filter_, _ in query.filters()]
        total = regroup(_read_precomputed(filtered, matcher), filtered, (), query)
        return merged(total.values()), regroup(_read_precomputed(dimensions, matcher), dimensions, group_by, query)
    rows = matcher.match(BUDGET_LINES, query)
    sums = LineSums(matcher.index, matcher.vocabularies)
    filters = [BUDGET_LINES.filters[name] for name in group_by]
    return sums.sum(rows), sums.by(filters, rows, matcher.session.check_deadline)


def _read_precomputed(dimensions: Sequence[str], matcher: Matcher) -> dict[GroupKey, Sum]:
    """The precomputed sums of all lines by these dimensions."""
    stored = orjson.loads(read_value(matcher.session, SUMS + ",".join(dimensions)))
    return {tuple(key): Sum.load(values) for key, values in stored}
