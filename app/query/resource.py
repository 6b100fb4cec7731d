"""Resource: the declaration of one collection, from which its routes, index, tables and downloads are derived."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.query.filters import Filter, linked
from app.query.vocabulary import Concept
from app.schemas import Record, References


@dataclass(frozen=True)
class VocabularySource:
    """A vocabulary whose values are records of a resource: `concepts` gives those that a record stands for."""

    name: str
    concepts: Callable[[Any], Iterable[Concept]]
    sorted: bool = False  # by their ids, not in the order of the records
    field: str = "id"  # a record in which this is empty stands for none


@dataclass(frozen=True)
class Resource:
    """One collection.

    `names` and `descriptions` are the fields that full-text search reads. `own_sorts` gives, beside id and name, the
    sorts and the path of the value that each orders by. `evidenced` is whether documents evidence the records, which a
    filter selects by. `versioned` is whether ids begin with a version: texts are then ordered by the numbers in them,
    1.9.0 before 1.10.0, and equal ones by the ids. Without `meaning_ja`, Japanese pages show `meaning`.
    """

    name: str
    singular: str
    meaning: str
    record: type[Record]
    meaning_ja: str = ""
    own_filters: tuple[Filter, ...] = ()
    own_sorts: Mapping[str, str] | None = None
    names: tuple[str, ...] = ("name",)
    descriptions: tuple[str, ...] = ()
    vocabularies: tuple[VocabularySource, ...] = ()
    evidenced: bool = True
    versioned: bool = False

    @cached_property
    def plural(self) -> str:
        return self.name.replace("-", "_")

    @cached_property
    def noun(self) -> str:
        """What one record is called in a sentence."""
        return self.singular.replace("_", " ")

    @cached_property
    def filters(self) -> dict[str, Filter]:
        meaning = "Documents that evidence the record, by more than how its money relates to that of other records."
        evidenced = linked("document", meaning, path="documents")
        added = (evidenced,) if self.evidenced else ()
        return {filter_.name: filter_ for filter_ in (*self.own_filters, *added)}

    @cached_property
    def searched_links(self) -> Mapping[str, str]:
        """The paths of ids whose names `q` reads too, each with the vocabulary of the names."""
        return {
            f"{name}.id": mark.searched
            for name, info in self.record.model_fields.items()
            for mark in info.metadata
            if isinstance(mark, References) and mark.searched
        }

    def filter_of(self, path: str) -> Filter | None:
        """The first filter that selects by the values at this path."""
        return next((each for each in self.filters.values() if path in each.paths), None)

    @cached_property
    def facets(self) -> tuple[str, ...]:
        return tuple(name for name, filter_ in self.filters.items() if filter_.facet)

    @cached_property
    def sorts(self) -> Mapping[str, str]:
        """By name, the path of the value that orders the records."""
        return {"id": "id", "name": "name.ja", **(self.own_sorts or {})}


def texts_of(fields: Iterable[str], record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The texts of a record's fields, each with its path, such as `name.ja`."""
    for field in fields:
        value = record[field]
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict):
                yield f"{field}.ja", part["ja"]
                yield f"{field}.en", part["en"]
            elif part:
                yield field, part
