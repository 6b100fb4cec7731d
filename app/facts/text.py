"""How text is compared: one folding for what is stored and what is asked; it never changes what is shown."""

import unicodedata

TERMS = 10  # more terms in one question add load, not precision


def fold(text: str) -> str:
    """NFKC, width and case folded: ＡＭＥＤ, amed and AMED are one; 創薬 stays 創薬."""
    composed = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", composed)


def terms(q: str) -> tuple[str, ...]:
    """The distinct folded terms of a query, in the order of their first mention."""
    return tuple(dict.fromkeys(fold(q).split()))
