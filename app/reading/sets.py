"""Sets: which rows stand under each value, as bitmaps; derived from the field lines that SQL is, and equal to it."""

import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pyroaring import BitMap
from sqlalchemy import Select, select

from app.db import Rows
from app.reading import sql
from app.reading.cursor import Cursor
from app.reading.filters import Filter
from app.reading.question import Question
from app.reading.resource import Resource
from app.reading.sql import SEARCHABLE
from app.reading.terms import NONE, Vocabularies

T = TypeVar("T")

Learn = Callable[[Select[Any]], Sequence[Any]]  # runs a statement that is run once for all questions

LARGEST = 2**32 - 2  # of the numbers that a bitmap holds
KEPT = 64  # orders of questions that are remembered, so that following `next` does not sort again


@dataclass(frozen=True)
class Values:
    """The rows under each value, and those under any."""

    under: Mapping[Any, BitMap]
    some: BitMap


@dataclass(frozen=True)
class Order:
    """All rows in the order of a sort, and the place of each."""

    keys: Sequence[int]
    places: Mapping[int, int]


@dataclass(frozen=True)
class Found:
    """A row by its key; its place needs no value of a column."""

    key: int
    sorted: None = None


class Sets:
    """What is known of every row of one database; each part is read when it is first asked for, and kept."""

    def __init__(self, learn: Learn, vocabularies: Vocabularies) -> None:
        self._learn = learn
        self._vocabularies = vocabularies
        self._lock = threading.Lock()
        self._known: dict[Any, Any] = {}
        self._ordered: OrderedDict[Any, Sequence[int]] = OrderedDict()

    def matching(self, resource: Resource, question: Question, rows: Rows, *, but: str = "") -> BitMap:
        """The rows of a question, without the filter named `but`."""
        found = self._all(resource)
        for filter_, ids in question.filters():
            if filter_.name != but:
                found = found & self._under(resource, filter_, ids)
        if question.terms:
            words = select(SEARCHABLE.c.row).where(SEARCHABLE.c.type == resource.name, *sql.holds(question.terms))
            found = found & BitMap(row[0] for row in rows(words))
        return found

    def counts(self, resource: Resource, filter_: Filter, among: BitMap) -> tuple[dict[Any, int], int]:
        """How many of these rows stand under each value, and under none."""
        values = self._values(resource, filter_)
        return {key: among.intersection_cardinality(rows) for key, rows in values.under.items()}, len(
            among - values.some
        )

    def page(
        self, resource: Resource, question: Question, among: BitMap, cursor: Cursor | None, limit: int, offset: int
    ) -> list[Found]:
        """The rows of a page and one more; a backwards cursor gives them in reverse."""
        view = self._view(resource, question, among)
        if cursor is None:
            return [Found(view.key(place)) for place in range(offset, min(offset + limit + 1, len(among)))]
        # A cursor is a caller's: any number may stand in it.
        key = None if cursor.key is None else min(max(cursor.key, 1), LARGEST)
        if not cursor.backwards:
            first = view.after(key or 1)
            return [Found(view.key(place)) for place in range(first, min(first + limit + 1, len(among)))]
        end = len(among) if key is None else view.before(key)
        return [Found(view.key(place)) for place in range(end - 1, max(end - limit - 2, -1), -1)]

    def _view(self, resource: Resource, question: Question, among: BitMap) -> "_View":
        sort, down = sql.sort_column(question), question.text("order") == "desc"
        if sort == "key":
            return _Descending(among) if down else _Ascending(among)
        order = self._order(resource, question, sort, down=down)
        identity = (resource.name, question.query(limit=None, offset=None, cursor=None, facet=None))
        with self._lock:
            ordered = self._ordered.pop(identity, None)
        if ordered is None:
            ordered = sorted(among, key=order.places.__getitem__)
        with self._lock:
            self._ordered[identity] = ordered
            while len(self._ordered) > KEPT:
                self._ordered.popitem(last=False)
        return _Sorted(ordered, order.places)

    def _under(self, resource: Resource, filter_: Filter, ids: tuple[str, ...]) -> BitMap:
        if filter_.bound:
            return self._bounded(resource, filter_, int(ids[0]))
        terms = filter_.terms(self._vocabularies).terms
        values = self._values(resource, filter_)
        found = BitMap()
        for id_ in ids:
            if id_ in terms:
                found = found | values.under.get(terms[id_].key, BitMap())
        if NONE in ids and NONE not in terms:
            found = found | (self._all(resource) - values.some)
        return found

    def _all(self, resource: Resource) -> BitMap:
        return self._once(
            ("all", resource.name), lambda: BitMap(row[0] for row in self._learn(select(resource.table.c.key)))
        )

    def _values(self, resource: Resource, filter_: Filter) -> Values:
        def read() -> Values:
            table, junction = resource.table, filter_.junction
            if junction is None:
                column = table.c[filter_.column or ""]
                statement = select(column, table.c.key).where(column.is_not(None))
            else:
                statement = select(junction.c.value, junction.c.row)
            keys: dict[Any, list[int]] = {}
            for value, key in self._learn(statement):
                keys.setdefault(value, []).append(key)
            under = {value: BitMap(found) for value, found in keys.items()}
            return Values(under, BitMap.union(*under.values()) if under else BitMap())

        return self._once(("values", resource.name, filter_.name), read)

    def _bounded(self, resource: Resource, filter_: Filter, limit: int) -> BitMap:
        def read() -> tuple[list[int], list[int]]:
            column = resource.table.c[filter_.column or ""]
            found = self._learn(select(column, resource.table.c.key).where(column.is_not(None)).order_by(column))
            return [row[0] for row in found], [row[1] for row in found]

        values, keys = self._once(("bounds", resource.name, filter_.column), read)
        if filter_.bound == "min":
            return BitMap(keys[bisect_left(values, limit) :])
        return BitMap(keys[: bisect_right(values, limit)])

    def _order(self, resource: Resource, question: Question, sort: str, *, down: bool) -> Order:
        def read() -> Order:
            steps = sql.steps(resource, question)
            ordered = (value.desc() if descends else value.asc() for value, descends in steps)
            keys = [row[0] for row in self._learn(select(resource.table.c.key).order_by(*ordered))]
            return Order(keys, {key: place for place, key in enumerate(keys)})

        return self._once(("order", resource.name, sort, down), read)

    def _once(self, name: Any, read: Callable[[], T]) -> T:
        if name not in self._known:
            self._known[name] = read()  # twice at the worst, when two ask at once, and the same both times
        found: T = self._known[name]
        return found


class _View(Protocol):
    """Rows in an order: the key at a place, how many stand before a key, and the place of the first after it."""

    def key(self, place: int) -> int: ...

    def before(self, key: int) -> int: ...

    def after(self, key: int) -> int: ...


class _Ascending:
    def __init__(self, among: BitMap) -> None:
        self._among = among

    def key(self, place: int) -> int:
        return int(self._among[place])

    def before(self, key: int) -> int:
        return int(self._among.rank(key - 1))

    def after(self, key: int) -> int:
        return int(self._among.rank(key))


class _Descending:
    def __init__(self, among: BitMap) -> None:
        self._among = among

    def key(self, place: int) -> int:
        return int(self._among[len(self._among) - 1 - place])

    def before(self, key: int) -> int:
        return len(self._among) - int(self._among.rank(key))

    def after(self, key: int) -> int:
        return len(self._among) - int(self._among.rank(key - 1))


class _Sorted:
    def __init__(self, ordered: Sequence[int], places: Mapping[int, int]) -> None:
        self._ordered = ordered
        self._places = places

    def key(self, place: int) -> int:
        return self._ordered[place]

    def before(self, key: int) -> int:
        return bisect_left(self._ordered, self._places.get(key, 0), key=self._places.__getitem__)

    def after(self, key: int) -> int:
        return bisect_right(self._ordered, self._places.get(key, 0), key=self._places.__getitem__)
