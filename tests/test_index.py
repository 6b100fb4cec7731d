"""The index against brute force: sums, ranges, pages and n-grams."""

from bisect import bisect_left, bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from app.index import IndexWriter, Keyset, NgramWriter, Row
from app.index.bitslices import BitSlicedColumn, dump_column
from app.index.ngrams import MAX_NGRAM, covering, ngrams, text_entry_name
from app.index.orders import SortOrder, dump_order
from app.index.reader import Index

UNITS = st.sampled_from([1, 1_000, 10**6, 10**8])


NUMBERS = st.sampled_from([(0, 10**6), (-(10**6), 10**6), (-(10**6), -1), (-4, 4)]).flatmap(
    lambda ends: st.dictionaries(st.integers(1, 300), st.integers(*ends), max_size=60)
)


@given(NUMBERS, UNITS, st.data())
def test_a_bit_sliced_column_gives_sums_and_ranges(numbers: dict[int, int], unit: int, data: st.DataObject) -> None:
    values = {row: number * unit for row, number in numbers.items()}
    column = BitSlicedColumn.load(dict(dump_column(list(values), list(values.values()))))
    rows = BitMap(data.draw(st.sets(st.integers(1, 300))))
    assert column.sum(rows) == sum(number for row, number in values.items() if row in rows)
    assert set(column.negative) == {row for row, number in values.items() if number < 0}
    near = [number + step for number in (0, *values.values()) for step in (-1, 0, 1)]
    limit = data.draw(st.sampled_from(near) | st.integers(-(10**15), 10**15))
    assert set(column.at_least(limit)) == {row for row, number in values.items() if number >= limit}
    assert set(column.at_most(limit)) == {row for row, number in values.items() if number <= limit}


@pytest.mark.parametrize(
    ("numbers", "stored"),
    [
        ([], []),
        ([0], []),
        ([6, 0], ["0"]),
        ([-1], ["negative"]),
        ([-4, 3], ["0", "1", "negative"]),
        ([-5, 3], ["0", "1", "2", "negative"]),
        ([-4, 4], ["0", "negative"]),
    ],
)
def test_a_column_stores_a_sign_only_if_a_number_is_negative(numbers: list[int], stored: list[str]) -> None:
    assert [name for name, _ in dump_column(range(len(numbers)), numbers)] == ["unit", *stored, "present"]


@given(st.lists(st.integers(1, 400), unique=True, max_size=80), st.booleans(), st.data())
def test_a_keyset_is_paged_from_any_position_in_either_direction(
    rows: list[int], descending: bool, data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, 20))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.index.orders.BLOCK", size)
        order = SortOrder.load(dict(dump_order(rows)))
    valued = BitMap(data.draw(st.sets(st.sampled_from(rows))) if rows else [])
    rest = BitMap(range(401, 401 + data.draw(st.integers(0, 5))))
    keyset = Keyset.by_column(order, valued | rest, descending=descending)

    first = [(place, row) for place, row in enumerate(rows) if row in valued]
    last = [(row, row) for row in rest]
    if descending:
        first, last = first[::-1], last[::-1]
    expected = [Row((0, place), row) for place, row in first] + [Row((1, place), row) for place, row in last]
    assert len(keyset) == len(expected)
    count, skip = data.draw(st.integers(1, 30)), data.draw(st.integers(0, 90))
    assert keyset.page(None, count, skip) == expected[skip : skip + count]
    assert keyset.page(None, count, backwards=True) == expected[::-1][:count]
    if expected:
        at = data.draw(st.integers(0, len(expected) - 1))
        assert keyset.page(expected[at].at, count) == expected[at + 1 : at + 1 + count]
        assert keyset.page(expected[at].at, count, backwards=True) == expected[:at][::-1][:count]


@given(st.sets(st.integers(1, 50)), st.integers(0, 2**32 - 2))
def test_keys_are_paged_from_positions_without_a_row(keys: set[int], position: int) -> None:
    keyset, ordered = Keyset.by_key(BitMap(keys)), sorted(keys)
    after, before = bisect_right(ordered, position), bisect_left(ordered, position)
    assert [row.key for row in keyset.page((0, position), 60)] == ordered[after:]
    assert [row.key for row in keyset.page((0, position), 60, backwards=True)] == ordered[:before][::-1]


@given(st.text("あいaAの 　\n", max_size=30), st.text("あいaAの", min_size=1, max_size=6))
def test_a_text_has_the_n_grams_of_every_term_that_it_contains(text: str, term: str) -> None:
    found = ngrams(text)
    if term in text:
        assert set(covering(term)) <= found
    elif len(term) <= MAX_NGRAM:
        assert term not in found


def test_n_grams_are_the_same_however_many_records_are_collected_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [([f"創薬基盤の整備 {number}", f"Foundations {number}"], ["薬"]) for number in range(40)]

    def written() -> list[tuple[str, str, bytes]]:
        writer = NgramWriter()
        for key, (names, descriptions) in enumerate(records, 1):
            writer.add(key, names, descriptions)
        return list(writer.entries())

    whole = written()
    monkeypatch.setattr("app.index.ngrams.FLUSH_EVERY", 7)
    assert written() == whole
    assert [value for name, value, _ in whole if name == text_entry_name("descriptions")] == ["薬"]


def test_what_a_writer_stores_is_what_a_reader_finds() -> None:
    writer = IndexWriter("lines")
    writer.add(7, {"ministry": ["a", "b", "a"], "joint": ["true"]}, {"amount": 300})
    writer.add(8, {"ministry": [], "joint": ["false"]}, {"amount": None})
    writer.add(9, {"ministry": [], "joint": ["false"]}, {"amount": -1_000})
    parts: dict[str, dict[str, bytes]] = {}
    for name, value, data in [*writer.entries(), *writer.order_entries("amount", [9, 7])]:
        parts.setdefault(name, {})[value] = data
    index = Index(lambda name: parts.get(name, {}))
    assert list(index.rows("lines")) == [7, 8, 9]
    ministries = index.values("lines", "ministry")
    assert (list(ministries.of("a")), list(ministries.of("c")), list(ministries.present)) == ([7], [], [7])
    assert list(index.values("lines", "joint").of("false")) == [8, 9]
    assert index.column("lines", "amount").sum(index.rows("lines")) == -700
    assert list(index.column("lines", "amount").negative) == [9]
    assert list(index.order("lines", "amount").present) == [7, 9]
