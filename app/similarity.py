"""Similar words: what a misspelt name was surely meant to be."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

SHORTEST_BEGINNING = 4  # characters: fewer do not say what was meant


def closest(value: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `value` was surely meant to be."""
    return closest_of(value, {candidate: candidate for candidate in candidates})


def closest_of(value: str, candidates: Mapping[str, str]) -> str | None:
    """What is named by the name that `value` was surely meant to be: written in another case, with other separators or
    in the plural; misspelt by little but with the same digits, for another number is another thing; or the only one
    that begins with it or, in Japanese, contains it. Of several such, the one that all the others begin with."""
    names = {_plain(name): meant for name, meant in candidates.items()}
    wanted = _plain(value[:100])
    if wanted in names:
        return names[wanted]
    anagrams = (name for name in names if sorted(name) == sorted(wanted))
    for name in (*anagrams, *get_close_matches(wanted, names, cutoff=0.8)):
        if _digits(name) == _digits(wanted):
            return names[name]
    if len(wanted) < (SHORTEST_BEGINNING if wanted.isascii() else 2):
        return None
    found = [name for name in names if name.startswith(wanted)]
    if not found and not wanted.isascii():
        found = [name for name in names if wanted in name and _digits(name) == _digits(wanted)]
    shortest = min(found, key=len, default="")
    only = all(name.startswith(shortest) or names[name] == names[shortest] for name in found)
    return names[shortest] if found and only else None


def _plain(name: str) -> str:
    plain = re.sub(r"[\s_.-]", "", name.casefold())
    return f"{plain[:-3]}y" if plain.endswith("ies") else plain


def _digits(name: str) -> list[str]:
    return [character for character in name if character.isdigit()]


def hint(*nearest: str | None) -> str:
    """The part of a message that names the nearest allowed values, if any is near."""
    named = " or ".join(f"`{each}`" for each in nearest if each)
    return f" Did you mean {named}?" if named else ""
