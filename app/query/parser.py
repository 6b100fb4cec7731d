"""Query strings, parsed strictly against declared parameters: every error is reported at once, and nothing that was
asked is ignored."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from unicodedata import category
from urllib.parse import parse_qsl, urlencode

from app.errors import MAX_LISTED, ErrorCode, ParameterError, Problem, conflict, near
from app.query.filters import Filter, Parameter
from app.query.vocabulary import NONE, Vocabularies
from app.schemas import Note
from app.text import MAX_TERMS, terms

MAX_QUERY_LENGTH = 8_192  # bytes
MAX_VALUES = 200  # values in one query string
MAX_Q_LENGTH = 200  # characters
MAX_AMOUNT = 10**18


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

    @property
    def terms(self) -> tuple[str, ...]:
        return terms(self.text("q")) if "q" in self.parameters else ()

    def filters(self) -> Iterable[tuple[Filter, tuple[str, ...]]]:
        """The filters that were sent."""
        for name, values in self.values.items():
            parameter = self.parameters[name]
            if isinstance(parameter, Filter):
                yield parameter, values

    def encode(self, **changed: Any) -> str:
        """The canonical query string, with some parameters changed or, with None, left out."""
        encoded = self._encoded | {
            name: None if value is None else urlencode({name: value}) for name, value in changed.items()
        }
        return "&".join(each for name in self.parameters if (each := encoded.get(name)) is not None)

    @cached_property
    def _encoded(self) -> dict[str, str | None]:
        """Each parameter, encoded once for the many links of a page."""
        return {name: urlencode({name: ",".join(values)}, safe=",") for name, values in self.values.items()}


def parse(parameters: Mapping[str, Parameter], query_string: bytes, vocabularies: Vocabularies) -> Query:
    """Parses a query string. Raises a 422 Problem that names every error."""
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
    parser = _Parser(parameters, vocabularies)
    values = parser.parse(sent)
    if parser.errors:
        raise Problem(422, _summary(parser.errors), errors=parser.errors[:MAX_LISTED])
    query = Query(parameters, values)
    if query.get("cursor") and query.number("offset"):  # clients send the default beside a cursor
        message = "`cursor` and `offset` are two places at once. Send one of them."
        raise Problem(422, message, errors=[conflict("offset", message)])
    return query


def _summary(errors: list[ParameterError]) -> str:
    first = errors[0].message
    return first if len(errors) == 1 else f"{first} ({len(errors)} errors in all, each in `errors`.)"


class _Parser:
    """Collects every error of a query string instead of stopping at the first."""

    def __init__(self, parameters: Mapping[str, Parameter], vocabularies: Vocabularies) -> None:
        self.parameters = parameters
        self.vocabularies = vocabularies
        self.errors: list[ParameterError] = []

    def parse(self, sent: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
        for name in sent:
            if name not in self.parameters:
                self._unknown(name)
        found = {}
        for name, parameter in self.parameters.items():
            if name in sent:
                values = self._values(parameter, sent[name])
                if values:
                    found[name] = values
            elif parameter.required:
                self._refuse(name, None, ErrorCode.INVALID_VALUE, f"`{name}` is required: {parameter.meaning}")
        self._compare(found)
        return found

    def _compare(self, found: Mapping[str, tuple[str, ...]]) -> None:
        """A range whose ends are swapped matches nothing, and is surely a mistake."""
        ends = {
            (parameter.paths, parameter.bound): (name, int(found[name][0]))
            for name, parameter in self.parameters.items()
            if name in found and isinstance(parameter, Filter) and parameter.bound
        }
        for (paths, bound), (name, low) in ends.items():
            other, high = ends.get((paths, "max"), (name, low))
            if bound == "min" and low > high:
                self.errors.append(conflict(name, f"`{name}` is more than `{other}`. Swap them."))

    def _values(self, parameter: Parameter, sent: list[str]) -> tuple[str, ...]:
        if not parameter.many:
            if len(sent) > 1:
                self._refuse(
                    parameter.name,
                    sent[1],
                    ErrorCode.REPEATED_PARAMETER,
                    f"`{parameter.name}` takes one value. Send it once.",
                )
                return ()
            return self._one(parameter, sent[0])
        # A name may hold a comma of its own.
        known = parameter.values(self.vocabularies)
        pieces = [piece for value in sent for piece in ([value] if known.find(value) else value.split(","))]
        if len(pieces) > MAX_VALUES:
            message = f"`{parameter.name}` takes at most {MAX_VALUES} values. Ask for less at once."
            self._refuse(parameter.name, None, ErrorCode.INVALID_VALUE, message)
            return ()
        ids = {id_ for piece in pieces for id_ in self._one(parameter, piece)}
        return tuple(id_ for id_ in (*known.terms, NONE) if id_ in ids)

    def _one(self, parameter: Parameter, value: str) -> tuple[str, ...]:
        if parameter.kind == "text":
            return self._text(parameter, value)
        if parameter.kind in ("integer", "amount"):
            return self._integer(parameter, value)
        return self._code(parameter, value)

    def _text(self, parameter: Parameter, value: str) -> tuple[str, ...]:
        maximum = parameter.maximum
        if not value.strip():
            self._refuse(
                parameter.name, value, ErrorCode.INVALID_VALUE, f"`{parameter.name}` is empty. Leave it out instead."
            )
        elif len(value) > maximum:
            self._refuse(
                parameter.name,
                value,
                ErrorCode.INVALID_VALUE,
                f"`{parameter.name}` is longer than {maximum} characters. Shorten it.",
            )
        elif any(category(character) == "Cc" for character in value):
            self._refuse(
                parameter.name,
                value,
                ErrorCode.INVALID_VALUE,
                f"`{parameter.name}` holds a control character. Send plain text.",
            )
        elif len(terms(value)) > MAX_TERMS:
            self._refuse(
                parameter.name,
                value,
                ErrorCode.INVALID_VALUE,
                f"`{parameter.name}` has more than {MAX_TERMS} words. Send fewer.",
            )
        else:
            return (value,)
        return ()

    def _integer(self, parameter: Parameter, value: str) -> tuple[str, ...]:
        minimum, maximum = parameter.minimum, parameter.maximum or MAX_AMOUNT
        digits = value.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) <= 19 and minimum <= int(value) <= maximum:
            return (str(int(value)),)
        what = "a whole number of yen" if parameter.kind == "amount" else "a whole number"
        hint = " Beyond that, follow `links.next`." if parameter.name == "offset" else ""
        self._refuse(
            parameter.name,
            value,
            ErrorCode.INVALID_VALUE,
            f"`{parameter.name}` takes {what} from {minimum} to {maximum}.{hint}",
        )
        return ()

    def _code(self, parameter: Parameter, value: str) -> tuple[str, ...]:
        vocabulary = parameter.values(self.vocabularies)
        ids = vocabulary.find(value)
        takes_none = isinstance(parameter, Filter) and parameter.optional
        if ids and (ids != (NONE,) or takes_none or NONE in vocabulary.terms):
            return ids
        allowed = [*vocabulary.terms, *([NONE] if takes_none else [])]
        nearest = vocabulary.nearest(value) if len(self.errors) < MAX_LISTED else None  # later ones are not listed
        hint = f" Did you mean `{nearest}`?" if nearest else ""
        self._refuse(
            parameter.name,
            value,
            ErrorCode.UNKNOWN_VALUE,
            f"`{_cut(value)}` is not a value of `{parameter.name}`.{hint} `allowed` lists the values.",
            allowed,
            nearest,
        )
        return ()

    def _unknown(self, name: str) -> None:
        nearest = near(name, self.parameters)
        hint = f" Did you mean `{nearest}`?" if nearest else ""
        message = f"There is no parameter `{_cut(name)}` here.{hint} `allowed` lists the parameters."
        self._refuse(_cut(name), None, ErrorCode.UNKNOWN_PARAMETER, message, list(self.parameters), nearest)

    def _refuse(
        self,
        name: str,
        value: str | None,
        code: ErrorCode,
        message: str,
        allowed: list[str] | None = None,
        nearest: str | None = None,
    ) -> None:
        self.errors.append(
            ParameterError(
                parameter=name,
                value=None if value is None else _cut(value),
                code=code,
                message=message,
                allowed=(allowed or [])[:MAX_LISTED],
                did_you_mean=nearest,
            )
        )


def _cut(value: str) -> str:
    return value if len(value) <= 200 else value[:200] + "…"


def filter_notes(query: Query, vocabularies: Vocabularies) -> list[Note]:
    """Notes on the filters used: which narrower values they include, and what is known of their values."""
    notes: dict[str, Note] = {}
    for filter_, ids in query.filters():
        if filter_.note:
            notes[filter_.note.code] = filter_.note
        if not filter_.vocabulary or filter_.kind != "code":
            continue
        vocabulary = vocabularies[filter_.vocabulary]
        for term in (vocabulary.terms[id_] for id_ in ids if id_ != NONE):
            if term.id in vocabulary.narrower and filter_.several:
                listed = ", ".join(vocabulary.narrower[term.id])
                code = f"narrower-included-{term.id}"
                notes[code] = Note(
                    code=code,
                    ja=f"{filter_.name}={term.id} は下位の {listed} を含む。",
                    en=f"{filter_.name}={term.id} includes the narrower {listed}.",
                )
            notes.update((note.code, note) for note in term.notes)
    return list(notes.values())
