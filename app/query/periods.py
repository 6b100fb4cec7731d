"""Periods: versions between two ends, `since` and `until`, each a version or a day. Versions are the vocabulary
`version`, the newest first."""

import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from unicodedata import numeric

from app.query.vocabulary import Vocabulary
from app.text import fold

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# Folded, as people and programs write days, months and years; a single digit stands behind a separator.
WRITTEN = re.compile(r"(\d{4})[-/.年]?(?:(\d{2}|(?<=\D)\d)[-/.月]?(?:(\d{2}|(?<=\D)\d)日?(?:[t ].*)?)?)?")
ERA_YEAR = re.compile(r"(?:(令和|reiwa|r)|平成|heisei|h)[ .]?(\d{1,2}(?!\d)|[元一二三四五六七八九十]+)")
JAPAN = timezone(timedelta(hours=9))


def is_day(value: str) -> bool:
    """Whether a value is a day in ISO 8601."""
    try:
        return bool(DAY.fullmatch(value) and date.fromisoformat(value))
    except ValueError:
        return False


def in_common_era(value: str) -> str:
    """The folded text, in which a year of an era that it begins with, such as 令和七年 or R7, is of the common era."""
    plain = fold(value.strip())
    found = ERA_YEAR.match(plain)
    return f"{(2018 if found[1] else 1988) + small_number(found[2])}{plain[found.end() :]}" if found else plain


def small_number(text: str) -> int:
    """A number in digits, or below 100 in kanji; 元 is the first."""
    number = 0
    for digit in text.replace("元", "一"):
        number = (number or 1) * 10 if digit == "十" else number * (10 if digit.isdigit() else 1) + int(numeric(digit))
    return number


def written_day(value: str, end: str) -> str | None:
    """The day in ISO 8601 that is written in another form, such as 2026/11/29; of a month or a year, the first or the
    last. None if it is none."""
    found = WRITTEN.fullmatch(in_common_era(value))
    if not found:
        return None
    first, (year, month, day) = end == "since", found.groups()
    try:
        month = int(month or (1 if first else 12))
        return date(int(year), month, int(day or (1 if first else monthrange(int(year), month)[1]))).isoformat()
    except ValueError:
        return None


def today() -> str:
    """The day in Japan."""
    return datetime.now(JAPAN).date().isoformat()


def released(versions: Vocabulary, version: str) -> str:
    """The day on which a version was released."""
    return versions.concepts[version].released


def within(end: str, bound: str, versions: Vocabulary) -> list[str]:
    """The versions on one side of a bound. Of a version, those after it, or it and those before it; of a day, those
    released on it and later, or on it and earlier."""
    if is_day(bound):
        days = {version: released(versions, version) for version in versions.concepts}
        return [version for version, day in days.items() if (day >= bound if end == "since" else day <= bound)]
    listed = list(versions.concepts)
    place = listed.index(bound)
    return listed[:place] if end == "since" else listed[place:]


def is_reversed(bounds: Mapping[str, str], versions: Vocabulary) -> bool:
    """Whether `since` is after `until`."""
    if len(bounds) < 2:
        return False
    since, until = bounds["since"], bounds["until"]
    if is_day(since) or is_day(until):
        first, last = (bound if is_day(bound) else released(versions, bound) for bound in (since, until))
        return first > last
    listed = list(versions.concepts)
    return listed.index(since) < listed.index(until)
