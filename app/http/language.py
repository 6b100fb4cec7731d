"""The language of a page, negotiated by Accept-Language."""

from functools import lru_cache

LANGUAGES = ("en", "ja")
VARY = "Accept-Language, Accept-Encoding"  # of a response in the preferred language


@lru_cache(1_000)  # the values that browsers send are few
def preferred_language(accept_language: bytes) -> str:
    """The one of LANGUAGES that an Accept-Language header weighs highest; the first one for any other header."""
    weights: dict[str, tuple[float, int]] = {}
    for place, item in enumerate(accept_language.decode("latin-1").lower().split(",")):
        tag, _, parameter = item.partition(";")
        try:
            weight = float(parameter.partition("q=")[2] or 1)
        except ValueError:
            continue
        weights.setdefault(tag.strip().partition("-")[0], (weight, -place))  # of equal weights, the first
    other = weights.get("*", (0.0, 0))
    return max(LANGUAGES, key=lambda language: weights.get(language, other))
