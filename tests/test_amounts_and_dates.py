"""Money and days: exact in every unit, and in the era's words."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.resources.amount import AmountBasis, Kind, in_oku, summed
from app.resources.dates import day, fiscal_year
from app.seeding.entries.budgets import UNITS, AmountEntry


def entry(**fields: Any) -> AmountEntry:
    return AmountEntry.model_validate({"value": "1", "unit": "億円", "text": "1億円", **fields})


@given(st.integers(min_value=-(10**18), max_value=10**18) | st.integers(min_value=-(10**8), max_value=10**8))
def test_oku_yen_is_exact(jpy: int) -> None:
    text = in_oku(jpy)
    assert Decimal(text) * 10**8 == jpy
    assert re.fullmatch(r"-?(0|[1-9]\d*)(\.\d*[1-9])?", text)
    assert text.startswith("-") == (jpy < 0)  # of -0.00000001 too, and never of 0


@given(st.integers(min_value=0, max_value=99_999), st.sampled_from(sorted(UNITS)))
def test_what_is_printed_is_what_is_read(number: int, unit: str) -> None:
    amount = entry(value=str(number), unit=unit, text=f"{number:,}{unit}")
    assert list(amount.errors()) == []
    assert amount.jpy == number * UNITS[unit]
    wrong = entry(value=str(number + 1), unit=unit, text=f"{number:,}{unit}")
    assert [error for error in wrong.errors() if "is not what" in error]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"text": "調整中"}, "holds no number"),
        ({"value": "0.5", "unit": "円", "text": "0.5円"}, "not a whole number of yen"),
        ({"text": "約1億円"}, "set approximate: true"),
        ({"text": "1億円", "approximate": True}, "remove approximate"),
        ({"value": "15", "text": "１.5億円"}, "is not what"),
    ],
)
def test_an_amount_that_does_not_agree_with_its_text_is_an_error(fields: dict[str, Any], message: str) -> None:
    assert any(message in found for found in list(entry(**fields).errors()))


def test_wide_digits_and_other_words_for_about_are_read() -> None:
    assert list(entry(value="1.5", text="約１．５億円", approximate=True).errors()) == []
    assert list(entry(value="10000", unit="万円", text="1億円").errors()) == []


def test_a_sum_has_a_basis_when_all_its_parts_have_one() -> None:
    national = AmountBasis.NATIONAL_EXPENDITURE

    def of(*kinds: Kind) -> tuple[object, object, object]:
        found = summed(1, kinds, approximate=False, uncertain=False)
        return found["basis"], found["basis_reason"], found["phase"]

    assert of((national, "initial"), (national, "initial")) == (national, None, "initial")
    assert of((national, "initial"), (None, "initial")) == (None, "ambiguous", "initial")
    assert of((national, "initial"), (national, "executed")) == (national, None, None)
    assert of((None, "initial"), (None, "executed")) == (None, "ambiguous", None)
    assert of((None, "initial")) == (None, "not_stated", "initial")
    assert of() == (None, "not_stated", None)


@pytest.mark.parametrize("sign", ["-", "−", "△", "▲", "－"])
def test_a_printed_minus_is_read(sign: str) -> None:
    cut = entry(value="-1872", unit="千円", text=f"{sign}1,872千円")
    assert (list(cut.errors()), cut.jpy) == ([], -1_872_000)
    assert any("is not what" in found for found in entry(value="1872", unit="千円", text=f"{sign} 1,872千円").errors())


@pytest.mark.parametrize(
    ("value", "era"),
    [
        (date(2026, 2, 3), "令和8年2月3日"),
        (date(2019, 5, 1), "令和元年5月1日"),
        (date(2019, 4, 30), "平成31年4月30日"),
        (date(1989, 1, 7), "昭和64年1月7日"),
    ],
)
def test_a_day_has_its_era(value: date, era: str) -> None:
    assert day(value).era == era
    assert day(value).date == value.isoformat()


def test_a_day_before_the_eras_is_refused() -> None:
    with pytest.raises(ValueError, match="before the eras"):
        day(date(1926, 12, 24))


@pytest.mark.parametrize(
    ("year", "era"),
    [(2025, "令和7年度"), (2019, "令和元年度"), (2018, "平成30年度"), (1989, "平成元年度"), (1988, "昭和63年度")],
)
def test_a_fiscal_year_has_its_era(year: int, era: str) -> None:
    assert fiscal_year(year).era == era
