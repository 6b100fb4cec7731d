"""Vocabularies: the values of a filter, their labels and aliases, and which are broader than which."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from app.schemas import Name, Note
from app.similarity import closest_of
from app.text import fold, searchable

NONE = "none"  # the filter value that finds records without a value
NO_VALUE = Name(ja="該当なし", en="none", en_official=False)  # its label
NONE_NAMES = frozenset(map(fold, (NONE, NO_VALUE.ja, NO_VALUE.en)))
OTHERS = "others"  # the group of a sum that joins those beyond its limit
RESERVED = (NONE, OTHERS)  # no record has such an id


class Concept(BaseModel):
    """One value, as requests send it and as the index stores it: a concept of a vocabulary, in the words of SKOS."""

    model_config = ConfigDict(frozen=True)

    id: str
    label: Name
    aliases: tuple[str, ...] = ()  # beside the id and the label
    codes: tuple[str, ...] = ()  # identifiers in other registers, which find it too, but are no words of a search
    broader: str | None = None
    released: str = ""  # of a version: its day
    notes: tuple[Note, ...] = ()

    @classmethod
    def of(cls, record: Any) -> list["Concept"]:
        """The value that stands for a record."""
        return [cls(id=record.id, label=record.name)]

    @property
    def names(self) -> tuple[str, ...]:
        """What it is called: its label in both languages, and its aliases."""
        return (self.label.ja, self.label.en, *self.aliases)


@dataclass(frozen=True)
class Vocabulary:
    """The values of one filter, in their own order."""

    concepts: Mapping[str, Concept]
    narrower: Mapping[str, tuple[str, ...]]
    _by_alias: Mapping[str, tuple[str, ...]] = field(repr=False)

    @classmethod
    def of(cls, concepts: Iterable[Concept]) -> "Vocabulary":
        by_id = {concept.id: concept for concept in concepts}
        by_alias: dict[str, list[str]] = {}
        for concept in by_id.values():
            for alias in dict.fromkeys(fold(alias) for alias in (concept.id, *concept.names, *concept.codes)):
                by_alias.setdefault(alias, []).append(concept.id)
        return cls(by_id, _narrower(by_id), {alias: tuple(ids) for alias, ids in by_alias.items()})

    @classmethod
    def closed(cls, choices: Mapping[str, Name], broader: Mapping[str, str]) -> "Vocabulary":
        """A vocabulary that the code defines."""
        return cls.of(Concept(id=id_, label=label, broader=broader.get(id_)) for id_, label in choices.items())

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The place of each value in their order."""
        return {id_: place for place, id_ in enumerate(self.concepts)}

    def label(self, id_: str) -> Name:
        """What a value is called, and no value."""
        return NO_VALUE if id_ == NONE else self.concepts[id_].label

    @cached_property
    def facet_buckets(self) -> bytes:
        """The facet buckets of all values as JSON, in which `%d` stands for each count."""
        labels = (orjson.dumps({"value": each.id, "label": each.label.model_dump()}) for each in self.concepts.values())
        return b"[%b]" % b",".join(b'%b,"count":%%d}' % label.replace(b"%", b"%%")[:-1] for label in labels)

    @cached_property
    def has_commas(self) -> bool:
        """Whether a comma, English or Japanese, stands in some name."""
        return any("," in name or "、" in name for name in self._by_alias)

    @cached_property
    def searchable(self) -> Mapping[str, str]:
        """By id, the searchable texts of each value, each between line breaks: its id first, then its names."""
        return {
            each.id: "\n".join(("", *map(searchable, (each.id, *each.names)), "")) for each in self.concepts.values()
        }

    def find(self, value: str) -> tuple[str, ...]:
        """The ids that a request means: the id itself, or every value that has this name or alias, however it is
        written, in the brackets of budget documents too; empty if unknown."""
        if value in self.concepts:
            return (value,)
        folded = fold(value.strip().strip("【】"))
        return self._by_alias.get(folded) or ((NONE,) if folded in NONE_NAMES else ())

    def containing(self, term: str) -> list[str]:
        """The ids of the values one of whose names contains this term of a search."""
        if term not in self._searchable:  # as most terms
            return []
        return [id_ for id_, texts in self.searchable.items() if term in texts.split("\n", 2)[2]]

    @cached_property
    def _searchable(self) -> str:
        """The searchable texts of all values."""
        return "".join(self.searchable.values())

    def nearest(self, value: str) -> str | None:
        """The id that was most likely meant."""
        return closest_of(fold(value), self.names)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The id that each name means, folded: of several, the first."""
        return {**{alias: ids[0] for alias, ids in self._by_alias.items()}, **{id_: id_ for id_ in self.concepts}}


Vocabularies = Mapping[str, Vocabulary]  # by name


def _narrower(concepts: Mapping[str, Concept]) -> dict[str, tuple[str, ...]]:
    """For each value, those that are narrower, at any depth."""
    found: dict[str, list[str]] = {}
    for concept in concepts.values():
        above = concept.broader
        while above:
            found.setdefault(above, []).append(concept.id)
            above = concepts[above].broader
    return {id_: tuple(below) for id_, below in found.items()}
