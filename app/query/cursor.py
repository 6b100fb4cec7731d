"""Cursors: a position in an ordered list, opaque to clients, and bound to its query and its dataset.

One is the JSON list of the dataset, the query, the position, and whether it is followed backwards, in base64url.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

import orjson

from app.errors import ErrorCode, Problem, parameter_error
from app.index import Keyset


@dataclass(frozen=True)
class Cursor:
    """Rows beyond a position, or from the end of the list if it is None."""

    at: tuple[int, int] | None  # a row's `at`
    backwards: bool


DIGITS = 12  # of each digest that a cursor has


@dataclass(frozen=True)
class Binding:
    """What a cursor is bound to: the digest of a dataset, and a query."""

    dataset: str
    query: str

    @classmethod
    def of(cls, dataset: str, query: str) -> "Binding":
        return cls(dataset[:DIGITS], sha256(query.encode()).hexdigest()[:DIGITS])


def encode(cursor: Cursor, binding: Binding) -> str:
    packed = orjson.dumps([binding.dataset, binding.query, cursor.at, cursor.backwards])
    return urlsafe_b64encode(packed).decode().rstrip("=")


def decode(text: str, binding: Binding, keyset: Keyset) -> Cursor:
    """The cursor of this binding, a place in this keyset. Raises a 410 Problem for one of other data, and a 422
    Problem for any other text."""
    parts = _parts(text)
    if parts and parts[0] != binding.dataset:
        message = "`cursor` is of data that was replaced meanwhile. Start again from the first page, without it."
        error = parameter_error("cursor", message, ErrorCode.INVALID_VALUE, value=text)
        raise Problem(410, message, errors=[error])
    if parts and parts[1] == binding.query:
        at, backwards = parts[2:]
        if at is None:
            return Cursor(None, backwards)
        if keyset.has_position(*at):
            segment, position = at
            return Cursor((segment, position), backwards)
    message = (
        "`cursor` is not of this question. Start from the first page, and change no filter, sort or order while "
        "following `links.next`."
    )
    raise Problem(422, message, errors=[parameter_error("cursor", message, value=text)])


def _parts(text: str) -> list[Any] | None:
    """What a cursor holds; None if the text is none."""
    try:
        parts = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return None
    match parts:
        case [str(dataset), str(), None | [_, _], bool()] if len(dataset) == DIGITS:
            return list(parts)
    return None


def dataset_of(query_string: bytes) -> str | None:
    """The beginning of the digest of the dataset that the cursor of a query string is of; None if it has no cursor."""
    if b"cursor=" not in query_string:
        return None
    for text in parse_qs(query_string.decode("latin-1")).get("cursor", ()):
        parts = _parts(text)
        if parts:
            return str(parts[0])
    return None
