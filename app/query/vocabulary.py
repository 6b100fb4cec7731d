"""Vocabularies: the values that a filter takes, their labels and aliases, and which are broader than which."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from app.errors import closest
from app.schemas import Name, Note, distinct
from app.text import fold

NONE = "none"  # the filter value that finds records without a value


class Term(BaseModel):
    """One value, as requests send it and as the index stores it."""

    model_config = ConfigDict(frozen=True)

    id: str
    label: Name
    aliases: tuple[str, ...] = ()
    broader: str | None = None
    notes: tuple[Note, ...] = ()

    @classmethod
    def of(cls, record: Any) -> "Term":
        """The value that stands for a record, found by its names."""
        return cls(id=record.id, label=record.name, aliases=(record.name.ja, record.name.en))


@dataclass(frozen=True)
class Vocabulary:
    """The values of one filter, in their own order."""

    terms: Mapping[str, Term]
    narrower: Mapping[str, tuple[str, ...]]
    _by_alias: Mapping[str, tuple[str, ...]] = field(repr=False)

    @classmethod
    def of(cls, terms: Iterable[Term]) -> "Vocabulary":
        by_id = {term.id: term for term in terms}
        by_alias: dict[str, list[str]] = {}
        for term in by_id.values():
            for alias in dict.fromkeys(fold(alias) for alias in term.aliases):
                by_alias.setdefault(alias, []).append(term.id)
        return cls(by_id, _narrower(by_id), {alias: tuple(ids) for alias, ids in by_alias.items()})

    @classmethod
    def closed(cls, choices: Mapping[str, Name]) -> "Vocabulary":
        """A vocabulary that the code defines."""
        return cls.of(Term(id=id_, label=label) for id_, label in choices.items())

    @cached_property
    def facet_buckets(self) -> tuple[tuple[str, bytes], ...]:
        """Each value, and its facet bucket as JSON without the closing brace, for the count to be added."""
        return tuple(
            (term.id, orjson.dumps({"value": term.id, "label": term.label.model_dump()})[:-1])
            for term in self.terms.values()
        )

    @cached_property
    def folded(self) -> Mapping[str, tuple[str, ...]]:
        """By id, the folded texts that a value is known by: its id, its labels, its aliases."""
        return {
            term.id: tuple(distinct(fold(text) for text in (term.id, term.label.ja, term.label.en, *term.aliases)))
            for term in self.terms.values()
        }

    def find(self, value: str) -> tuple[str, ...]:
        """The ids that a request means: the id itself, or every value that has this alias; empty if unknown."""
        if value in self.terms or value == NONE:
            return (value,)
        return self._by_alias.get(fold(value.strip()), ())

    def nearest(self, value: str) -> str | None:
        """The id that was most likely meant."""
        found = closest(fold(value), self._names)
        return self._names[found] if found else None

    @cached_property
    def _names(self) -> dict[str, str]:
        return {**{alias: ids[0] for alias, ids in self._by_alias.items()}, **{id_: id_ for id_ in self.terms}}


Vocabularies = Mapping[str, Vocabulary]  # by name


def _narrower(terms: Mapping[str, Term]) -> dict[str, tuple[str, ...]]:
    """For each value, those that are narrower, at any depth."""
    found: dict[str, list[str]] = {}
    for term in terms.values():
        above = term.broader
        while above:
            found.setdefault(above, []).append(term.id)
            above = terms[above].broader
    return {id_: tuple(below) for id_, below in found.items()}
