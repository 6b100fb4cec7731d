"""Stated evidence holds the value that it states, whatever the value's type and however a document prints it."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import Field

from app.schemas import Id, Labelled, References
from app.seeding.checks import stated_errors
from app.seeding.entries.base import Entry, EntryPart, NameEntry, Registered, Year
from app.seeding.printed import Printed, holds

HELD = (
    ("3,300億円程度", 3300, 9999),
    ("3,300億円程度", 330_000_000_000, 300),
    ("３，３００人", 3300, 33),
    ("5万人", 50_000, 500_000),
    ("50.5％", Decimal("50.5"), 50),
    ("△5％、-7％", -5, 5),
    ("△5％、-7％", -7, 7),
    ("①創薬", 1, 11),
    ("第10期", 10, 1),
    ("1,200件", 1200, 200),
    ("2025年", 2025, 2031),
    ("令和７年度", 2025, 2031),
    ("令和七年度", 2025, 7),
    ("令和元年度", 2019, 2020),
    ("平成31年度", 2019, 2031),
    ("昭和63年度", 1988, 1963),
    ("R7、FY2026", 2025, 2007),
    ("R7、FY2026", 2026, 20),
    ("FY25", 2025, 25),
    ("2025-2029年", 2029, -2029),
    ("2025～29年度", 2029, 2027),
    ("令和7～11年度", 2029, 2011),
    ("令和7年度から令和11年度まで", 2029, 2027),
    ("for 30 years", 30, 2048),
    ("令和8年2月3日", date(2026, 2, 3), date(2026, 2, 13)),
    ("令和 8 年 2 月 13 日", date(2026, 2, 13), date(2026, 2, 1)),
    ("2026-02-03", date(2026, 2, 3), date(2002, 2, 3)),
    ("2026/2/3", date(2026, 2, 3), date(2026, 3, 2)),
    ("R8.2.3", date(2026, 2, 3), date(2025, 2, 3)),
    ("13,300億円、4 億円", "4億円", "3,300億円"),
    ("4.10 節、4.1 2025", "4.1", "4.102"),
    ("14.1 節", "14.1", "4.1"),
    ("健康・医療 戦略", "健康・医療戦略", "医療戦略案"),
)


@pytest.mark.parametrize(("quote", "value", "other"), HELD)
def test_a_quote_holds_what_it_prints_and_nothing_else(quote: str, value: Printed, other: Printed) -> None:
    assert holds(quote, value)
    assert not holds(quote, other)


class Track(Labelled):
    PUBLIC = "public", "公共", "public"


class Period(EntryPart):
    from_: Annotated[Year, Field(alias="from")]
    to: Year


class Law(EntryPart):
    name: str
    egov: Annotated[str | None, Registered()] = None


class TargetEntry(Entry):
    name: NameEntry
    strategy: Annotated[Id, References("strategies")]
    track: Track
    official: bool
    value: Decimal
    year: Year | None
    periods: list[Period]
    decided: date
    laws: list[Law]


STATED = {
    "name": "バイオシミラーの使用",
    "strategy": "戦略",
    "track": "民間",
    "official": "公式",
    "value": "3,300億円程度",
    "year": "令和7年度",
    "periods": "令和7～11年度、令和12年度",
    "decided": "令和8年2月3日",
    "laws": "次世代医療基盤法",
}
TARGET: dict[str, Any] = {
    "id": "a",
    "name": {"ja": "バイオシミラーの使用", "en": "Use of biosimilars"},
    "strategy": "hp3",
    "track": "public",
    "official": True,
    "value": "3300",
    "year": 2025,
    "periods": [{"from": 2025, "to": 2029}, {"from": 2030, "to": 2030}],
    "decided": "2026-02-03",
    "laws": [{"name": "次世代医療基盤法", "egov": "429AC0000000028"}],
    "evidence": [
        {"basis": "stated", "lines": "1", "quote": quote, "supports": [field]} for field, quote in STATED.items()
    ],
}
WRONG = {
    "name": {"ja": "バイオシミラーの利用", "en": "Use of biosimilars"},
    "value": "9999",
    "year": 2031,
    "periods": [{"from": 2025, "to": 2029}, {"from": 2030, "to": 2031}],
    "decided": "2026-02-13",
    "laws": [{"name": "医療基盤整備法"}],
}


def test_what_is_stated_is_held_by_its_quote() -> None:
    assert list(stated_errors(TargetEntry.model_validate(TARGET))) == []


@pytest.mark.parametrize("field", WRONG)
def test_what_its_quote_does_not_hold_is_told(field: str) -> None:
    ((path, message),) = stated_errors(TargetEntry.model_validate(TARGET | {field: WRONG[field]}))
    assert path == (field,)
    assert f"stands in no quote that states `{field}`" in message


def test_a_value_of_another_basis_needs_no_words_of_its_own() -> None:
    reading = {
        "basis": "reading",
        "lines": "1",
        "quote": "翌年度",
        "supports": ["year"],
        "note": {"ja": "x", "en": "x"},
    }
    evidence = [piece for piece in TARGET["evidence"] if piece["supports"] != ["year"]]
    entry = TargetEntry.model_validate(TARGET | {"year": 2031, "evidence": [*evidence, reading]})
    assert list(stated_errors(entry)) == []
