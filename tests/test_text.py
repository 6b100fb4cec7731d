"""Text comparison: which ways of writing are one, and where a word begins."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text import IGNORABLE, REPLACED, fold, place_of, searchable, terms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ＡＭＥＤ", "amed"),
        ("ﾊﾞｲｵ", "バイオ"),
        ("Straße", "STRASSE"),
        ("強靱化", "強靭化"),
        ("醫藥品", "医薬品"),
        ("髙﨑", "高崎"),
        ("葛\U000e0100飾", "葛飾"),
        ("soft\u00adware", "software"),
        ("don’t", "don't"),
        ("〝薬〟", '"薬"'),
        ("COVID‐19", "covid-19"),
        ("4.1—4.8", "4.1-4.8"),
        ("５〜６", "5～6"),
        ("①", "1"),
        ("健康·医療", "健康・医療"),
        ("繫がり", "繋がり"),
        ("㌔", "キロ"),
    ],
)
def test_ways_of_writing_one_thing_are_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("くすり", "クスリ"), ("薬", "楽"), ("データ", "デ-タ"), ("は", "ば")])
def test_different_things_stay_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text() | st.lists(st.sampled_from(sorted(map(chr, REPLACED)))).map("".join))
def test_folded_text_is_folded(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert fold(unicodedata.normalize("NFD", text)) == folded


@given(st.text(max_size=20), st.sampled_from(IGNORABLE), st.integers(0, 20))
def test_what_cannot_be_seen_changes_nothing(text: str, ignorable: int, place: int) -> None:
    assert fold(text[:place] + chr(ignorable) + text[place:]) == fold(text)


@given(st.text(st.characters(exclude_characters="\x02"), max_size=20))  # control characters are refused before
def test_terms_are_the_words_of_a_query(text: str) -> None:
    plain = [term.replace("\x02", "") for term in terms(text)]
    assert plain == list(dict.fromkeys(fold(text).replace("\x02", "").split()))


@pytest.mark.parametrize(
    ("q", "text", "found"),
    [
        ("創薬", "次の創薬、また創薬", "創薬"),
        ("AMED", "TAMEDのＡＭＥＤ", "ＡＭＥＤ"),
        ("強靭", "国土強\u00ad靱化", "強\u00ad靱"),
        ("株式", "㍿と株式", "㍿"),
        ("株式会社", "株式と㍿", "㍿"),
        ("ガン", "前のｶﾞﾝ、ガン", "ｶﾞﾝ"),
        ("ガン", "前のｶﾞﾝ㌘", "ｶﾞﾝ"),
    ],
)
def test_a_term_is_found_where_the_text_has_it(q: str, text: str, found: str) -> None:
    (term,) = terms(q)
    start, end = place_of(term, text, searchable(text))
    assert text[start:end] == found
    assert text.index(found) == start
