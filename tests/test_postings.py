"""What the build packs is what a service counts by: numbers, orders and pieces of texts against brute force."""

from bisect import bisect_left, bisect_right
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from app.reading import postings
from app.reading.views import Found, Keys, Ordered, View
from app.seeding.postings import Texts

UNITS = st.sampled_from([1, 1_000, 10**6, 10**8])


@given(st.dictionaries(st.integers(1, 300), st.integers(0, 10**6), max_size=60), UNITS, st.data())
def test_numbers_are_summed_and_bounded_by_their_bits(held: dict[int, int], unit: int, data: st.DataObject) -> None:
    values = {row: number * unit for row, number in held.items()}
    numbers = postings.Numbers.unpacked(dict(postings.pack_bits(list(values.items()))))
    among = BitMap(data.draw(st.sets(st.integers(1, 300))))
    assert numbers.total(among) == sum(number for row, number in values.items() if row in among)
    limit = data.draw(st.sampled_from([0, 1, *values.values()]) | st.integers(0, 10**15))
    assert set(numbers.at_least(limit)) == {row for row, number in values.items() if number >= limit}
    assert set(numbers.at_most(limit)) == {row for row, number in values.items() if number <= limit}


@given(st.lists(st.integers(1, 400), unique=True, max_size=80), st.booleans(), st.data())
def test_a_view_is_walked_from_anywhere_in_either_direction(rows: list[int], down: bool, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 20))
    packed: dict[str, bytes] = {}
    for place in range(0, len(rows), size):
        packed |= {f"{place // size:06} {name}": each for name, each in _block(rows[place : place + size])}
    order = postings.Order.unpacked(packed)
    among = BitMap(data.draw(st.sets(st.sampled_from(rows))) if rows else [])
    empty = BitMap(range(401, 401 + data.draw(st.integers(0, 5))))
    view = View((Ordered(order, among), Keys(empty)), down=down)

    valued = [(place, row) for place, row in enumerate(rows) if row in among]
    rest = [(row, row) for row in empty]
    if down:
        valued, rest = valued[::-1], rest[::-1]
    expected = [Found((0, place), row) for place, row in valued] + [Found((1, place), row) for place, row in rest]
    assert len(view) == len(expected)
    count, skip = data.draw(st.integers(1, 30)), data.draw(st.integers(0, 90))
    assert view.page(None, count, skip) == expected[skip : skip + count]
    assert view.page(None, count, backwards=True) == expected[::-1][:count]
    if expected:
        at = data.draw(st.integers(0, len(expected) - 1))
        assert view.page(expected[at].at, count) == expected[at + 1 : at + 1 + count]
        assert view.page(expected[at].at, count, backwards=True) == expected[:at][::-1][:count]


def _block(rows: list[int]) -> list[tuple[str, Any]]:
    ((_, plain), (_, set_)) = postings.pack_order(rows)
    return [("rows", plain), ("set", set_)]


@given(st.sets(st.integers(1, 50)), st.integers(0, 2**32 - 2))
def test_keys_are_walked_from_places_where_none_stands(keys: set[int], place: int) -> None:
    view, ordered = View((Keys(BitMap(keys)),)), sorted(keys)
    after, before = bisect_right(ordered, place), bisect_left(ordered, place)
    assert [row.key for row in view.page((0, place), 60)] == ordered[after:]
    assert [row.key for row in view.page((0, place), 60, backwards=True)] == ordered[:before][::-1]


@given(st.text("あいaAの 　\n", max_size=30), st.text("あいaAの", min_size=1, max_size=6))
def test_the_pieces_of_a_text_hold_every_term_that_stands_in_it(text: str, term: str) -> None:
    pieces = postings.pieces(text)
    if term in text:
        assert set(postings.pieces_of(term)) <= pieces
    elif len(term) <= postings.GRAM:
        assert term not in pieces


def test_words_are_gathered_the_same_however_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [([f"創薬基盤の整備 {number}", f"Foundations {number}"], ["薬"]) for number in range(40)]

    def gathered() -> list[tuple[str, str, bytes]]:
        texts = Texts()
        for names, descriptions in records:
            texts.add(names, descriptions)
        return list(texts.packed())

    whole = gathered()
    monkeypatch.setattr("app.seeding.postings.CHUNK", 7)
    assert gathered() == whole
    assert [value for name, value, _ in whole if name == postings.DESCRIBED] == ["薬"]
