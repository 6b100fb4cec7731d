"""Field lines: a parameter's name, meaning, values and where a row keeps them, on one line; validation, OpenAPI,
postings, filters and facets are derived from it, and no resource is known here."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Literal

from app.facts.shapes import Name, Note
from app.reading.terms import Vocabularies, Vocabulary

Kind = Literal["text", "integer", "amount", "boolean", "choice", "code"]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """What a caller may send under one name. `choices` close it; `vocabulary` names an open list in the data."""

    name: str
    meaning: str
    kind: Kind
    many: bool = False
    vocabulary: str = ""
    choices: Mapping[str, Name] | None = None
    schema: str = ""  # the closed vocabulary's name in the OpenAPI document
    minimum: int = 0
    maximum: int = 0
    default: int | str | None = None
    required: bool = False
    example: str | None = None

    @cached_property
    def _fixed(self) -> Vocabulary | None:
        return None if self.choices is None else Vocabulary.fixed(self.choices)

    def terms(self, vocabularies: Vocabularies) -> Vocabulary:
        """The values it takes: its own, or those of its list in the data."""
        return self._fixed or vocabularies[self.vocabulary]


@dataclass(frozen=True, kw_only=True)
class Filter(Parameter):
    """A parameter that narrows rows. A row's values are its links of this name, or what the column holds."""

    column: str | None = None
    optional: bool = False  # a row may have no value: `none` finds those
    bound: Literal["min", "max"] | None = None
    note: Note | None = None  # told with every answer in which the filter is used

    @property
    def several(self) -> bool:
        """Whether a row may stand under several values, and under those above them."""
        return self.column is None

    @property
    def facet(self) -> bool:
        """Whether it has values to count by: all but the bounds of a range."""
        return self.bound is None


def linked(
    name: str,
    meaning: str,
    *,
    vocabulary: str = "",
    note: Note | None = None,
    example: str = "",
) -> Filter:
    """Rows may stand under several values, or none."""
    return Filter(
        name=name,
        meaning=meaning,
        kind="code",
        many=True,
        vocabulary=vocabulary or name,
        optional=True,
        note=note,
        example=example or None,
    )


def held(name: str, meaning: str, *, vocabulary: str = "", optional: bool = False, example: str = "") -> Filter:
    """A column of the same name holds the one value."""
    return Filter(
        name=name,
        meaning=meaning,
        kind="code",
        many=True,
        vocabulary=vocabulary or name,
        column=name,
        optional=optional,
        example=example or None,
    )


def choice(name: str, enum: type[StrEnum], meaning: str, **ja: str) -> Filter:
    """A column of the same name holds one value of a closed vocabulary, labelled in Japanese by member."""
    return Filter(
        name=name,
        meaning=meaning,
        kind="choice",
        many=True,
        column=name,
        schema=enum.__name__,
        choices=labelled(enum, **ja),
    )


FLAG: Mapping[str, Name] = {
    "true": Name(ja="はい", en="yes", en_official=False),
    "false": Name(ja="いいえ", en="no", en_official=False),
}


def flag(name: str, meaning: str) -> Filter:
    """A column of the same name says yes or no."""
    return Filter(name=name, meaning=meaning, kind="boolean", column=name, choices=FLAG)


def at_least(name: str, column: str, meaning: str) -> Filter:
    """The column's amount is this or more."""
    return Filter(name=name, meaning=meaning, kind="amount", column=column, bound="min")


def at_most(name: str, column: str, meaning: str) -> Filter:
    """The column's amount is this or less."""
    return Filter(name=name, meaning=meaning, kind="amount", column=column, bound="max")


def labelled(enum: type[StrEnum], **ja: str) -> Mapping[str, Name]:
    """A closed vocabulary with its Japanese labels; the English is the value itself in words."""
    return {
        member.value: Name(ja=ja[member.name.lower()], en=member.value.replace("_", " "), en_official=False)
        for member in enum
    }


def one_of(*values: str) -> Mapping[str, Name]:
    """A closed vocabulary of technical words, which are their own labels."""
    return {value: Name(ja=value, en=value, en_official=False) for value in values}
