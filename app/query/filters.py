"""Field lines: what a request may ask for. A parameter's name, type, meaning, and where a record has its value stand on
one line; validation, the OpenAPI document, the index, filters and facets are derived from it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from app.query.names import named
from app.query.vocabulary import Vocabularies, Vocabulary
from app.schemas import Labelled, Name, Note

ParameterType = Literal["text", "integer", "amount", "boolean", "choice", "code", "id", "period"]
Operator = Literal["any", "not", "all"]  # of its values, a record has any, none, or every one

MAX_AMOUNT = 10**18  # yen, above zero or below


@dataclass(frozen=True)
class Parameter:
    """A query parameter. `choices` close its values; `vocabulary` names a list of values that the data defines."""

    name: str
    meaning: str
    kind: ParameterType
    _: KW_ONLY
    many: bool = False
    vocabulary: str = ""
    choices: Mapping[str, Name] | None = None
    broader: Mapping[str, str] = field(default_factory=dict)  # of a choice, the one that includes it
    component: str = ""  # name of the closed vocabulary in the OpenAPI document
    minimum: int = 0
    maximum: int = 0
    default: int | str | None = None
    required: bool = False
    newest: bool = False  # of the values, it takes the first alone
    optional: bool = False  # of a filter: a record may have no value, and the filter value `none` finds it
    operator: Operator = "any"
    base: str = ""  # of a filter: the one of which this is another operator, or an end
    example: str | None = None

    @property
    def indexed(self) -> str:
        """The name under which its values are indexed: `ministry` for `ministry_not`."""
        return self.base or self.name

    @cached_property
    def _closed(self) -> Vocabulary | None:
        return None if self.choices is None else Vocabulary.closed(self.choices, self.broader)

    def values(self, vocabularies: Vocabularies) -> Vocabulary:
        """The values that it takes."""
        return self._closed or vocabularies[self.vocabulary]


@dataclass(frozen=True, kw_only=True)
class Filter(Parameter):
    """A parameter that selects records. `paths` say where a record has its values, such as `ministries.id`."""

    paths: tuple[str, ...]  # empty where the build gives the values, because the record does not show them
    multivalued: bool = False  # a record may have several values, and is found by broader ones too
    bound: Literal["", "min", "max", "since", "until"] = ""  # of an amount or a period, which end it is
    note: Note | None = None  # added to every answer in which the filter is used

    @property
    def operators(self) -> tuple["Filter", ...]:
        """The filters derived from this one: where it takes several values, the records that have none of them; where a
        record may have several, those that have every one."""
        if not self.many:
            return ()
        derived = replace(self, example=None, base=self.name)
        none_of, all_of = (f"Rows with {which} of these values of `{self.name}`." for which in ("none", "every one"))
        excluding = replace(derived, name=f"{self.name}_not", meaning=none_of, operator="not")
        if not self.multivalued:
            return (excluding,)
        # No record has a value and, at once, none.
        return excluding, replace(derived, name=f"{self.name}_all", meaning=all_of, operator="all", optional=False)

    @property
    def column(self) -> str:
        """The name of the indexed column of a range: `amount` for the path `amount.jpy`."""
        return self.paths[0].partition(".")[0]

    @property
    def facet(self) -> bool:
        """Whether records can be counted by its values: not by the bounds of a range or a period, nor by ids, of which
        there may be as many as records."""
        return self.kind not in ("amount", "period", "id")


def linked(
    name: str,
    meaning: str,
    *,
    path: str | tuple[str, ...] = (),
    vocabulary: str = "",
    multivalued: bool = True,
    optional: bool = True,
    note: Note | None = None,
    example: str | None = None,
) -> Filter:
    """A link filter: a record may have several values, or none, and is found by broader ones too."""
    return Filter(
        name,
        meaning,
        "code",
        many=True,
        vocabulary=vocabulary or name,
        paths=(path,) if isinstance(path, str) else path,
        multivalued=multivalued,
        optional=optional,
        note=note,
        example=example,
    )


def column(
    name: str, meaning: str, *, path: str, vocabulary: str = "", optional: bool = False, example: str | None = None
) -> Filter:
    """A column filter: a record has one value."""
    return linked(
        name, meaning, path=path, vocabulary=vocabulary, multivalued=False, optional=optional, example=example
    )


def choice(
    name: str,
    enum: type[Labelled],
    meaning: str,
    *,
    path: str = "",
    optional: bool = False,
    broader: Mapping[str, str] | None = None,
    note: Note | None = None,
) -> Filter:
    """A field has one value of a closed vocabulary. Rows are found by `broader` values too."""
    return Filter(
        name,
        meaning,
        "choice",
        many=True,
        paths=(path or name,),
        component=enum.__name__,
        choices={each: each.label for each in enum},
        optional=optional,
        multivalued=bool(broader),
        broader=broader or {},
        note=note,
    )


def with_operators(filters: Iterable[Filter]) -> Iterator[Filter]:
    """Each filter, and after it those that are derived from it."""
    for filter_ in filters:
        yield from (filter_, *filter_.operators)


YES_NO: Mapping[str, Name] = {
    "true": Name(ja="はい", en="yes", en_official=False),
    "false": Name(ja="いいえ", en="no", en_official=False),
}


def flag(name: str, meaning: str, *, path: str = "") -> Filter:
    """A field says yes or no; a list does if it has items."""
    return Filter(name, meaning, "boolean", paths=(path or name,), choices=YES_NO)


def at_least(name: str, path: str, meaning: str) -> Filter:
    """The number at the path is this or more."""
    return Filter(name, meaning, "amount", paths=(path,), bound="min", minimum=-MAX_AMOUNT, maximum=MAX_AMOUNT)


def at_most(name: str, path: str, meaning: str) -> Filter:
    """The number at the path is this or less."""
    return Filter(name, meaning, "amount", paths=(path,), bound="max", minimum=-MAX_AMOUNT, maximum=MAX_AMOUNT)


def ids(name: str, meaning: str, *, path: str, example: str | None = None) -> Filter:
    """Ids at the path that no vocabulary lists: one that no record has finds nothing."""
    return Filter(name, meaning, "id", many=True, paths=(path,), example=example)


def since(meaning: str, *, example: str) -> Filter:
    """The versions after one, or those released on a day or later. The records are filtered by `version`."""
    return Filter(
        "since", meaning, "period", vocabulary="version", paths=(), bound="since", base="version", example=example
    )


def until(meaning: str) -> Filter:
    """The versions up to one, or those released until a day, that one and that day included."""
    return Filter("until", meaning, "period", vocabulary="version", paths=(), bound="until", base="version")


def one_of(*values: str) -> Mapping[str, Name]:
    """A closed vocabulary of technical words, which in English are their own labels."""
    return {value: named(value) for value in values}


def values_at(record: Any, path: str) -> Iterator[Any]:
    """The values at a dotted path of a record's JSON, lists flattened and null left out."""
    name, _, rest = path.partition(".")
    value = record[name]
    for item in value if isinstance(value, list) else (value,):
        if item is not None:
            if rest:
                yield from values_at(item, rest)
            else:
                yield item
