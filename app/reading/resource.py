"""Resource: all that the service needs to know to keep and to serve one kind of record, as data."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Table

from app.facts.entry import Entry
from app.facts.library import Library, Published
from app.facts.shapes import Record
from app.facts.tables import Row, cells, records
from app.reading.filters import Filter, linked
from app.reading.sql import Reads
from app.reading.terms import Term

DOCUMENT = "document"  # the filter of every resource by what evidences it


@dataclass(frozen=True)
class Lists:
    """A vocabulary that the records of a resource make: each gives the term it stands for, or none."""

    name: str
    term: Callable[[Any, int], Term | None]


@dataclass(frozen=True)
class Resource:
    """One collection. `names` and `descriptions` are the fields that `q` reads; `own_sorts` the row's columns,
    beside id and name, that order it; `kept` the columns, beside those of filters, whose values are known as sets."""

    name: str
    singular: str
    meaning: str
    record: type[Record]
    row: type[Row]
    entry: type[Entry]
    publish: Callable[[Any, Library], Published]
    own_filters: tuple[Filter, ...] = ()
    own_sorts: tuple[str, ...] = ()
    names: tuple[str, ...] = ("name",)
    descriptions: tuple[str, ...] = ()
    lists: tuple[Lists, ...] = ()
    kept: tuple[str, ...] = ()
    reads: Reads = field(init=False, repr=False)

    def __post_init__(self) -> None:
        name = self.table.name
        object.__setattr__(self, "reads", Reads(self.table, records(name), cells(name)))

    @cached_property
    def plural(self) -> str:
        return self.name.replace("-", "_")

    @cached_property
    def table(self) -> Table:
        return self.row.__table__  # type: ignore[attr-defined,no-any-return]

    @cached_property
    def filters(self) -> dict[str, Filter]:
        # What evidences the others needs no evidence for itself.
        evidenced = () if self.singular == DOCUMENT else (linked(DOCUMENT, "Documents that evidence the record."),)
        return {filter_.name: filter_ for filter_ in (*self.own_filters, *evidenced)}

    @cached_property
    def facets(self) -> tuple[str, ...]:
        return tuple(name for name, filter_ in self.filters.items() if filter_.facet)

    @cached_property
    def sorts(self) -> tuple[str, ...]:
        return ("id", "name", *self.own_sorts)


def texts_of(fields: Iterable[str], record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The texts of a record's fields, each with the path at which it stands."""
    for field_ in fields:
        value = record[field_]
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict):
                yield f"{field_}.ja", part["ja"]
                yield f"{field_}.en", part["en"]
            elif part:
                yield field_, part
