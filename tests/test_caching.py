"""What was asked before is answered as it was, and nothing else ever is."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.caching import ENTRY_COST, Cache, Entry, Sent
from app.db.sqlite import File
from app.delivery import Delivery
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
    assert isinstance(app, Delivery)
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
    return Entry("text/plain", "", {"identity": Sent("", [], [], b"x" * size)})


def test_the_least_recently_asked_goes_first() -> None:
    cache = Cache(3 * ENTRY_COST + 100)
    version = object()
    assert cache.get(version, ("a", b"")) is None
    for name in "abc":
        cache.put(version, (name, b""), entry(10))
    assert cache.get(version, ("a", b"")) is not None
    cache.put(version, ("d", b""), entry(10))
    assert cache.get(version, ("b", b"")) is None
    assert cache.get(version, ("a", b"")) is not None
    cache.put(version, ("a", b""), entry(20))
    assert cache.size == 3 * ENTRY_COST + 40


def test_an_answer_of_a_version_that_went_meanwhile_is_not_kept() -> None:
    cache = Cache(10**6)
    old, new = object(), object()
    cache.get(old, ("a", b""))
    cache.get(new, ("a", b""))
    cache.put(old, ("a", b""), entry(1))
    assert cache.get(new, ("a", b"")) is None
    assert cache.size == 0
