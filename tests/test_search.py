"""`q` and /v1/search against brute force: what a human would find by reading every name and description."""

import itertools
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.db.base import Session
from app.query.snapshot import Snapshots
from app.resources import RESOURCES
from app.resources.schema import schema_version
from app.settings import Settings
from tests.conftest import Client, answer, walk

EVERY_DATABASE = True

FIELDS = ("name", "description", "also", "abbreviation", "aims")


def folded(text: str) -> str:
    """Folding as the contract says it, written once more."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def texts(record: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for name in FIELDS:
        value = record.get(name)
        for part in value if isinstance(value, list) else [value]:
            found.extend([part["ja"], part["en"]] if isinstance(part, dict) else [part] if part else [])
    return found


@pytest.fixture(scope="module")
def corpus(clients: Client) -> dict[tuple[str, str], list[str]]:
    """Every record's folded texts."""
    return {
        (resource.name, row["id"]): [folded(text) for text in texts(row)]
        for resource in RESOURCES
        for row in walk(clients, f"/v1/{resource.name}", limit=500)
    }


def test_every_short_substring_is_found_where_it_stands(
    corpus: dict[tuple[str, str], list[str]], both: Settings
) -> None:
    expected: dict[str, set[int]] = {}
    for key, words in enumerate(corpus.values(), 1):
        for text, length in itertools.product(words, (1, 2, 3, 4)):
            for start in range(len(text) - length + 1):
                term = text[start : start + length]
                if not any(character.isspace() for character in term):
                    expected.setdefault(term, set()).add(key)
    assert len(expected) > 5_000
    snapshot = Snapshots(both, schema_version()).current()

    def search(session: Session) -> None:
        matcher = snapshot.matcher(session)
        for term, keys in expected.items():
            found = matcher.search((term,))
            assert set(found.anywhere) == keys, term
            assert found.in_names <= found.anywhere

    snapshot.database.query(search)


def matching(corpus: dict[tuple[str, str], list[str]], q: str) -> list[tuple[str, str]]:
    return [key for key, words in corpus.items() if all(any(t in text for text in words) for t in folded(q).split())]


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
]


@pytest.mark.parametrize("q", QUERIES)
def test_search_is_brute_force(q: str, clients: Client, corpus: dict[tuple[str, str], list[str]]) -> None:
    expected = matching(corpus, q)
    found = walk(clients, "/v1/search", q=q, limit=4)
    assert sorted((row["type"], row["id"]) for row in found) == sorted(expected)
    for resource in RESOURCES:
        rows = walk(clients, f"/v1/{resource.name}", q=q)
        assert [(resource.name, row["id"]) for row in rows] == [key for key in expected if key[0] == resource.name]
        assert answer(clients, "/v1/search", q=q, type=resource.name, limit=0)["meta"]["total"] == len(rows)


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
    if not q.strip() or len(q.split()) > 10:
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


def test_an_excerpt_holds_the_match_and_is_cut_from_the_record(clients: Client) -> None:
    for row in walk(clients, "/v1/search", q="創薬"):
        assert "創薬" in row["matched"]["excerpt"]
        assert len(row["matched"]["excerpt"]) <= 2 * 40 + 2 + 2
    (aims,) = (row for row in walk(clients, "/v1/search", q="世界の患者") if row["type"] == "packages")
    assert aims["matched"]["excerpt"].startswith("…")
    (cited,) = walk(clients, "/v1/search", q="mcm", type="modalities")
    assert cited["matched"] == {"field": "also", "excerpt": "MCM"}


@pytest.mark.parametrize("q", ["", "   ", "x" * 201, "a b c d e f g h i j k", "\x00"])
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
