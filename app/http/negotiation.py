"""Negotiation: what a request prefers, by the weights of its Accept headers (RFC 9110, section 12.4.2)."""

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache

LANGUAGES = ("en", "ja")
VARY = "Accept-Language, Accept-Encoding"  # of a response in the preferred language


def _weights(header: bytes) -> Iterator[tuple[str, float]]:
    """What a header names, each with its weight: 1 where none is given, 0 where it is no number."""
    for item in header.decode("latin-1").lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        weight = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                weight = 0.0
                with suppress(ValueError):
                    weight = float(value)
        yield name, weight


@lru_cache(1_000)  # the values that clients send are few
def accepts_gzip(accept_encoding: bytes) -> bool:
    """Whether an Accept-Encoding header takes gzip."""
    weights = dict(_weights(accept_encoding))
    return weights.get("gzip", weights.get("*", 0.0)) > 0


@lru_cache(1_000)
def preferred_language(accept_language: bytes) -> str:
    """The one of LANGUAGES that an Accept-Language header weighs highest; the first one for any other header."""
    weights: dict[str, tuple[float, int]] = {}
    for place, (tag, weight) in enumerate(_weights(accept_language)):
        weights.setdefault(tag.partition("-")[0], (weight, -place))  # of equal weights, the first
    other = weights.get("*", (0.0, 0))
    return max(LANGUAGES, key=lambda language: weights.get(language, other))
