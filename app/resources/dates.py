"""Dates and fiscal years with the Japanese era beside them."""

from datetime import date
from functools import lru_cache
from typing import Annotated

from pydantic import Field

from app.schemas import Int32, Schema

ERAS = ((date(2019, 5, 1), "令和"), (date(1989, 1, 8), "平成"), (date(1926, 12, 25), "昭和"))


class Day(Schema):
    """A day."""

    date: Annotated[str, Field(json_schema_extra={"format": "date"})] = Field(description="ISO 8601.")
    era: str = Field(description="The same day in the Japanese era, such as 令和8年2月3日.")


class FiscalYear(Schema):
    """A Japanese fiscal year, which begins on 1 April."""

    year: Int32 = Field(description="The calendar year in which it begins.")
    era: str = Field(description="Such as 令和7年度.")


def day(value: date) -> Day:
    """Raises ValueError for a day before the eras known here."""
    first, name = _era(value)
    return Day(date=value.isoformat(), era=f"{_counted(name, value.year, first)}{value.month}月{value.day}日")


@lru_cache(maxsize=500)
def fiscal_year(year: int) -> FiscalYear:
    """A year in which the era changed bears the new one, as ministries write it (2019 is 令和元年度), unless the
    new one began after New Year (1988 stays 昭和63年度)."""
    first, name = _era(date(year + 1, 3, 31))
    if first.year > year:
        first, name = _era(date(year, 4, 1))
    return FiscalYear(year=year, era=f"{_counted(name, year, first)}度")


def _era(value: date) -> tuple[date, str]:
    for first, name in ERAS:
        if value >= first:
            return first, name
    raise ValueError(f"{value.isoformat()} is before the eras known here")


def _counted(name: str, year: int, first: date) -> str:
    number = year - first.year + 1
    return f"{name}{'元' if number == 1 else number}年"
