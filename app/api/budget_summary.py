"""Sums of budget lines by one or two dimensions."""

from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter
from pydantic import Field
from pyroaring import BitMap
from sqlalchemy import select
from starlette.responses import Response

from app.api.parameters import MAX_ROWS, NEWEST, ORDER, Context, Q, by_name, context_of, described
from app.api.responses import json_response
from app.db.base import InList, Statement
from app.errors import conflict
from app.query.dataset import read_value
from app.query.filters import Parameter, one_of, with_operators
from app.query.notes import listed, query_notes
from app.query.parser import Query
from app.query.responses import AnswerMeta
from app.query.searcher import Searcher
from app.query.vocabulary import OTHERS
from app.resources.amount import Amount
from app.resources.budget_lines import BUDGET_LINES
from app.resources.measures import MEASURES
from app.resources.tables import RESOURCE_TABLES
from app.schemas import Int32, Name, Note, Schema, distinct, to_json
from app.sums.groups import (
    DIMENSIONS,
    GROUPS,
    RENDERED,
    REPORTED_DIMENSIONS,
    SORTS,
    Group,
    groups_of,
    is_additive,
    is_complete,
    is_known,
    is_stated,
    reported_rows,
    sort_groups,
)
from app.sums.line_sums import (
    DistinctLines,
    LineSums,
    Sum,
    Totals,
    amount_notes,
    kinds_note,
    unstated_note,
    years_note,
)
from app.sums.missing import missing_notes
from app.sums.overlaps import MAX_LISTED, OverlappingLine, overlaps_of

MAX_DESCRIBED = 500  # measures whose lines are looked at for a note

MEASURE, LINE = (RESOURCE_TABLES[each.name][0].table.c for each in (MEASURES, BUDGET_LINES))
LINES_OF = Statement(
    select(MEASURE.id, LINE.key)
    .where(InList(MEASURE.key, "measures"), LINE.measure_id == MEASURE.id)
    .order_by(LINE.key)
)

GROUP_BY = Parameter(
    "group_by",
    "What to sum by: one dimension, or two.",
    "choice",
    many=True,
    choices=one_of(*DIMENSIONS),
    component="BudgetDimension",
    required=True,
    example="ministry",
)
SORT = Parameter(
    "sort",
    "What to order the groups by: `involved` is their amount; the order of the dimension's own values when left out.",
    "choice",
    choices=one_of(*SORTS),
    component="BudgetGroupSort",
)
LIMIT = Parameter(
    "limit",
    "Groups to show; all that come after are one more group, `others`. All are shown when left out.",
    "integer",
    minimum=1,
    maximum=MAX_ROWS,
)
PARAMETERS = by_name(GROUP_BY, *with_operators(BUDGET_LINES.filters.values()), Q, SORT, ORDER, LIMIT, NEWEST)

GROUPS_OVERLAP = Note(
    code="groups-overlap",
    ja="一つの予算行が複数のグループに数えられている。グループの合計は total と一致しない。",
    en="Some lines count in several groups: the groups do not add up to `total`, which counts each line once.",
)

OTHERS_LABEL = Name(ja="その他", en="others", en_official=False)

UNORDERED = Note(
    code="several-kinds-last",
    ja="複数の種類の金額を含むグループは、一つの合計がないため最後に並ぶ。phase と basis で一種類に絞ると順に並ぶ。",
    en="Groups with amounts of several kinds have no single sum, and come last: filter by `phase` and `basis` to order "
    "all of them.",
)

NOT_STATED = Note(
    code="amounts-not-stated",
    ja="null の合計は、文書に金額の記載がないもの。予算行のない 0 は、絞り込みで該当がなくなったことをいう。",
    en="A sum that is null is of what no document states an amount for; 0 without lines: the filters leave all out.",
)


class BudgetGroup(Schema):
    """The lines under one value, or under one of each of two."""

    key: str = Field(
        description="The value; two are joined by a comma; `none` for lines without one; `others` for the groups "
        "beyond `limit`, together."
    )
    label: Name
    lines: DistinctLines
    sole: Amount = Field(description="Of lines that one ministry pays alone.")
    joint: Amount = Field(description="Of lines that several ministries pay together, whole.")
    involved: Amount = Field(description="Both.")
    totals: Totals


class BudgetGroupRow(Schema):
    """The lines of one kind in a group, as a row of a download."""

    key: str
    label: Name
    lines: Int32
    sole: Amount
    joint: Amount
    involved: Amount
    additive: bool = Field(description="Whether the groups of one basis and phase add up; the same in every row.")
    notes: list[str] = Field(
        description="Codes of the answer's notes, the same in every row; `/v1/budget-summary` has their texts."
    )


class BudgetSummary(Schema):
    """Sums of budget lines, each line once in a group and once in the total."""

    group_by: Annotated[list[str], Field(max_length=2)]
    groups: list[BudgetGroup] = Field(
        description="By one dimension, every value: zero where the filters leave out all of its lines, null where the "
        "documents print none, or none of the years, budgets, phases and bases asked for; by two, the combinations "
        "that have lines."
    )
    total: Amount = Field(description="Of the distinct lines; null where they are of several kinds: see `totals`.")
    totals: Totals
    lines: DistinctLines
    overlaps: Annotated[list[OverlappingLine], Field(max_length=MAX_LISTED)] = Field(
        description="Lines that are not counted in the total, since others say the same money; the first 100."
    )
    additive: bool = Field(description="Whether the groups of each basis and phase add up to its total.")
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
    query = context.query
    return json_response(await context.snapshot.run(summarize, query, light=_is_rendered(query)))


def _is_rendered(query: Query) -> bool:
    """Whether the build has stored the answer as it is."""
    return query.get(GROUP_BY.name) in RENDERED and query.values.keys() == {GROUP_BY.name}


def summarize(query: Query, searcher: Searcher) -> bytes:
    """A query of PARAMETERS answered in the schema of BudgetSummary. Raises a 422 Problem if it has more than two
    dimensions."""
    group_by = query.get("group_by")
    if len(group_by) > 2:
        raise conflict("group_by", "`group_by` takes one dimension or two. Leave some out.")
    rows = searcher.match(BUDGET_LINES, query)
    notes = [
        *query_notes(query, [BUDGET_LINES], rows, searcher),
        *_described_note(query, rows, searcher),
        *missing_notes(query, group_by, searcher),
    ]
    groups: Any
    if _is_rendered(query):
        total, additive, complete, groups = _read_rendered(group_by, searcher)
    else:
        total, shown, rest = _groups(query, rows, searcher)
        if rest:
            notes.append(_others_note(rest))
        additive, complete = is_additive(shown, total), is_complete(shown)
        groups = [group.render() for group in shown]
    overlaps, overlap_notes = overlaps_of(rows, searcher)
    notes += [
        *amount_notes(rows, searcher),
        *unstated_note(total),
        *kinds_note(total),
        *years_note(total, rows, searcher),
        *overlap_notes,
    ]
    if query.text("sort") == "involved" and len(total.stated) > 1:
        notes.append(UNORDERED)
    if not complete or not is_stated(total):
        notes.append(NOT_STATED)
    if not additive:
        notes.append(GROUPS_OVERLAP)
    for name in group_by:
        note = BUDGET_LINES.filters[name].note
        if note and note not in notes:
            notes.append(note)
    answer = {
        "group_by": group_by,
        "groups": groups,
        "total": total.amount("involved"),
        "totals": total.totals(),
        "lines": total.lines,
        "overlaps": overlaps,
        "additive": additive,
        "notes": notes,
        "meta": searcher.dataset.meta,
    }
    return to_json(answer)


def _described_note(query: Query, rows: BitMap, searcher: Searcher) -> list[Note]:
    """The note of lines that `q` does not find, because the descriptions of their measures alone hold its words."""
    if not query.terms:
        return []
    matches = searcher.search(query.terms, [MEASURES])
    described = (matches.in_texts - matches.in_names) & searcher.index.rows(MEASURES.name)
    others = searcher.match(BUDGET_LINES, query.without(Q.name)) - rows
    found = searcher.session.query(LINES_OF, measures=list(described[:MAX_DESCRIBED])) if described and others else []
    ids = distinct(id_ for id_, key in found if key in others)
    if not ids:
        return []
    return [
        Note(
            code="described-measures-not-counted",
            ja=f"q の語が説明だけにある施策の予算行は含まない: {listed(ids)}。",
            en=f"The lines of measures whose descriptions alone hold the words of `q` are not counted: {listed(ids)}.",
        )
    ]


def _read_rendered(group_by: Sequence[str], searcher: Searcher) -> tuple[Sum, bool, bool, orjson.Fragment]:
    """The sums of all lines: the total, whether the groups add up to it, whether an amount is stated for each, and the
    groups as JSON."""
    searcher.session.check_deadline()
    head, _, groups = read_value(searcher.session, GROUPS + ",".join(group_by)).partition(b"\n")
    total, additive, complete = orjson.loads(head)
    return Sum.load(total), additive, complete, orjson.Fragment(groups)


def _groups(query: Query, rows: BitMap, searcher: Searcher) -> tuple[Sum, list[Group], int]:
    """The total of these rows, the groups that are shown, in their order, and how many of them are shown as one."""
    dimensions = [BUDGET_LINES.filters[name] for name in query.get(GROUP_BY.name)]
    sums = LineSums(searcher.index, searcher.vocabularies, searcher.session.check_deadline)
    total = sums.sum(rows)
    if not total.lines:
        total = total._replace(known=is_known(query, searcher))
    # The sum of a group whose lines the filters exclude is zero, not null, if the documents have lines for the values
    # that the filters name, or if the filter of the group's own dimension excludes it.
    first, ids = dimensions[0], query.get(dimensions[0].name)
    own = searcher.rows_of(BUDGET_LINES, first, ids) if ids else None
    reported = reported_rows(query, searcher)
    known = {
        value
        for value, lines in searcher.values(BUDGET_LINES, first).rows.items()
        if (total.known and (first.name not in REPORTED_DIMENSIONS or lines.intersect(reported)))
        or (own is not None and lines.isdisjoint(own))
    }
    groups = groups_of(dimensions, sums.by(dimensions, rows), searcher.vocabularies, known)
    ordered = sort_groups(groups, query.text("sort"), descending=query.text("order") == "desc")
    limit = query.number("limit") or len(ordered)
    shown, rest = ordered[:limit], ordered[limit:]
    if rest:
        together = sums.together(dimensions, {group.key for group in rest}, rows)
        together = together._replace(known=any(group.sum.known for group in rest))
        shown.append(Group((OTHERS,), OTHERS_LABEL.model_dump(), together))
    return total, shown, len(rest)


def _others_note(count: int) -> Note:
    return Note(
        code="others",
        ja=f"`limit` を超えた{count}グループは一つのグループ others にまとめ、その予算行を一度ずつ数えている。",
        en=f"The groups beyond `limit`, {count} of them, are one group, `others`, which counts each of its lines once.",
    )
