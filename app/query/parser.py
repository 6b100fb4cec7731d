"""Query strings, parsed strictly against declared parameters: every error is reported at once, and no parameter is
ignored."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice, permutations
from typing import Any
from urllib.parse import parse_qsl, quote_plus

from app.errors import MAX_LISTED, ErrorCode, ParameterError, Problem, conflict, cut, parameter_error
from app.query.filters import Filter, Parameter
from app.query.hints import Elsewhere, number_hint, other_hint, parameter_hint, value_hint
from app.query.periods import is_day, is_reversed, released, today, written_day
from app.query.vocabulary import NONE, Vocabularies, Vocabulary
from app.schemas import ID
from app.similarity import hint
from app.text import MAX_TERMS, NOT_IN_TEXT, fold, terms

MAX_QUERY_LENGTH = 8_192  # bytes
MAX_VALUES = 200  # values in one query string
MAX_Q_LENGTH = 500  # characters
MAX_COMMAS = 5  # in the name of a value
MAX_SUGGESTED = 10  # errors of a kind with a suggestion, which takes time
COMMA = re.compile("([,，、])")  # of a list, in English or Japanese
UNPRINTED = re.compile(rf"{NOT_IN_TEXT.pattern}|[\t\r\n]")
OLDER = "For an older version, ask for one record; for what changed after it, ask the list of changes with `since`."


@dataclass(frozen=True)
class Query:
    """A parsed query string: the values of each parameter that was sent, as ids, in the order of declaration."""

    parameters: Mapping[str, Parameter]
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def get(self, name: str) -> tuple[str, ...]:
        return self.values.get(name, ())

    def text(self, name: str) -> str:
        """The one value, or the declared default."""
        values = self.values.get(name)
        return values[0] if values else str(self.parameters[name].default or "")

    def number(self, name: str) -> int:
        """The one value as a number, or the declared default."""
        return int(self.text(name) or 0)

    @cached_property
    def terms(self) -> tuple[str, ...]:
        return terms(self.text("q")) if "q" in self.parameters else ()

    def filters(self) -> Iterable[tuple[Filter, tuple[str, ...]]]:
        """The filters that were sent."""
        for name, values in self.values.items():
            parameter = self.parameters[name]
            if isinstance(parameter, Filter):
                yield parameter, values

    def without(self, *names: str) -> "Query":
        """The query as if these parameters had not been sent."""
        return Query(self.parameters, {name: values for name, values in self.values.items() if name not in names})

    def within(self, parameters: Mapping[str, Parameter], **changed: tuple[str, ...]) -> "Query":
        """What it asks of these parameters alone, some of them changed."""
        values = {**self.values, **changed}
        return Query(parameters, {name: each for name, each in values.items() if name in parameters})

    def encode(self, **changed: Any) -> str:
        """The canonical query string, with some parameters changed or, with None, left out."""
        kept = {name: each for name, each in self._encoded.items() if name not in changed}
        encoded = kept | {name: _pair(name, str(value)) for name, value in changed.items() if value is not None}
        return "&".join([encoded[name] for name in self.parameters if name in encoded])

    @cached_property
    def _encoded(self) -> dict[str, str]:
        """Each parameter, encoded once for the many links of a page."""
        return {name: _pair(name, ",".join(values)) for name, values in self.values.items()}


def _pair(name: str, value: str) -> str:
    """A parameter as it stands in a query string."""
    return f"{name}={quote_plus(value, safe=',')}"


def parse(
    parameters: Mapping[str, Parameter], query_string: bytes, vocabularies: Vocabularies, elsewhere: Elsewhere
) -> Query:
    """Parses a query string. Raises a 422 Problem that names every error, and what is taken elsewhere."""
    sent = _split(query_string)
    values: dict[str, tuple[str, ...]] = {}
    unknown = [name for name in sent if name not in parameters]
    errors = [_unknown(name, parameters, elsewhere, suggest=at < MAX_SUGGESTED) for at, name in enumerate(unknown)]
    for name, parameter in parameters.items():
        if name in sent:
            found, wrong = _values(parameter, sent[name], vocabularies)
            errors.extend(wrong)
            if found:
                values[name] = found
        elif parameter.required:
            message = f"`{name}` is required. {parameter.meaning}"
            errors.append(parameter_error(name, message, allowed=parameter.choices or ()))
    query = Query(parameters, values)
    errors.extend([*_swapped(query), *_reversed(query, vocabularies), *_contradictions(query, vocabularies)])
    if errors:
        listed = [_of_another(error, parameters, vocabularies, elsewhere) for error in errors[:MAX_LISTED]]
        first = listed[0].message
        message = first if len(errors) == 1 else f"{first} ({len(errors)} errors in all, each in `errors`.)"
        raise Problem(422, message, errors=listed)
    if query.get("cursor") and query.number("offset"):  # clients send the default beside a cursor
        raise conflict("offset", "`cursor` and `offset` are two places at once. Send one of them.")
    return query


def _split(query_string: bytes) -> Mapping[str, list[str]]:
    """The values that were sent for each name."""
    if len(query_string) > MAX_QUERY_LENGTH:
        raise Problem(422, f"The query string is longer than {MAX_QUERY_LENGTH} bytes. Ask for less at once.")
    try:
        pairs = parse_qsl(query_string.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_VALUES)
    except UnicodeError as error:
        raise Problem(422, "The query string is not percent-encoded UTF-8. Encode it so.") from error
    except ValueError as error:
        raise Problem(422, f"The query string has more than {MAX_VALUES} values. Ask for less at once.") from error
    sent: dict[str, list[str]] = {}
    for name, value in pairs:
        sent.setdefault(name, []).append(value)
    return sent


def _unknown(name: str, parameters: Mapping[str, Parameter], elsewhere: Elsewhere, *, suggest: bool) -> ParameterError:
    meant, advice = parameter_hint(name, parameters, elsewhere) if suggest else (None, "")
    message = f"There is no parameter `{cut(name)}` here.{advice} `allowed` lists the parameters."
    return parameter_error(cut(name), message, ErrorCode.UNKNOWN_PARAMETER, allowed=parameters, did_you_mean=meant)


def _of_another(
    error: ParameterError, parameters: Mapping[str, Parameter], vocabularies: Vocabularies, elsewhere: Elsewhere
) -> ParameterError:
    """The error, whose message names the parameter that takes a value for which nothing else is suggested."""
    if error.code != ErrorCode.UNKNOWN_VALUE or error.did_you_mean:
        return error
    advice = other_hint(parameters[error.parameter], error.value or "", parameters, vocabularies, elsewhere)
    return error.model_copy(update={"message": f"{error.message}{advice}"})


def _swapped(query: Query) -> Iterator[ParameterError]:
    """A range whose ends are swapped matches nothing, and is surely a mistake."""
    bounds = [(each, int(ids[0])) for each, ids in query.filters() if each.kind == "amount"]
    for (low, least), (high, most) in permutations(bounds, 2):
        if low.bound == "min" and low.paths == high.paths and least > most:
            message = f"`{low.name}` is more than `{high.name}`. Swap them."
            yield parameter_error(low.name, message, ErrorCode.CONFLICT)


def _reversed(query: Query, vocabularies: Vocabularies) -> Iterator[ParameterError]:
    """A period that ends before it begins holds nothing either."""
    bounds = {each.name: ids[0] for each, ids in query.filters() if each.kind == "period"}
    if is_reversed(bounds, vocabularies["version"]):
        message = "`since` is after `until`. Swap them."
        yield parameter_error("since", message, ErrorCode.CONFLICT)


def _contradictions(query: Query, vocabularies: Vocabularies) -> Iterator[ParameterError]:
    """Values that are included and excluded at once match nothing whatever the data, and are surely a mistake too."""
    for excluding, excluded in query.filters():
        if excluding.operator != "not":
            continue
        narrower = excluding.values(vocabularies).narrower if excluding.multivalued else {}
        out = {below for id_ in excluded for below in (id_, *narrower.get(id_, ()))}
        for other, ids in query.filters():
            if other.indexed != excluding.base or other.operator == "not" or other.kind == "period":
                continue
            left_out = [id_ in out for id_ in ids]
            if any(left_out) if other.operator == "all" else all(left_out):
                message = f"`{excluding.name}` leaves out what `{other.name}` asks for. Send one of them."
                yield parameter_error(excluding.name, message, ErrorCode.CONFLICT)


def _values(
    parameter: Parameter, sent: list[str], vocabularies: Vocabularies
) -> tuple[tuple[str, ...], list[ParameterError]]:
    """The values of a parameter, as ids in the order of its vocabulary, and what is wrong with the others."""
    name = parameter.name
    if not parameter.many:
        if len(sent) > 1:
            message = f"`{name}` takes one value. Send it once."
            return (), [parameter_error(name, message, ErrorCode.REPEATED_PARAMETER, value=sent[1])]
        found = _value(parameter, sent[0], vocabularies)
        return ((), [found]) if isinstance(found, ParameterError) else (found, [])
    vocabulary = parameter.values(vocabularies)
    # A name may contain a comma. What is beyond the limit is not looked at.
    given = list(islice((each for value in sent for each in _split_list(value, vocabulary)), MAX_VALUES + 1))
    if len(given) > MAX_VALUES:
        return (), [parameter_error(name, f"`{name}` takes at most {MAX_VALUES} values. Ask for less at once.")]
    ids, errors = set[str](), list[ParameterError]()
    for value in given:
        found = _value(parameter, value, vocabularies, suggest=len(errors) < MAX_SUGGESTED)
        if isinstance(found, ParameterError):
            errors.append(found)
        else:
            ids.update(found)
    if parameter.kind == "id":
        return tuple(sorted(ids)), errors
    return tuple(id_ for id_ in (*vocabulary.concepts, NONE) if id_ in ids), errors


def _split_list(value: str, vocabulary: Vocabulary) -> Iterator[str]:
    """The values of a list with commas; a name that holds commas is one value."""
    parts = COMMA.split(value, MAX_VALUES + MAX_COMMAS)  # the odd ones are commas
    longest = 2 * MAX_COMMAS + 1 if vocabulary.has_commas else 1
    while parts:
        ends = range(min(len(parts), longest), 1, -2)
        end = next((end for end in ends if vocabulary.find("".join(parts[:end]))), 1)
        yield "".join(parts[:end])
        parts = parts[end + 1 :]


def _value(
    parameter: Parameter, value: str, vocabularies: Vocabularies, *, suggest: bool = True
) -> tuple[str, ...] | ParameterError:
    """What one value means: several ids, where they share an alias."""
    meant = None
    match parameter.kind:
        case "text":
            message = _text_error(parameter, value)
        case "integer" | "amount":
            message = _number_error(parameter, value)
            if message:
                meant, advice = number_hint(value, parameter.minimum, parameter.maximum)
                message += advice
        case "id":
            message = "" if re.fullmatch(ID, value) else "takes ids: lower-case letters, digits, dots and hyphens."
        case "period":
            return _bound(parameter, value, parameter.values(vocabularies))
        case _:
            return _code(parameter, value, vocabularies, suggest=suggest)
    if message:
        return parameter_error(parameter.name, f"`{parameter.name}` {message}", value=value, did_you_mean=meant)
    return (str(int(value)) if parameter.kind in ("integer", "amount") else value,)


def _text_error(parameter: Parameter, value: str) -> str:
    if not value.strip() or (parameter.name == "q" and not terms(value)):
        return "is empty. Leave it out instead."
    if len(value) > parameter.maximum:
        return f"is longer than {parameter.maximum} characters. Shorten it."
    if UNPRINTED.search(value):
        return "holds a control character or a noncharacter. Send plain text."
    if len(terms(value)) > MAX_TERMS:
        return f"has more than {MAX_TERMS} words. Send fewer."
    return ""


def _number_error(parameter: Parameter, value: str) -> str:
    minimum, maximum = parameter.minimum, parameter.maximum
    digits = value.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= 19 and minimum <= int(value) <= maximum:
        return ""
    what = "a whole number of yen" if parameter.kind == "amount" else "a whole number"
    beyond = " Beyond that, follow `links.next`." if parameter.name == "offset" else ""
    return f"takes {what} from {minimum} to {maximum}.{beyond}"


def _code(
    parameter: Parameter, value: str, vocabularies: Vocabularies, *, suggest: bool
) -> tuple[str, ...] | ParameterError:
    """The ids of a value of a vocabulary, or `none` where a record may have no value."""
    vocabulary = parameter.values(vocabularies)
    ids = vocabulary.find(value)
    if parameter.newest and ids and ids != (newest := next(iter(vocabulary.concepts)),):
        message = f"This is answered as of the newest version alone, `{newest}`. {OLDER}"
        return parameter_error(parameter.name, message, value=value, allowed=[newest], did_you_mean=newest)
    if len(ids) > 1 and parameter.operator == "all":
        message = f"`{cut(value)}` means any of several values. `{parameter.name}` takes each of them by its id."
        return parameter_error(parameter.name, message, value=value, allowed=ids)
    if ids and (ids != (NONE,) or parameter.optional or NONE in vocabulary.concepts):
        return ids
    meant, advice = value_hint(parameter, value, vocabulary) if suggest else (None, "")
    count = len(vocabulary.concepts)
    listed = f"the first {MAX_LISTED} of {count:,} values" if count > MAX_LISTED else "the values"
    message = f"`{cut(value)}` is not a value of `{parameter.name}`.{advice} `allowed` lists {listed}."
    if not value.strip():
        message = f"A value of `{parameter.name}` is empty. Leave it out instead."
    allowed = [*vocabulary.concepts, *([NONE] if parameter.optional else [])]
    return parameter_error(
        parameter.name, message, ErrorCode.UNKNOWN_VALUE, value=value, allowed=allowed, did_you_mean=meant
    )


def _bound(parameter: Parameter, value: str, versions: Vocabulary) -> tuple[str, ...] | ParameterError:
    """A bound of a period: a version, or a day that is not in the future."""
    name, plain = parameter.name, fold(value.strip())
    newest = next(iter(versions.concepts))
    day = plain if is_day(plain) else written_day(value, name)
    message, meant = "", day
    if day and name == "since" and day > max(today(), released(versions, newest)):
        meant = released(versions, newest)
        message = f"`{cut(value)}` is in the future: the newest version is {newest} of {meant}."
    elif day == plain:
        return (day,)
    elif not plain:
        message = f"A value of `{name}` is empty. Leave it out instead."
    else:
        ids = versions.find(value)
        if ids and ids != (NONE,):
            return ids
        meant = day or versions.nearest(value)
        message = f"`{cut(value)}` is neither a version nor a day in the form `YYYY-MM-DD`.{hint(meant)}"
        message += " `allowed` lists the versions."
    return parameter_error(
        name, message, ErrorCode.UNKNOWN_VALUE, value=value, allowed=versions.concepts, did_you_mean=meant
    )
