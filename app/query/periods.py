"""Periods: versions between two bounds, each a version or a day. Versions are the vocabulary `version`, the newest
first."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Literal

from app.query.vocabulary import Vocabulary
from app.text import fold

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
WRITTEN = re.compile(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?(t.*)?")  # folded, as people and programs write days
JAPAN = timezone(timedelta(hours=9))


def is_day(value: str) -> bool:
    """Whether a value is a day in ISO 8601."""
    try:
        return bool(DAY.fullmatch(value) and date.fromisoformat(value))
    except ValueError:
        return False


def written_day(value: str) -> str | None:
    """The day in ISO 8601 that is written in another form, such as 2026/11/29; None if it is none."""
    found = WRITTEN.fullmatch(fold(value.strip()))
    try:
        return date(*map(int, found.groups()[:3])).isoformat() if found else None
    except ValueError:
        return None


def today() -> str:
    """The day in Japan."""
    return datetime.now(JAPAN).date().isoformat()


def released(versions: Vocabulary, version: str) -> str:
    """The day on which a version was released."""
    return versions.terms[version].released


def within(period: Literal["since", "until"], bound: str, versions: Vocabulary) -> list[str]:
    """The versions on one side of a bound. Of a version, those after it, or it and those before it; of a day, those
    released on it and later, or on it and earlier."""
    if is_day(bound):
        days = {version: released(versions, version) for version in versions.terms}
        return [version for version, day in days.items() if (day >= bound if period == "since" else day <= bound)]
    listed = list(versions.terms)
    place = listed.index(bound)
    return listed[:place] if period == "since" else listed[place:]


def is_reversed(bounds: Mapping[str, str], versions: Vocabulary) -> bool:
    """Whether `since` is after `until`."""
    if len(bounds) < 2:
        return False
    since, until = bounds["since"], bounds["until"]
    if is_day(since) or is_day(until):
        first, last = (bound if is_day(bound) else released(versions, bound) for bound in (since, until))
        return first > last
    listed = list(versions.terms)
    return listed.index(since) < listed.index(until)
