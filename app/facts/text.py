"""How text is compared: one folding for what is stored and what is asked; it never changes what is shown."""

import unicodedata

DIGITS = "0123456789０１２３４５６７８９"
TERMS = 10  # more terms in one question add load, not precision


def fold(text: str) -> str:
    """NFKC, width and case folded: ＡＭＥＤ, amed and AMED are one; 創薬 stays 創薬."""
    composed = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", composed)


def terms(q: str) -> tuple[str, ...]:
    """The distinct folded terms of a query, in the order of their first mention."""
    return tuple(dict.fromkeys(fold(q).split()))


def stands(words: str, text: str, *, after: str = "", before: str = "") -> bool:
    """Whether the words stand in a text, neither right after one of these characters nor right before one of those."""
    start = text.find(words)
    while start >= 0:
        end = start + len(words)
        if not (start and text[start - 1] in after) and not (end < len(text) and text[end] in before):
            return True
        start = text.find(words, start + 1)
    return False
