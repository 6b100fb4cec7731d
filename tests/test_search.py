"""`q` and /v1/search against brute force: what a human would find by reading every name and description, and the
names of what a record links to."""

import itertools
import re
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.db.base import Session
from app.index import TextMatches
from app.query.snapshot import Snapshots
from app.query.words import other_words
from app.resources.facts import FACTS
from app.resources.measures import MEASURES
from app.resources.organizations import ORGANIZATIONS
from app.resources.schema import schema_version
from app.settings import Settings
from app.text import fold, terms
from tests.conftest import Client, answer, some, walk
from tests.searching import LATIN, LINKS, Texts, contain

EVERY_DATABASE = True


def codes(said: Any) -> list[str]:
    return [note["code"] for note in said["notes"]]


@pytest.fixture(scope="module")
def corpus(clients: Client) -> dict[tuple[str, str], list[str]]:
    """The folded texts that `q` reads of every record."""
    records = {resource.name: walk(clients, f"/v1/{resource.name}", limit=500) for resource in FACTS}
    texts = Texts(records)
    return {(name, row["id"]): texts.of(name, row) for name, rows in records.items() for row in rows}


SEARCHED = {
    "documents": ("issuer",),
    "sections": ("parent",),
    "measures": ("ministries", "organizations", "modalities", "sections", "strategies"),
    "budget-lines": ("ministries", "modalities", "sections"),
    "organizations": ("parent",),
    "modalities": ("broader", "narrower"),
}


def test_records_are_found_through_what_they_link_to() -> None:
    for resource, fields in SEARCHED.items():
        assert {name for name, _ in LINKS[resource]} >= set(fields)


def test_every_short_substring_is_found_where_it_stands(
    corpus: dict[tuple[str, str], list[str]], both: Settings
) -> None:
    expected: dict[str, set[int]] = {}
    for key, words in enumerate(corpus.values(), 1):
        for text, length in itertools.product(set(words), (1, 2, 3, 4)):
            for start in range(len(text) - length + 1):
                term = text[start : start + length]
                if not any(character.isspace() for character in term):
                    keys = expected.setdefault(term, set())
                    if not re.match(f"[{LATIN}]{{2}}", text[start - 1 : start + 1] if start else ""):
                        keys.add(key)
    assert len(expected) > 5_000
    assert sum(not keys for keys in expected.values()) > 500
    snapshot = Snapshots(both, schema_version()).current()

    def search(term: str, session: Session) -> TextMatches:
        return snapshot.searcher(session).search(terms(term), FACTS)

    for term in some(sorted(expected), 3_000):
        keys = expected[term]
        found = snapshot.database.query(partial(search, term))
        # Behind these stand the versions and changes, which only their own lists find.
        assert {key for key in found.anywhere if key <= len(corpus)} == keys, term
        assert found.in_names <= found.in_texts <= found.anywhere


def matching(corpus: dict[tuple[str, str], list[str]], q: str) -> list[tuple[str, str]]:
    return [key for key, texts in corpus.items() if contain(texts, q)]


QUERIES = [
    "薬",
    "創薬",
    "治験",
    "ＡＩ",
    "ai",
    "AI 推進",
    "バイオ 製造",
    "ﾊﾞｲｵ",
    "100%",
    "%",
    "_地点_",
    "_",
    "mcm",
    "第",
    "of the",
    "存在しない",
    "厚労省",
    "mhlw ワクチン",
    "4.3",
    "バイオシミラー",
    "gene",
    "strategy",
]


@pytest.mark.parametrize("q", QUERIES)
def test_search_is_brute_force(q: str, clients: Client, corpus: dict[tuple[str, str], list[str]]) -> None:
    expected = matching(corpus, q)
    found = walk(clients, "/v1/search", q=q, limit=4)
    assert sorted((row["type"], row["id"]) for row in found) == sorted(expected)
    for resource in FACTS:
        rows = walk(clients, f"/v1/{resource.name}", q=q, fields="id", limit=500)
        assert [(resource.name, row["id"]) for row in rows] == [key for key in expected if key[0] == resource.name]


def test_a_search_of_one_type_is_a_part_of_the_search(clients: Client) -> None:
    every = walk(clients, "/v1/search", q="薬")
    for resource in FACTS:
        rows = walk(clients, "/v1/search", q="薬", type=resource.name)
        assert rows == [row for row in every if row["type"] == resource.name]


@given(data=st.data())
def test_search_finds_any_words_of_a_record(
    data: st.DataObject, clients: Client, corpus: dict[tuple[str, str], list[str]]
) -> None:
    words = data.draw(st.sampled_from(sorted(corpus.values())))
    pieces = []
    for _ in range(data.draw(st.integers(1, 3))):
        text = data.draw(st.sampled_from(words))
        start = data.draw(st.integers(0, len(text) - 1))
        pieces.append(text[start : start + data.draw(st.integers(1, 12))])
    q = " ".join(pieces)
    if not q.strip() or len(q.split()) > 10 or not terms(q):
        return
    assert answer(clients, "/v1/search", q=q, limit=0)["meta"]["total"] == len(matching(corpus, q))


def test_the_best_match_comes_first(clients: Client) -> None:
    found = answer(clients, "/v1/search", q="ワクチン")["data"]
    assert (found[0]["type"], found[0]["id"]) == ("modalities", "vaccine")
    assert found[0]["matched"] == {"field": "name.ja", "excerpt": "ワクチン"}
    stockpile = next(row for row in found if row["id"] == "mcm-stockpile")
    assert stockpile["matched"]["field"] == "description.ja"
    prefixed = answer(clients, "/v1/search", q="バイオ", type="measures")["data"]
    starts = [row["name"]["ja"].startswith("バイオ") for row in prefixed]
    assert starts == sorted(starts, reverse=True)


def test_whole_words_come_before_beginnings_and_own_texts_before_links(clients: Client) -> None:
    found = walk(clients, "/v1/search", q="gene")
    ids = [row["id"] for row in found]
    assert ids.index("gene-therapy") < ids.index("regenerative-cell-gene-manufacturing") < ids.index("generic")
    linked = ["." not in row["matched"]["field"] for row in found if row["matched"]["field"] != "also"]
    assert linked == sorted(linked)
    assert any(linked)


@pytest.mark.parametrize("q", ["厚生労働省", "厚労省", "mhlw", "ＭＨＬＷ", "Ministry of Health"])
def test_a_ministry_is_found_by_each_of_its_names(q: str, clients: Client) -> None:
    (first, *others) = walk(clients, "/v1/search", q=q)
    assert (first["type"], first["id"]) == ("organizations", "mhlw")
    line = next(row for row in others if row["type"] == "budget-lines")
    assert line["matched"]["field"] == "ministries"
    assert set(line["matched"]["excerpt"]) & set("厚Mm")
    filtered = answer(clients, "/v1/budget-summary", group_by="pillar", ministry="mhlw")
    searched = answer(clients, "/v1/budget-summary", group_by="pillar", q=q)
    assert searched["total"] == filtered["total"]
    (note,) = (note for note in searched["notes"] if note["code"] == "found-by-linked-names")
    assert "ministry=mhlw" in note["en"]


@pytest.mark.parametrize("q", ["バイオシミラー", "biosimilar", "ﾊﾞｲｵｼﾐﾗｰ", "Biosimilars"])
def test_a_word_finds_the_same_money_in_either_language(q: str, clients: Client) -> None:
    expected = answer(clients, "/v1/budget-summary", group_by="ministry", modality="biosimilar")
    found = answer(clients, "/v1/budget-summary", group_by="ministry", q=q)
    assert expected["total"]["oku_yen"] == "158"
    assert (found["total"], found["groups"]) == (expected["total"], expected["groups"])


def test_what_contains_every_word_is_named_alone(clients: Client) -> None:
    for q in ("Ministry of Health", "厚生労働 省"):
        (note,) = answer(clients, "/v1/budget-lines", q=q, ministry="mhlw")["meta"]["notes"]
        assert note["en"].endswith(": ministry=mhlw.")
    (note,) = answer(clients, "/v1/measures", q="日本医療研究開発機構")["meta"]["notes"]
    assert "organization=amed" in note["en"]
    (note, *_) = answer(clients, "/v1/modalities", q="再生")["meta"]["notes"]
    assert "narrower regenerative-medicine" in note["en"]


def test_lines_found_through_the_crosswalk_say_so(clients: Client) -> None:
    for path in ("/v1/budget-lines", "/v1/search"):
        assert codes(answer(clients, path, q="4.3")["meta"]) == ["found-by-linked-names", "section-through-crosswalk"]
    assert answer(clients, "/v1/search", q="4.3", type="sections")["data"][0]["matched"]["field"] == "number"


@pytest.mark.parametrize("path", ["/v1/measures", "/v1/budget-lines", "/v1/search"])
def test_no_match_names_the_filters_that_the_words_are_values_of(path: str, clients: Client) -> None:
    meta = answer(clients, path, q="xyzzy 補正予算", facet=[])["meta"]
    if path == "/v1/measures":
        assert meta["notes"] == []
    else:
        (note,) = meta["notes"]
        assert note["code"] == "q-is-a-filter-value"
        assert "budget_kind=supplementary" in note["en"]
    assert answer(clients, path, q="xyzzy")["meta"]["notes"] == []


@pytest.mark.parametrize(
    ("q", "finding"),
    [
        ("clinical trials", ["治験", "clinical trial"]),
        ("臨床試験", ["治験"]),
        ("generic drugs", ["後発医薬品", "generic medicines"]),
        ("ジェネリック 低分子", []),
        ("バイオシミラア", []),
        ("バイオシミラーズ", []),
        ("希少疾患", ["希少疾病"]),
        ("gene-therapy", ["遺伝子治療", "gene therapy"]),
        ("gene therapies", ["gene therapy"]),
        ("わくちん", ["ワクチン"]),
        ("infectious disease crisis", ["infectious disease crises"]),
        ("Labor and Welfare", ["labour and welfare"]),
        ("xyzzy", []),
    ],
)  # fmt: skip
def test_no_match_names_other_words_that_find_something(q: str, finding: list[str], clients: Client) -> None:
    notes = answer(clients, "/v1/budget-lines", q=q)["meta"]["notes"]
    named = [text for note in notes if note["code"] == "other-words-find" for text in re.findall("`(.+?)`", note["en"])]
    assert set(finding) <= set(named[1:])
    assert bool(named) == bool(finding)
    for words in named[1:]:
        assert answer(clients, "/v1/budget-lines", q=words)["meta"]["total"]


def test_other_words_are_tried_under_the_same_filters(clients: Client) -> None:
    for ministry, finds in (("mhlw", True), ("mext", False)):
        meta = answer(clients, "/v1/budget-lines", q="臨床試験", ministry=ministry)["meta"]
        assert ("other-words-find" in codes(meta)) is finds


@given(q=st.text(alphabet="abies -シしz感染", max_size=60))
@example(q="-")
@example(q="a-")
def test_other_words_are_others(q: str) -> None:
    group = ("bies", "感染 as", "シ")
    found = other_words(q, [group])
    assert len(found) == len(set(found))
    assert all(fold(each).split() not in ([], fold(q).split()) for each in found)
    assert all(each == " ".join(each.split()) for each in found)


def test_the_longest_names_find_their_records(clients: Client) -> None:
    for resource in (MEASURES, ORGANIZATIONS):
        url = f"/v1/{resource.name}"
        names = [(row["id"], name) for row in walk(clients, url) for name in (row["name"]["ja"], row["name"]["en"])]
        for id_, name in sorted(names, key=lambda each: len(each[1]))[-5:]:
            assert id_ in {row["id"] for row in walk(clients, url, q=name)}


def test_an_excerpt_holds_the_match_and_is_cut_from_the_record(clients: Client) -> None:
    for row in walk(clients, "/v1/search", q="創薬"):
        assert "創薬" in row["matched"]["excerpt"]
        assert len(row["matched"]["excerpt"]) <= 2 * 40 + 2 + 2
    (aims,) = (row for row in walk(clients, "/v1/search", q="世界の患者") if row["type"] == "packages")
    assert aims["matched"]["excerpt"].startswith("…")
    (cited,) = walk(clients, "/v1/search", q="mcm", type="modalities")
    assert cited["matched"] == {"field": "also", "excerpt": "MCM"}


@pytest.mark.parametrize("q", ["", "   ", "\u200b", "x" * 501, " ".join(f"a{n}" for n in range(51)), "\x00"])
def test_a_search_that_cannot_be_meant_is_refused(q: str, clients: Client) -> None:
    (error,) = answer(clients, "/v1/search", 422, q=q)["errors"]
    assert error["parameter"] == "q"


def test_a_search_needs_words(clients: Client) -> None:
    (error,) = answer(clients, "/v1/search", 422)["errors"]
    assert error["parameter"] == "q"


def test_the_last_page_of_a_long_search_is_a_cursor(clients: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("/v1/search?q=の", "/v1/documents/cao-20260203-bio/lines?to=21"):
        rows = walk(clients, url)
        monkeypatch.setattr("app.query.page.MAX_OFFSET", -1)
        last = answer(clients, answer(clients, f"{url}&limit=4")["links"]["last"])
        assert last["data"] == rows[-4:]
        assert last["links"]["next"] is None
        before = answer(clients, last["links"]["prev"])
        assert before["data"] == rows[-8:-4]
        assert answer(clients, before["links"]["next"])["data"] == rows[-4:]
        monkeypatch.undo()
