"""Searcher: finds the rows of queries by intersecting sets of the index. No row is read to find one."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pyroaring import BitMap
from sqlalchemy import bindparam
from sqlmodel import col, select

from app.db.base import Contains, InList, Session, Statement
from app.db.tables import ServingIndex, ServingText
from app.index import Index, Keyset, TextMatches, ValueIndex, search
from app.query.dataset import Dataset
from app.query.filters import Filter
from app.query.parser import Query
from app.query.periods import within
from app.query.resource import Resource
from app.query.vocabulary import NONE, Vocabularies

TEXTS_AT_ONCE = 5_000  # rows verified by one statement

PART = Statement(select(ServingIndex.value, ServingIndex.data).where(col(ServingIndex.name) == bindparam("name")))
ENTRIES = Statement(
    select(ServingIndex.name, ServingIndex.value, ServingIndex.data).where(
        InList(col(ServingIndex.name), "names"), InList(col(ServingIndex.value), "entries")
    )
)
CONTAINING = {
    field: Statement(select(ServingText.key).where(InList(col(ServingText.key), "keys"), Contains(column, "text")))
    for field, column in (("names", ServingText.names), ("descriptions", ServingText.descriptions))
}


def values_of(index: Index, vocabularies: Vocabularies, resource: Resource, filter_: Filter) -> ValueIndex:
    """The rows under each value of a filter, those under narrower values included."""
    narrower = filter_.values(vocabularies).narrower if filter_.multivalued else None
    return index.values(resource.name, filter_.indexed, narrower)


class Searcher:
    """Evaluates queries of a dataset, by its index, in one session. `loaded` are the parts of the index that all
    sessions share. It is the TextReader of full-text searches."""

    def __init__(self, dataset: Dataset, loaded: dict[str, Any], session: Session) -> None:
        self.index = Index(lambda name: dict(session.query(PART, name=name)), loaded)
        self.session = session
        self.dataset = dataset
        self.vocabularies = dataset.vocabularies
        self._searches: dict[Any, TextMatches] = {}  # answers and their notes need the same

    def match(self, resource: Resource, query: Query) -> BitMap:
        """The rows of a query."""
        rows = self.index.rows(resource.name)
        for filter_, ids in query.filters():
            rows = rows & self.rows_of(resource, filter_, ids)
        if query.terms:
            rows = rows & self.search(query.terms, [resource]).anywhere
        return rows

    def rows_of(self, resource: Resource, filter_: Filter, ids: tuple[str, ...]) -> BitMap:
        """The rows that have any, none or every one of these values, as the filter's operator says."""
        if filter_.kind == "amount":
            column = self.index.column(resource.name, filter_.column)
            return column.at_least(int(ids[0])) if filter_.bound == "min" else column.at_most(int(ids[0]))
        if filter_.kind == "id":
            any_of = self.index.among(resource.name, filter_.indexed, ids, self)
            return self.index.rows(resource.name) - any_of if filter_.operator == "not" else any_of
        values, rows = self.values(resource, filter_), self.index.rows(resource.name)
        if filter_.kind == "period":
            return BitMap().union(*map(values.of, within(filter_.bound, ids[0], filter_.values(self.vocabularies))))
        found = [rows - values.present if id_ == NONE else values.of(id_) for id_ in ids]
        if filter_.operator == "all":
            return BitMap.intersection(*found)
        any_of = found[0] if len(found) == 1 else BitMap.union(*found)
        return rows - any_of if filter_.operator == "not" else any_of

    def values(self, resource: Resource, filter_: Filter) -> ValueIndex:
        """The rows under each value of a filter, those under narrower values included."""
        return values_of(self.index, self.vocabularies, resource, filter_)

    def count(self, resource: Resource, filter_: Filter, rows: BitMap) -> tuple[dict[str, int], int]:
        """How many of these rows have each value of a filter, and how many have none."""
        values = self.values(resource, filter_)
        counts = {value: rows.intersection_cardinality(bitmap) for value, bitmap in values.rows.items()}
        return counts, len(rows) - rows.intersection_cardinality(values.present)

    def keyset(self, resource: Resource, query: Query, rows: BitMap) -> Keyset:
        """These rows in the order that the query asks for."""
        sort, descending = query.text("sort"), query.text("order") == "desc"
        present = self.index.rows(resource.name)
        first = present[0] - 1 if present else 0
        if not sort:
            return Keyset.by_key(rows, first=first, descending=descending)
        return Keyset.by_column(self.index.order(resource.name, sort), rows, first=first, descending=descending)

    def search(self, terms: tuple[str, ...], resources: Sequence[Resource]) -> TextMatches:
        """The rows that contain each of the terms, those of these resources also by the names of what they link to."""
        searched = (terms, *(resource.name for resource in resources))
        if searched not in self._searches:
            linked = [
                BitMap().union(*(rows for resource in resources for *_, rows in self.linked(term, resource)))
                for term in terms
            ]
            self._searches[searched] = search(terms, self, linked)
        return self._searches[searched]

    def linked(self, term: str, resource: Resource) -> Iterator[tuple[str, str, BitMap]]:
        """The rows that link to something one of whose names contains the term: each path and id of such links, with
        its rows."""
        for path, vocabulary in resource.searched_links.items():
            linking = self.index.values(resource.name, path).rows
            for id_ in self.vocabularies[vocabulary].containing(term):
                if id_ in linking:
                    yield path, id_, linking[id_]

    def entries(self, names: Sequence[str], values: Sequence[str]) -> Iterable[tuple[str, str, bytes]]:
        """The index entries of these names and values."""
        return self.session.query(ENTRIES, names=names, entries=values)

    def containing(self, field: str, rows: BitMap, text: str) -> BitMap:
        """Those of the rows whose names or descriptions contain the text."""
        keys, found = list(rows), BitMap()
        for start in range(0, len(keys), TEXTS_AT_ONCE):
            some = keys[start : start + TEXTS_AT_ONCE]
            found.update(key for (key,) in self.session.query(CONTAINING[field], keys=some, text=text))
        return found
