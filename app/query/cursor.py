"""Cursors: a position in an ordered list, opaque to clients, and bound to its query and its dataset."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256

import orjson

from app.errors import Problem, parameter_error
from app.index import Keyset


@dataclass(frozen=True)
class Cursor:
    """Rows beyond a position, or from the end of the list if it is None."""

    at: tuple[int, int] | None  # a row's `at`
    backwards: bool


def signature(digest: str, query: str) -> str:
    """Binds a cursor to a dataset and a query, so that it is refused by any other."""
    return sha256(f"{digest} {query}".encode()).hexdigest()[:12]


def encode(cursor: Cursor, signed: str) -> str:
    packed = orjson.dumps([signed, cursor.at, cursor.backwards])
    return urlsafe_b64encode(packed).decode().rstrip("=")


def decode(text: str, signed: str, keyset: Keyset) -> Cursor:
    """The cursor of this signature, a place in this keyset. Raises a 422 Problem for any other text."""
    try:
        found, at, backwards = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if found == signed and isinstance(backwards, bool):
            if at is None:
                return Cursor(None, backwards)
            segment, position = at
            if keyset.takes(segment, position):
                return Cursor((segment, position), backwards)
    except (ValueError, TypeError):
        pass
    message = (
        "`cursor` is not of this question and this version of the data. Start from the first page, and change "
        "no filter, sort or order while following `links.next`."
    )
    raise Problem(422, message, errors=[parameter_error("cursor", message, value=text[:200])])
