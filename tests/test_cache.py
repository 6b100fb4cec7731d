"""What was asked before is answered as it was, and nothing else ever is."""

import gc
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from app.caching import ENTRY_COST, SPELLING_COST, SPELLINGS, Cache, Entry, Sent
from app.db.sqlite import File
from app.main import create_app
from app.seeding.build import SEED, build, check
from app.settings import Settings
from tests.conftest import ALONE, Client, answer, serving

PATHS = [
    "/v1/budget-lines?ministry=mext", "/v1/budget-lines?ministry=文", "/v1/budget-lines?ministry=mext&limit=1", "/v1",
    "/v1/budget-lines?ministry=mhwl", "/v1/measures/biosimilar-uptake", "/v1/measures/nothing", "/docs", "/healthz",
    "/v1/exports/stages.csv", "/v1/exports/datapackage.zip", "/v1/search?q=%E8%96%AC", "/v1/search?q=薬", "/nowhere",
    "/v1/budget-summary?group_by=ministry", "/openapi.json", "/v1/measures?limit=2&kind=direction",
    "/v1/measures?kind=direction&limit=2",
]  # fmt: skip
HEADERS = [
    {"Accept-Encoding": coding, "Accept": accept, **more}
    for coding, accept, more in itertools.product(
        ("identity", "gzip"),
        ("*/*", "application/json", "text/html"),
        ({}, {"If-None-Match": "*"}, {"Origin": "https://example.org"}, {"Range": "bytes=0-9"}),
    )
]


@pytest.fixture(scope="module")
def kept(first: Settings) -> Iterator[Client]:
    with serving(create_app(first.model_copy(update={"cache_bytes": 2**24}))) as client:
        yield client


def seen(client: Client, method: str, path: str, headers: dict[str, str]) -> tuple[object, ...]:
    response = client.request(method, path, headers={**headers, "Host": "a.example"})
    shown = {name: value for name, value in response.headers.items() if name != "date"}
    return response.status_code, shown, response.content


@pytest.mark.parametrize("path", PATHS)
def test_a_kept_answer_is_the_one_that_would_be_made(path: str, client: Client, kept: Client) -> None:
    for _ in range(2):
        for headers, method in itertools.product(HEADERS, ("GET", "HEAD")):
            assert seen(kept, method, path, headers) == seen(client, method, path, headers), (method, headers)
    assert kept.post(path).status_code == 405
    assert kept.options(path).status_code == 204


def test_what_was_asked_before_asks_no_database(first: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(first.model_copy(update={"cache_bytes": 2**24}))
    with serving(app) as client:
        before = client.get("/v1/measures?limit=3")
        monkeypatch.setattr(File, "ask", lambda *_: pytest.fail("asked the database"))
        assert client.get("/v1/measures?limit=3").content == before.content
        packed = client.get("/v1/measures?limit=3", headers={"Accept-Encoding": "gzip"})
        assert (packed.headers["Content-Encoding"], packed.content) == ("gzip", before.content)


@pytest.mark.parametrize("most", [0, 1, ENTRY_COST * 3])
def test_a_small_cache_holds_less_and_answers_the_same(most: int, first: Settings, client: Client) -> None:
    app = create_app(first.model_copy(update={"cache_bytes": most}))
    with serving(app) as small:
        for path in (*PATHS, *PATHS):
            assert seen(small, "GET", path, {}) == seen(client, "GET", path, {})
    assert app.cache.size <= most


def test_a_new_database_empties_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "shisaku.sqlite"
    build(check(ALONE), path)
    monkeypatch.setattr("app.reading.service.LOOK_EVERY", 0.0)
    with serving(create_app(Settings(database=path))) as client:
        assert answer(client, "/v1")["dataset"]["version"] == "0.1.0"
        build(check(SEED), path)
        assert answer(client, "/v1")["dataset"]["version"] == "1.0.0"


def entry(size: int) -> Entry:
    return Entry("text/plain", b"", Sent(b"", [], [], b"x" * size))


EACH = ENTRY_COST + SPELLING_COST + 500  # a small entry with its key and one spelling, and a little more


def keep(cache: Cache, name: str, size: int = 10) -> Entry | None:
    """Keeps an entry, and gives what the cache then has."""
    cache.keep((name, ()), (name, b""), entry(size))
    return cache.spelled((name, b""))


def test_what_was_asked_again_stays_longest() -> None:
    cache = Cache(3 * EACH)
    assert cache.spelled(("a", b"")) is None
    for name in "abc":
        cache.keep((name, ()), (name, b""), entry(10))
    assert cache.spelled(("a", b""))
    for name in "de":
        cache.keep((name, ()), (name, b""), entry(10))
    assert cache.spelled(("b", b"")) is None
    assert cache.asked(("c", ()), ("c", b"")) is None
    assert cache.spelled(("a", b""))
    cache.keep(("f", ()), ("f", b""), entry(10))
    assert cache.spelled(("d", b"")) is None
    assert cache.spelled(("a", b""))


def test_what_is_larger_than_all_that_may_be_kept_sends_nothing_away() -> None:
    cache = Cache(3 * EACH)
    assert keep(cache, "a")
    assert keep(cache, "b", 3 * EACH) is None
    assert cache.spelled(("a", b""))


def test_whatever_is_kept_is_counted_and_all_of_it_goes() -> None:
    random, cache = Random(0), Cache(200_000)  # noqa: S311 - a sample, not a secret
    for number in range(6_000):
        spelling = (f"/{number}", b"")
        cache.keep((f"/{number}", ()), spelling, entry(random.randrange(500, 40_000)))
        cache.spelled(spelling)
        assert 0 <= cache.size <= 200_000
    found = {number: cache.spelled((f"/{number}", b"")) for number in range(6_000)}
    kept = {number: each for number, each in found.items() if each is not None}
    assert kept
    for number, each in kept.items():
        assert cache.asked((f"/{number}", ()), (f"/{number}", b"")) is each
    assert sum(each.size for each in kept.values()) == cache.size


def test_the_first_of_two_answers_to_one_question_is_kept() -> None:
    cache = Cache(10**6)
    first, size = keep(cache, "a"), cache.size
    assert keep(cache, "a", 20) is first
    assert cache.size == size


def test_spellings_are_found_counted_and_few() -> None:
    cache = Cache(10**6)
    kept = keep(cache, "a")
    size = cache.size
    for number in range(1_000):
        spelling = ("a", f"{number:04}".encode())
        assert cache.asked(("a", ()), spelling) is kept
        assert cache.spelled(spelling) is kept
    assert cache.spelled(("a", b"")) is None
    assert size < cache.size < size + SPELLINGS * 2 * SPELLING_COST


def test_what_is_packed_later_is_counted_once_and_while_it_is_kept() -> None:
    cache = Cache(10**6)
    packed = Sent(b"", [], [], b"x" * 100)
    found = keep(cache, "a")
    assert found
    size = cache.size
    for _ in range(2):
        cache.pack(found, packed)
        assert cache.size == size + packed.cost
    stranger = entry(10)
    cache.pack(stranger, packed)
    assert stranger.packed is packed
    assert cache.size == size + packed.cost


def test_the_cache_counts_no_less_than_it_takes(first: Settings) -> None:
    app = create_app(first.model_copy(update={"cache_bytes": 2**24}))
    with serving(app) as client:
        for number, coding in itertools.product(range(100), ("identity", "gzip")):
            client.get(f"/v1/stages?limit=0&offset={number}&q=%E8%96%AC", headers={"Accept-Encoding": coding})
            client.get(f"/v1/stages?q=%E8%96%AC&limit=0&offset={number}", headers={"Accept-Encoding": coding})
    assert 0.5 < held(app.cache) / app.cache.size <= 1


def held(root: object) -> int:
    """Bytes of an object and of all that it holds, each once."""
    seen, found = set[int](), [root]
    size = 0
    while found:
        each = found.pop()
        if id(each) not in seen and not isinstance(each, type):
            seen.add(id(each))
            size += sys.getsizeof(each)
            found.extend(gc.get_referents(each))
    return size
