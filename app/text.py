"""Text comparison: one normalization for indexed text, queries and filter values. It never changes what is shown."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import accumulate

from app.kanji import CURRENT_FORMS

DIGITS = "0123456789０１２３４５６７８９"
MAX_TERMS = 50  # more than the longest name has; further terms add load, not precision
BOUNDARY = "\x02"  # stands at both ends of each word of Latin letters and digits in searchable text

WORD = re.compile("[0-9a-z\u00df-\u00f6\u00f8-\u024f\u0300-\u036f\u1e00-\u1eff]+")  # of folded text

# Default_Ignorable_Code_Point of Unicode: soft hyphens, joiners, variation selectors, byte order marks.
IGNORABLE = (
    *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFEFF, 0xFFA0),
    *(*range(0x180B, 0x1810), *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)),
    *(*range(0xFE00, 0xFE10), *range(0xFFF0, 0xFFF9), *range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B)),
    *range(0xE0000, 0xE1000),
)
ALIKE = {
    "'": "‘’‚‛′‵´`ʼ‹›",
    '"': "“”„‟″‶〝〞〟«»",
    "-": "‐‑‒–—―−⸺⸻",
    "~": "〜～∼˜〰",
    "・": "·‧•∙⋅",
}
REPLACED: Mapping[int, str | None] = {
    **dict.fromkeys(IGNORABLE),
    **{ord(each): plain for plain, others in ALIKE.items() for each in others},
    **{ord(variant): current for variant, current in CURRENT_FORMS.items()},
}


CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# What no text holds: XML has no way to write most of these, and PostgreSQL none to store a NUL.
NOT_IN_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]|\r(?!\n)")


def one_line(text: str) -> str:
    """A text as a log or a terminal may show it: what would begin a line, or change how others look, is escaped."""
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def fold(text: str) -> str:
    """NFKC_Casefold (Unicode 3.13, R5), with quotes, dashes, dots and variant kanji made alike: ＡＭＥＤ and
    amed are equal, and so are 強靱 and 強靭. Hiragana and katakana stay apart."""
    composed = unicodedata.normalize("NFKC", text.translate(REPLACED)).casefold()
    return unicodedata.normalize("NFKC", composed).translate(REPLACED)


def searchable(text: str) -> str:
    """The folded text with a boundary at both ends of each Latin word: a term that begins with a boundary is found only
    where a word begins."""
    return WORD.sub(lambda word: f"{BOUNDARY}{word[0]}{BOUNDARY}", fold(text))


def place_of(term: str, text: str, plain: str) -> tuple[int, int]:
    """Where the first occurrence of a term begins and ends in a text as it is, whose searchable text, `plain`, contains
    it. Folding may change the number of characters."""
    folded = list(map(_folded, text))
    if "".join(folded) == plain.replace(BOUNDARY, ""):
        ends = list(accumulate(map(len, folded)))
        before = len(plain.partition(term)[0].replace(BOUNDARY, ""))
        return bisect_right(ends, before), bisect_left(ends, before + len(term.replace(BOUNDARY, ""))) + 1
    # Where characters are folded together, the text itself is searched, at many times the cost.
    end = bisect_left(range(len(text)), True, key=lambda place: term in searchable(text[:place]))  # noqa: FBT003
    within = range(end)
    return bisect_right(within, False, key=lambda at: term not in searchable(text[at:end])) - 1, end  # noqa: FBT003


_folded = cache(fold)  # of single characters


def terms(q: str) -> tuple[str, ...]:
    """The distinct terms of a query as searchable text, in the order of their first occurrence. The last word of a term
    is open at its end: `gene` finds genes."""
    return tuple(dict.fromkeys(term.removesuffix(BOUNDARY) for term in searchable(q).split()))


def whole_words(term: str) -> str:
    """The term closed at its end: `gene` alone."""
    return f"{term}{BOUNDARY}" if WORD.match(term[-1]) else term


def phrase(terms: Iterable[str]) -> tuple[str, str]:
    """Terms one after the other: open at the end, and as whole words."""
    whole = " ".join(map(whole_words, terms))
    return whole.removesuffix(BOUNDARY), whole
