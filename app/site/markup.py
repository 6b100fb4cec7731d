"""Texts as HTML: escaped, and with code and paragraphs marked."""

import re
from functools import lru_cache

import markupsafe
from markupsafe import Markup


@lru_cache(10_000)  # names recur in many rows
def escape(text: str) -> str:
    """A text as HTML."""
    return str(markupsafe.escape(text))


def html(text: str) -> Markup:
    """Marks text as HTML: every value in it is escaped where it was put there."""
    return Markup(text)  # noqa: S704


def code(text: str) -> Markup:
    """A text, or HTML, with what stands between backticks as code."""
    return html(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(markupsafe.escape(text))))


def prose(text: str) -> Markup:
    """A text of the API as HTML: paragraphs, `code` and **strong** words."""
    paragraphs = [
        re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", str(code(each))) for each in text.strip().split("\n\n")
    ]
    return html(f"<p>{'</p><p>'.join(paragraphs)}</p>")
