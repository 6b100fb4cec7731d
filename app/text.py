"""Text comparison: one normalization for indexed text and for queries. It never changes what is shown."""

import unicodedata

DIGITS = "0123456789０１２３４５６７８９"
MAX_TERMS = 10  # further terms add load, not precision


def fold(text: str) -> str:
    """NFKC normalization with case folding: ＡＭＥＤ, amed and AMED are equal."""
    composed = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", composed)


def terms(q: str) -> tuple[str, ...]:
    """The distinct folded terms of a query, in the order of their first occurrence."""
    return tuple(dict.fromkeys(fold(q).split()))
