"""Budget summary: sums of budget lines by one or two of their dimensions; a joint line is never split."""

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Annotated, Any

import orjson
from pydantic import Field
from pyroaring import BitMap
from starlette.responses import Response

from app.db import Rows
from app.errors import Problem, conflict
from app.facts.shapes import Int32, Name, Note, Shape
from app.reading import postings
from app.reading.answers import AnswerMeta
from app.reading.dataset import Dataset
from app.reading.filters import Filter, Parameter, one_of
from app.reading.operations import Operation, respond
from app.reading.question import Question, told
from app.reading.routes import Q, by_name
from app.reading.service import Service, Snapshot
from app.reading.sets import Sets
from app.reading.terms import NONE, Term
from app.resources.amount import Amount
from app.resources.budget_lines import BUDGET_LINES
from app.resources.sums import NOTHING as NO_LINES
from app.resources.sums import Ledger, Sum, unstated

DIMENSIONS = ("ministry", "pillar", "modality", "section", "fiscal_year", "package")
EVERYTHING = f"{BUDGET_LINES.name}/sums"  # the postings that hold the sums of all lines
Key = tuple[str | None, ...]  # the value of each dimension, as rows hold it

NOTHING = Name(ja="該当なし", en="none", en_official=False)

GROUP_BY = Parameter(
    name="group_by",
    meaning="What to sum by: one of these, or two.",
    kind="choice",
    many=True,
    choices=one_of(*DIMENSIONS),
    schema="BudgetDimension",
    required=True,
    example="ministry",
)
PARAMETERS = by_name(GROUP_BY, *BUDGET_LINES.filters.values(), Q)

OVERLAP = Note(
    code="groups-overlap",
    ja="一つの予算行が複数のグループに数えられている。グループの合計は total と一致しない。",
    en="Some lines count in several groups: the groups do not add up to `total`, which counts each line once.",
)


class BudgetGroup(Shape):
    """The lines under one value, or under one of each of two."""

    key: str = Field(description="The value; two are joined by a comma; `none` for lines without one.")
    label: Name
    lines: Int32
    sole: Amount = Field(description="Of lines that one ministry pays alone.")
    joint: Amount = Field(description="Of lines that several ministries pay together, whole.")
    involved: Amount = Field(description="Both.")


class BudgetSummary(Shape):
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


def summary(question: Question, dataset: Dataset, sets: Sets, rows: Rows) -> bytes:
    """Answers a question of PARAMETERS from sets, in the shape of BudgetSummary."""
    dimensions = [BUDGET_LINES.filters[name] for name in question.get("group_by")]
    among = sets.matching(BUDGET_LINES, question, rows)
    total = Ledger(sets).sum(among)
    everything = len(among) == len(sets.every(BUDGET_LINES))
    sums = _kept(dimensions, rows) if everything else _summed(dimensions, among, sets, rows.in_time)
    vocabularies = [list(filter_.terms(dataset.vocabularies).terms.values()) for filter_ in dimensions]
    groups = _groups(vocabularies, sums)
    additive = sum(group["lines"] for group in groups) == total.lines
    notes = [*told(question, dataset.vocabularies), *unstated([total])]
    if not additive:
        notes.append(OVERLAP)
    notes.extend(filter_.note for filter_ in dimensions if filter_.note and filter_.note not in notes)
    answer = {
        "group_by": question.get("group_by"),
        "groups": groups,
        "total": total.amount(total.involved),
        "lines": total.lines,
        "additive": additive,
        "notes": [note.model_dump() for note in notes],
        "meta": {"dataset": dataset.shown, "attribution": dataset.attribution},
    }
    return orjson.dumps(answer)


def known(sets: Sets) -> Iterator[tuple[str, str, bytes]]:
    """The sums of everything, for the build to keep: they take longest, and are asked first."""
    for count in (1, 2):
        for names in combinations(DIMENSIONS, count):
            sums = _summed([BUDGET_LINES.filters[name] for name in names], sets.every(BUDGET_LINES), sets, lambda: None)
            yield EVERYTHING, ",".join(names), orjson.dumps(list(sums.items()), default=tuple)


def _kept(dimensions: list[Filter], rows: Rows) -> dict[Key, Sum]:
    """The sums of everything, as `known` had them kept."""
    wanted = ",".join(filter_.name for filter_ in dimensions)
    ((_, _, packed),) = rows(postings.SOME, names=[EVERYTHING], values=[wanted])
    return {tuple(key): Sum.unpacked(each) for key, each in orjson.loads(packed)}


def _summed(dimensions: list[Filter], among: BitMap, sets: Sets, in_time: Callable[[], None]) -> dict[Key, Sum]:
    ledger, sums = Ledger(sets), {}
    for key, group in _grouped(dimensions, among, sets):
        in_time()
        sums[key] = ledger.sum(group)
    return sums


def _grouped(dimensions: list[Filter], among: BitMap, sets: Sets) -> Iterator[tuple[Key, BitMap]]:
    """The lines under each value, or under one of each of two, that has any; None is for those without a value."""
    first, *others = dimensions
    values = sets.values(BUDGET_LINES, first.name)
    for key, group in [*((key, among & rows) for key, rows in values.under.items()), (None, among - values.some)]:
        if group and others:
            yield from (((key, *more), lines) for more, lines in _grouped(others, group, sets))
        elif group:
            yield (key,), group


def _groups(vocabularies: list[list[Term]], sums: Mapping[Key, Sum]) -> list[dict[str, Any]]:
    """In the vocabularies' order, lines without a value last; by one dimension, empty values too."""
    terms = [{str(term.key): term for term in vocabulary} for vocabulary in vocabularies]
    places = [{key: place for place, key in enumerate([*each, None])} for each in terms]
    keys: set[Key] = {*sums, *((key,) for key in terms[0])} if len(terms) == 1 else set(sums)
    groups = []
    for key in sorted(keys, key=lambda key: [place[part] for place, part in zip(places, key, strict=True)]):
        found = [None if part is None else each[part] for each, part in zip(terms, key, strict=True)]
        each = sums.get(key, NO_LINES)
        groups.append(
            {
                "key": ",".join([term.id if term else NONE for term in found]),
                "label": _joined([term.label if term else NOTHING for term in found]),
                "lines": each.lines,
                "sole": each.amount(each.sole),
                "joint": each.amount(each.joint),
                "involved": each.amount(each.involved),
            }
        )
    return groups


def _joined(labels: list[Name]) -> dict[str, Any]:
    return {
        "ja": " × ".join([label.ja for label in labels]),
        "en": " × ".join([label.en for label in labels]),
        "en_official": all(label.en_official for label in labels),
    }


def operations(_: Service) -> list[Operation]:
    """The sums."""

    async def get_budget_summary(snapshot: Snapshot, question: Question, _: str) -> Response:
        if len(question.get("group_by")) > 2:
            message = "`group_by` takes one dimension or two. Leave some out."
            raise Problem(422, message, errors=[conflict("group_by", message)])
        found = await snapshot.database.answer(lambda rows: summary(question, snapshot.dataset, snapshot.sets, rows))
        return respond(found)

    return [
        Operation(
            path="/v1/budget-summary",
            answer=get_budget_summary,
            name="get_budget_summary",
            summary="Sum budget lines",
            description=(
                "Sums by one or two dimensions, under the filters of budget lines. A line paid by several ministries "
                "is never split: it is counted whole, as `joint`, in each of their groups, and once in the total."
            ),
            tag="budget-summary",
            shape=BudgetSummary,
            parameters=PARAMETERS,
        )
    ]
