"""Sets: which rows a question finds, from the postings that its field lines made; it reads no row to find one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pyroaring import BitMap
from sqlalchemy import Table, select

from app.db import Among, Holds, Rows, Statement
from app.facts import tables
from app.reading import postings
from app.reading.filters import Filter
from app.reading.postings import Numbers, Order
from app.reading.question import Question
from app.reading.resource import Resource
from app.reading.terms import NONE, Vocabularies
from app.reading.views import Keys, Ordered, View

T = TypeVar("T")

SEARCHABLE: Table = tables.Searchable.__table__  # type: ignore[attr-defined]
CHUNK = 5_000  # texts read by one statement


def _holding(column: Any) -> Statement:
    return Statement(select(SEARCHABLE.c.key).where(Among(SEARCHABLE.c.key, "keys"), Holds(column, "words")))


SHOWN_TABLE: Table = tables.Shown.__table__  # type: ignore[attr-defined]

SHOWN = Statement(select(SHOWN_TABLE.c.key, SHOWN_TABLE.c.shown).where(Among(SHOWN_TABLE.c.key, "keys")))
IN_NAMES = _holding(SEARCHABLE.c.names)
IN_DESCRIPTIONS = _holding(SEARCHABLE.c.descriptions)


class Learn(Protocol):
    """Runs a statement that is run once for all questions."""

    def __call__(self, statement: Statement, /, **values: Any) -> Iterable[tuple[Any, ...]]: ...


@dataclass(frozen=True)
class Values:
    """The rows under each value, and those under any."""

    under: Mapping[str, BitMap]
    some: BitMap

    def of(self, key: object) -> BitMap:
        return self.under.get(str(key)) or BitMap()


@dataclass(frozen=True)
class Words:
    """The records that hold words, by their place among all: in a name, or anywhere."""

    named: BitMap
    anywhere: BitMap


class Sets:
    """What is known of every row of one database; each part is read when it is first asked for, and kept."""

    def __init__(self, learn: Learn, vocabularies: Vocabularies) -> None:
        self._learn = learn
        self._vocabularies = vocabularies
        self._known: dict[str, Any] = {}
        first = sorted(
            (int.from_bytes(packed, "big"), name) for name, packed in learn(postings.ALL, name=postings.FIRST)
        )
        self.first: Mapping[str, int] = {name: place for place, name in first}

    def every(self, resource: Resource) -> BitMap:
        """All rows of a resource."""
        return self._once(postings.every(resource.name), lambda packed: postings.unpack(packed["every"]))

    def values(self, resource: Resource, name: str) -> Values:
        """The rows under each value of a filter, or of a column that a resource keeps so."""

        def unpacked(packed: Mapping[str, bytes]) -> Values:
            under = {value: postings.unpack(each) for value, each in packed.items()}
            return Values(under, BitMap.union(*under.values()) if under else BitMap())

        return self._once(postings.under(resource.name, name), unpacked)

    def numbers(self, resource: Resource, column: str) -> Numbers:
        """A column of numbers."""
        return self._once(postings.bits(resource.name, column), Numbers.unpacked)

    def order(self, resource: Resource, sort: str) -> Order:
        """The rows that have a value, in its order."""
        return self._once(postings.order(resource.name, sort), Order.unpacked)

    def matching(self, resource: Resource, question: Question, rows: Rows, *, but: str = "") -> BitMap:
        """The rows of a question, without the filter named `but`."""
        found = self.every(resource)
        for filter_, ids in question.filters():
            if filter_.name != but:
                found = found & self.under(resource, filter_, ids)
        if question.terms:
            found = found & self._within(resource, self.words(question.terms, rows).anywhere)
        return found

    def under(self, resource: Resource, filter_: Filter, ids: tuple[str, ...]) -> BitMap:
        """The rows under any of these values."""
        if filter_.bound:
            numbers = self.numbers(resource, filter_.column or "")
            return numbers.at_least(int(ids[0])) if filter_.bound == "min" else numbers.at_most(int(ids[0]))
        terms = filter_.terms(self._vocabularies).terms
        values = self.values(resource, filter_.name)
        found = [values.of(terms[id_].key) for id_ in ids if id_ in terms]
        if NONE in ids and NONE not in terms:
            found.append(self.every(resource) - values.some)
        return found[0] if len(found) == 1 else BitMap.union(*found)

    def counts(self, resource: Resource, filter_: Filter, among: BitMap) -> tuple[dict[str, int], int]:
        """How many of these rows stand under each value, and under none."""
        values = self.values(resource, filter_.name)
        counted = {value: among.intersection_cardinality(rows) for value, rows in values.under.items()}
        return counted, len(among) - among.intersection_cardinality(values.some)

    def view(self, resource: Resource, question: Question, among: BitMap) -> View:
        """These rows in the order that the question asks for."""
        sort, down = question.text("sort"), question.text("order") == "desc"
        if not sort:
            return View((Keys(among),), down=down)
        order = self.order(resource, sort)
        valued = among & order.some
        return View((Ordered(order, valued), Keys(among - valued)), down=down)

    def words(self, terms: tuple[str, ...], rows: Rows) -> Words:
        """The records that hold each of these folded terms; a long term is read in the texts that hold its pieces."""
        pieces = self._pieces({piece for term in terms for piece in postings.pieces_of(term)}, rows)
        names, texts = (
            [BitMap.intersection(*(pieces(name, piece) for piece in postings.pieces_of(term))) for term in terms]
            for name in (postings.NAMED, postings.DESCRIBED)
        )
        anywhere = BitMap.intersection(*(named | told for named, told in zip(names, texts, strict=True)))
        named = anywhere
        for term, in_names, in_text in zip(terms, names, texts, strict=True):
            if len(term) <= postings.GRAM:
                named = named & in_names
            else:
                held = self.read(IN_NAMES, in_names & anywhere, term, rows)
                anywhere = held | self.read(IN_DESCRIPTIONS, (in_text & anywhere) - held, term, rows)
                named = named & held
        return Words(named & anywhere, anywhere)

    def beginning(self, whole: str, among: BitMap, rows: Rows) -> tuple[BitMap, BitMap]:
        """Which of these records have a name that is these folded words, and which have one that begins with them."""
        begins, is_ = f"\n{whole}", f"\n{whole}\n"
        pieces = self._pieces({begins[: postings.GRAM + 1], is_}, rows)
        beginning = among & pieces(postings.NAMED, begins[: postings.GRAM + 1])
        if len(whole) <= postings.GRAM:
            return among & pieces(postings.NAMED, is_), beginning
        beginning = self.read(IN_NAMES, beginning, begins, rows)
        return self.read(IN_NAMES, beginning, is_, rows), beginning

    def _pieces(self, values: set[str], rows: Rows) -> Callable[[str, str], BitMap]:
        names = [postings.NAMED, postings.DESCRIBED]
        found = {
            (name, value): postings.unpack(packed)
            for name, value, packed in rows(postings.SOME, names=names, values=sorted(values))
        }
        return lambda name, value: found.get((name, value)) or BitMap()

    def read(self, statement: Statement, candidates: BitMap, words: str, rows: Rows) -> BitMap:
        """Those of the records in whose texts the words really stand."""
        keys, found = list(candidates), BitMap()
        for place in range(0, len(keys), CHUNK):
            found.update(row[0] for row in rows(statement, keys=keys[place : place + CHUNK], words=words))
        return found

    def shown(self, resource: Resource, keys: Sequence[int], rows: Rows) -> dict[int, bytes]:
        """What a search shows of rows, and others who need no more of them, by key."""
        before = self.first[resource.name] - 1
        return {place - before: each for place, each in rows(SHOWN, keys=[before + key for key in keys])}

    def of(self, resource: Resource, among: BitMap) -> BitMap:
        """The records of one resource, by their place among all."""
        first = self.first[resource.name]
        return among & BitMap(range(first, first + len(self.every(resource))))

    def _within(self, resource: Resource, among: BitMap) -> BitMap:
        """The same by their keys in it."""
        return self.of(resource, among).shift(1 - self.first[resource.name])

    def _once(self, name: str, unpacked: Callable[[Mapping[str, bytes]], T]) -> T:
        if name not in self._known:
            # Read twice at the worst, when two ask at once, and the same both times.
            self._known[name] = unpacked(dict(self._learn(postings.ALL, name=name)))
        found: T = self._known[name]
        return found
