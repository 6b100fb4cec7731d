"""From a question to SELECT statements: pure, and the same for every resource; nothing here runs one."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Table, and_, case, func, or_, select, true

from app.facts.tables import Searchable
from app.reading.cursor import Cursor
from app.reading.filters import Filter
from app.reading.question import Question
from app.reading.resource import Resource
from app.reading.terms import NONE, Vocabularies

Where = list[ColumnElement[bool]]
Steps = tuple[tuple[ColumnElement[Any], bool], ...]  # what rows are ordered by, and whether downwards

SEARCHABLE: Table = Searchable.__table__  # type: ignore[attr-defined]


def where(resource: Resource, question: Question, vocabularies: Vocabularies, *, but: str = "") -> Where:
    """The conditions of a question, without the filter named `but` (a facet counts under every other one)."""
    conditions = [
        _condition(resource.table, filter_, ids, vocabularies)
        for filter_, ids in question.filters()
        if filter_.name != but
    ]
    if question.terms:
        found = select(SEARCHABLE.c.row).where(SEARCHABLE.c.type == resource.name, *holds(question.terms))
        conditions.append(resource.table.c.key.in_(found))
    return conditions


def holds(terms: tuple[str, ...]) -> Where:
    """The searchable text holds each term as a substring, `%` and `_` meaning themselves."""
    return [SEARCHABLE.c.text.contains(term, autoescape=True) for term in terms]


def every(conditions: Iterable[ColumnElement[bool]]) -> ColumnElement[bool]:
    return and_(true(), *conditions)


def _condition(table: Table, filter_: Filter, ids: tuple[str, ...], vocabularies: Vocabularies) -> ColumnElement[bool]:
    if filter_.bound:
        column, limit = table.c[filter_.column or ""], int(ids[0])
        return column >= limit if filter_.bound == "min" else column <= limit
    terms = filter_.terms(vocabularies).terms
    keys = [terms[id_].key for id_ in ids if id_ in terms]
    if filter_.junction is None:
        column = table.c[filter_.column or ""]
        missing: ColumnElement[bool] = column.is_(None)
        among: ColumnElement[bool] = column.in_(keys)
    else:
        linked = filter_.junction.alias()  # another use of the table than a statement's own, such as a sum's
        missing = table.c.key.not_in(select(linked.c.row))
        among = table.c.key.in_(select(linked.c.row).where(linked.c.value.in_(keys)))
    if NONE not in ids or NONE in terms:
        return among
    return or_(among, missing) if keys else missing


def count(resource: Resource, conditions: Where) -> Select[Any]:
    """How many rows there are."""
    return select(func.count()).select_from(resource.table).where(*conditions)


def matches(resource: Resource, question: Question, conditions: Where) -> Select[Any]:
    """The rows of a question, in no order yet, without their records: what is sorted should be small."""
    table = resource.table
    return select(table.c.key, table.c[sort_column(question)].label("sorted")).where(*conditions)


def records(resource: Resource, keys: Sequence[int]) -> Select[Any]:
    """The records of some rows, by key."""
    return select(resource.records).where(resource.records.c.key.in_(keys))


def steps(resource: Resource, question: Question) -> Steps:
    """What a resource's rows are ordered by, none of it ever null: empty values come last."""
    table = resource.table
    column = table.c[sort_column(question)]
    down = question.text("order") == "desc"
    if column is table.c.key:
        return ((column, down),)
    empty = case((column.is_(None), 1), else_=0)
    return (empty, False), (func.coalesce(column, _filled(None, column)), down), (table.c.key, down)


def page(rows: Select[Any], steps: Steps, cursor: Cursor | None, *, limit: int, offset: int = 0) -> Select[Any]:
    """The rows of a page, and one more to know whether another follows. Every order ends on the key, so that
    following `next` meets every row once. A backwards cursor gives its rows in reverse."""
    backwards = cursor is not None and cursor.backwards
    turned = tuple((value, down != backwards) for value, down in steps)
    ordered = rows.order_by(*(value.desc() if down else value.asc() for value, down in turned)).limit(limit + 1)
    if cursor is None:
        return ordered.offset(offset)
    if cursor.key is None:
        return ordered
    match steps:
        case (_,):
            at: tuple[Any, ...] = (cursor.key,)
        case (_, _):
            at = (cursor.value, cursor.key)
        case _:
            at = (int(cursor.value is None), _filled(cursor.value, steps[1][0]), cursor.key)
    return ordered.where(_beyond(turned, at))


def _filled(value: int | str | None, column: ColumnElement[Any]) -> int | str:
    """A stand-in where there is no value; it is compared only with its like."""
    if value is not None:
        return value
    return 0 if isinstance(column.type, Integer) else ""


def _beyond(steps: Steps, at: tuple[Any, ...]) -> ColumnElement[bool]:
    """Rows that come after a row, in an order of several steps."""
    ways: list[ColumnElement[bool]] = []
    same: list[ColumnElement[bool]] = []
    for (value, down), limit in zip(steps, at, strict=True):
        ways.append(and_(*same, value < limit if down else value > limit))
        same.append(value == limit)
    return or_(*ways)


def sort_column(question: Question) -> str:
    """The column that orders the rows; the collection's own order is that of its keys."""
    return question.text("sort") or "key"
