"""Numbers, years and days as documents print them: 3,300, ３万, △5, 令和7～11年度, R7, FY25, 2026/2/3."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from app.query.periods import small_number
from app.text import DIGITS, fold

Printed = str | int | Decimal | date

# By what years are counted with, the year before the first: 2025 is the 25th of those that begin with 20.
BEFORE = {"令和": 2018, "平成": 1988, "昭和": 1925, "r": 2018, "h": 1988, "s": 1925, "fy": 2000, "20": 2000, "19": 1900}
# Folded: a year, or a range of years whose end is of the same count.
YEARS = re.compile(
    r"(令和|平成|昭和|fy|(?<![a-z])[rhs]|(?<!\d)(?:20|19)(?=\d\d))[ .]?(\d{1,2}(?!\d)|[元一二三四五六七八九十]+)"
    r"(?:年?度?(?:~|-|から)(\d{1,2})(?![-/.月\d]))?"
)
DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?!\d)")
NUMBER = re.compile(r"([△▲]|(?<![\w)])-)?(\d{1,3}(?:,\d{3})+(?!\d)|\d+)(\.\d+)?\s*([千万億兆]?)")
MULTIPLES = {"": 1, "千": 10**3, "万": 10**4, "億": 10**8, "兆": 10**12}

LAYOUT = re.compile(r"(?<!\d)\s+|\s+(?!\d)")  # blanks, but those that part two numbers


def holds(quote: str, value: Printed) -> bool:
    """Whether a quote holds a value. What begins or ends with a number is not found within a longer number."""
    if isinstance(value, str):
        words = LAYOUT.sub("", value)
        after, before = f"{DIGITS},.，．" if words[:1].isdigit() else "", DIGITS if words[-1:].isdigit() else ""
        return contains(LAYOUT.sub("", quote), words, not_after=after, not_before=before)
    plain = YEARS.sub(_in_common_era, fold(quote))
    if isinstance(value, date):
        return (value.year, value.month, value.day) in (tuple(map(int, day)) for day in DAY.findall(plain))
    return value in _numbers(plain)


def contains(text: str, words: str, *, not_after: str = "", not_before: str = "") -> bool:
    """Whether a text contains the words, neither right after one of these characters nor right before one of those."""
    start = text.find(words)
    while start >= 0:
        end = start + len(words)
        if not (start and text[start - 1] in not_after) and not (end < len(text) and text[end] in not_before):
            return True
        start = text.find(words, start + 1)
    return False


def _in_common_era(found: re.Match[str]) -> str:
    before = BEFORE[found[1]]
    years = [small_number(number) for number in found.groups()[1:] if number]
    return "~".join(f"{before + year}" for year in years)


def _numbers(text: str) -> Iterator[int | Decimal]:
    for sign, whole, fraction, unit in NUMBER.findall(text):
        number = Decimal(f"{'-' if sign else ''}{whole.replace(',', '')}{fraction}")
        yield number
        yield number * MULTIPLES[unit]
