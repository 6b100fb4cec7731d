"""Other words for those of a search: other forms of an English word, the other kana, and synonyms."""

import re
from collections.abc import Iterable, Iterator, Sequence

from app.schemas import distinct
from app.text import fold

# Plural and singular, American and British spelling, words joined and apart.
FORMS = (
    (r"ies$", "y"),
    (r"(?<=[a-z])y$", "ies"),
    (r"(s|x|z|ch|sh)es$", r"\1"),
    (r"(?<=[a-z])s$", ""),
    (r"(?<=s)is$", "es"),
    (r"(?<=s)es$", "is"),
    (r"(?<=[a-z]{3})iz(?=e|i|a)", "is"),
    (r"(?<=[a-z]{3})or$", "our"),
    (r"-", " "),
    (r"-", ""),
)
HIRAGANA, KATAKANA = ("".join(map(chr, range(first, first + 86))) for first in (0x3041, 0x30A1))
MAX_RUN = 5  # words of a synonym
KANA = (str.maketrans(HIRAGANA, KATAKANA), str.maketrans(KATAKANA, HIRAGANA))


def other_words(q: str, synonyms: Iterable[Sequence[str]]) -> list[str]:
    """The queries in which some words are replaced: by each of their synonyms, or by another form of one word."""
    words = fold(q).split()
    groups = [{fold(each): each for each in group} for group in synonyms]
    found = [
        " ".join([*words[:start], *other.split(), *words[end:]])
        for start in range(len(words))
        for end in range(min(len(words), start + MAX_RUN), start, -1)
        for other in _others(" ".join(words[start:end]), groups)
    ]
    return distinct(each for each in found if fold(each).split() not in ([], words))


def _others(words: str, groups: Iterable[dict[str, str]]) -> Iterator[str]:
    """Other forms of one word, and the synonyms of some words in any form."""
    forms = [words, *(re.sub(pattern, other, words) for pattern, other in FORMS), *map(words.translate, KANA)]
    for group in groups:
        if not group.keys().isdisjoint(forms):
            yield from group.values()
    if " " not in words:
        yield from forms
