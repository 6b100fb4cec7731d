"""Amounts and days in words."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

UNCERTAIN = ("(不確か)", "(uncertain)")


def money(amount: Mapping[str, Any], language: str) -> str:
    """An amount in 億円, or in billions of yen, exactly; approximate where it is."""
    oku = Decimal(amount["oku_yen"])
    minus, approximate = "−" if oku < 0 else "", amount["approximate"]
    if language == "ja":
        return f"{minus}{abs(oku).normalize():,f}億円{'程度' if approximate else ''}"
    return f"{'about ' if approximate else ''}{minus}¥{abs(oku / 10).normalize():,f} billion"


def day(value: str, language: str) -> str:
    """A day in English words; in Japanese, its era says it."""
    parsed = date.fromisoformat(value)
    return f"{parsed.day} {parsed:%B %Y}" if language == "en" else value
