"""Vocabularies: which values a filter takes, by which other names, and how each is labelled; never guessed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import orjson

from app.errors import near
from app.facts.shapes import Name, Note
from app.facts.text import fold

NONE = "none"  # the value of every filter that asks for rows without one


@dataclass(frozen=True, slots=True)
class Term:
    """One value: `key` is how rows hold it, `id` how callers write it."""

    id: str
    key: int | str | bool
    label: Name
    aliases: tuple[str, ...] = ()
    broader: str | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """The values of one filter, in their own order."""

    terms: Mapping[str, Term]
    narrower: Mapping[str, tuple[str, ...]]
    _known: Mapping[str, tuple[str, ...]] = field(repr=False)

    @classmethod
    def of(cls, terms: Iterable[Term]) -> "Vocabulary":
        by_id = {term.id: term for term in terms}
        known: dict[str, list[str]] = {}
        for term in by_id.values():
            for name in dict.fromkeys(fold(name) for name in term.aliases):
                known.setdefault(name, []).append(term.id)
        return cls(by_id, _narrower(by_id), {name: tuple(ids) for name, ids in known.items()})

    @classmethod
    def fixed(cls, choices: Mapping[str, Name]) -> "Vocabulary":
        """A closed vocabulary; yes and no are held as booleans."""
        held = {"true": True, "false": False}
        return cls.of(Term(id_, held.get(id_, id_), label) for id_, label in choices.items())

    @cached_property
    def buckets(self) -> tuple[tuple[str, bytes], ...]:
        """Each value as rows hold it, and its bucket of a facet but for the count."""
        return tuple(
            (str(term.key), orjson.dumps({"value": term.id, "label": term.label.model_dump()})[:-1])
            for term in self.terms.values()
        )

    def find(self, value: str) -> tuple[str, ...]:
        """The ids that a caller means: the id itself, or every value that bears that name; empty if unknown."""
        if value in self.terms or value == NONE:
            return (value,)
        return self._known.get(fold(value.strip()), ())

    def nearest(self, value: str) -> str | None:
        """The id that was most likely meant."""
        found = near(fold(value), self._names)
        return self._names[found] if found else None

    @cached_property
    def _names(self) -> dict[str, str]:
        return {**{name: ids[0] for name, ids in self._known.items()}, **{id_: id_ for id_ in self.terms}}


Vocabularies = Mapping[str, Vocabulary]  # by name


def _narrower(terms: Mapping[str, Term]) -> dict[str, tuple[str, ...]]:
    """For each value that has any, those that stand below it, at any depth."""
    found: dict[str, list[str]] = {}
    for term in terms.values():
        above = term.broader
        while above:
            found.setdefault(above, []).append(term.id)
            above = terms[above].broader
    return {id_: tuple(below) for id_, below in found.items()}
