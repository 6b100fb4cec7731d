"""Cursor: a place in an ordered list, opaque to callers; it holds no part of the question, only proof of it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256

import orjson

from app.errors import ErrorCode, ParameterError, Problem
from app.reading.views import LARGEST, At


@dataclass(frozen=True)
class Cursor:
    """Rows beyond a place, or, without one, from the end of the list."""

    at: At | None
    backwards: bool


def seal(digest: str, question: str) -> str:
    """Binds a cursor to a dataset and to a question, so that it is never used on another."""
    return sha256(f"{digest} {question}".encode()).hexdigest()[:12]


def encode(cursor: Cursor, sealed: str) -> str:
    packed = orjson.dumps([sealed, cursor.at, cursor.backwards])
    return urlsafe_b64encode(packed).decode().rstrip("=")


def decode(text: str, sealed: str, parts: int) -> Cursor:
    """The place that a cursor of this question and this dataset names, in a view of so many parts; raises a 422 Problem
    for any other."""
    try:
        found, at, backwards = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if found == sealed and isinstance(backwards, bool):
            if at is None:
                return Cursor(None, backwards)
            part, place = at
            # Types first: to look for a float or a text in a range is to walk all of it.
            if type(part) is type(place) is int and part in range(parts) and place in range(LARGEST):
                return Cursor((part, place), backwards)
    except (ValueError, TypeError):
        pass
    message = (
        "`cursor` is not of this question and this version of the data. Start from the first page, and change "
        "no filter, sort or order while following `links.next`."
    )
    error = ParameterError(
        parameter="cursor",
        value=text[:200],
        code=ErrorCode.INVALID_VALUE,
        message=message,
        allowed=[],
        did_you_mean=None,
    )
    raise Problem(422, message, errors=[error])
