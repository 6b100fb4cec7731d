"""The response cache: a cached response is, byte for byte, the one that the application would make."""

import asyncio
import gc
import itertools
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from cachetools import LRUCache
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.db.sqlite import SqliteDatabase
from app.http.cache import OVERHEAD, ResponseCacheMiddleware
from app.main import create_app
from app.settings import Settings
from tests.conftest import Client, answer, copied, eventually, serving, some, visible

PATHS = [
    "/v1/budget-lines?ministry=mext", "/v1/budget-lines?ministry=文", "/v1/budget-lines?ministry=mext&limit=1", "/v1",
    "/v1/budget-lines?ministry=mhwl", "/v1/measures/biosimilar-uptake", "/v1/measures/nothing", "/docs", "/healthz",
    "/v1/exports/stages.csv", "/v1/exports/datapackage.zip", "/v1/search?q=%E8%96%AC", "/v1/search?q=薬", "/nowhere",
    "/v1/budget-summary?group_by=ministry", "/openapi.json", "/v1/measures?limit=2&kind=direction",
    "/v1/measures?kind=direction&limit=2", "/", "/v1/stages?fields=id,name", "/v1/stages?fields=name&fields=id",
    "/v1/stages?fields=name", "/v1/measures/biosimilar-uptake?fields=name", "/v1/exports/stages.csv?fields=name",
    "/measures?kind=programme", "/measures?kind=programme&lang=ja", "/measures/biosimilar-uptake", "/measures?kind=x",
]  # fmt: skip
HEADERS: list[tuple[tuple[bytes, bytes], ...]] = [
    (),
    ((b"accept-encoding", b"gzip"),),
    ((b"accept-encoding", b"gzip"), (b"accept-language", b"ja,en;q=0.5")),
    ((b"if-none-match", b"*"),),
    ((b"if-match", b"*"),),
    ((b"if-match", b'"x"'),),
    ((b"if-unmodified-since", b"Mon, 01 Jan 2024 00:00:00 GMT"),),
    ((b"origin", b"https://example.org"),),
    ((b"range", b"bytes=0-9"),),
    ((b"accept", b"text/html"),),
    ((b"accept-language", b"ja,en;q=0.5"),),
    ((b"accept-language", b"fr"),),
]


@pytest.fixture(scope="module")
def cached(first: Settings) -> Iterator[Client]:
    with serving(first.model_copy(update={"cache_bytes": 2**24})) as client:
        yield client


@pytest.mark.parametrize("path", some(PATHS, 6))
def test_a_cached_response_is_the_one_that_would_be_sent(path: str, client: Client, cached: Client) -> None:
    for coding, method in itertools.product(("identity", "gzip"), ("GET", "HEAD")):
        headers = {"Accept-Encoding": coding}
        made = visible(client.request(method, path, headers=headers))
        for _ in range(2):
            assert visible(cached.request(method, path, headers=headers)) == made, (method, coding)
    assert cached.post(path).status_code == 405
    assert cached.options(path).status_code == 204


def test_a_cached_response_takes_no_query(first: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(first.model_copy(update={"cache_bytes": 2**24})) as client:
        before = client.get("/v1/measures?limit=3")
        monkeypatch.setattr(SqliteDatabase, "query", lambda *_: pytest.fail("the database was queried"))
        assert client.get("/v1/measures?limit=3").content == before.content
        same = client.get("/v1/measures?limit=3", headers={"If-None-Match": before.headers["ETag"]})
        assert (same.status_code, same.content) == (304, b"")


def test_another_database_empties_the_cache(
    first: Settings, second: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copied(second, tmp_path)
    monkeypatch.setattr("app.query.snapshot.POLL_SECONDS", 0.02)
    with serving(Settings(database=path)) as client:
        old = client.get("/v1")
        assert client.get("/v1/measures?limit=1").status_code == 200
        copied(first, tmp_path)
        eventually(lambda: answer(client, "/v1")["dataset"]["version"] == "1.0.0")
        with serving(Settings(database=path, cache_bytes=0)) as fresh:
            for url in ("/v1", "/v1", "/v1/measures?limit=1", "/openapi.json"):
                assert visible(client.get(url)) == visible(fresh.get(url))
        assert client.get("/v1", headers={"If-None-Match": old.headers["ETag"]}).status_code == 200


class Request(NamedTuple):
    """A request, as a server passes it on."""

    path: str
    query: bytes = b""
    method: str = "GET"
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Answer(NamedTuple):
    """A response: its status, its headers in any order, and its body."""

    status: int
    headers: frozenset[tuple[bytes, bytes]]
    body: bytes


async def ask(app: ASGIApp, request: Request) -> Answer:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": request.method,
        "path": request.path,
        "raw_path": request.path.encode(),
        "root_path": "",
        "query_string": request.query,
        "headers": list(request.headers),
    }
    await app(scope, asyncio.Queue[Message]().get, send)
    headers = sent[0]["headers"]
    names = [name for name, _ in headers]
    assert len(set(names)) == len(names), names
    return Answer(sent[0]["status"], frozenset(headers), b"".join(message.get("body", b"") for message in sent[1:]))


LINES = "/v1/budget-lines"
QUERIES = [
    (LINES, query.encode())
    for query in (
        "ministry=mhlw&limit=1", "ministry=%E5%8E%9A&limit=1", "limit=1&ministry=%e5%8e%9a", "limit=01&ministry=厚",
        "ministry=mhlw&ministry=%E5%8E%9A&limit=1", "ministry=mhlw,mext&limit=1", "ministry=mext&limit=1&ministry=mhlw",
        "limit=1", "limit=1&", "limit=1&offset=0", "limit=1&offset=1", "limit=1&limit=1", "ministry=mhwl&limit=1",
        "limit=1&x", "q=%ff", "limit=0&q=a+b", "limit=0&q=a%20b", "limit=0&q=a%2Bb", "limit=0&q=a", "limit=0&q=A",
    )
] + [
    (path, query)
    for path in (
        "/v1/measures/biosimilar-uptake", "/v1/measures/biosimilar-uptakes", "/policy/v1/measures/biosimilar-uptake",
        "/policy/v1/budget-lines", "/policy", "/v1", "/docs", "/", "/healthz", "/nowhere", "/v1/exports/stages.csv",
        "/v1/exports/stages.ndjson", "/v1/exports/datapackage.zip", "/static/style.css", "/openapi.json", "/measures",
    )
    for query in (b"", b"x=1")
]  # fmt: skip


def maybe(name: bytes, *values: bytes) -> st.SearchStrategy[tuple[tuple[bytes, bytes], ...]]:
    """A header that is mostly left out."""
    return st.one_of(st.just(()), st.just(()), st.sampled_from(values).map(lambda value: ((name, value),)))


REQUESTS = st.builds(
    lambda query, method, headers: Request(query[0], query[1], method, tuple(itertools.chain(*headers))),
    st.sampled_from(QUERIES),
    st.sampled_from(("GET", "GET", "GET", "HEAD", "OPTIONS", "POST")),
    st.tuples(
        maybe(b"accept", b"*/*", b"text/csv"),
        maybe(b"accept-language", b"ja", b"en", b"ja-JP,en;q=0.5", b"fr"),
        maybe(b"accept-encoding", b"gzip", b"gzip, deflate, br, zstd", b"identity", b"gzip;q=0", b"br"),
        maybe(b"accept-encoding", b"gzip", b"br"),
        maybe(b"if-none-match", b"*", b'"x"', b"SAME", b'"x", W/SAME'),  # SAME is the tag of the response
        maybe(b"if-modified-since", b"Tue, 24 Nov 2026 00:00:00 GMT", b"Mon, 01 Jan 2024 00:00:00 GMT", b"yesterday"),
        maybe(b"if-match", b"*", b'"x"', b"SAME", b'"x", SAME', b"W/SAME"),
        maybe(b"if-unmodified-since", b"Tue, 24 Nov 2026 00:00:00 GMT", b"Mon, 01 Jan 2024 00:00:00 GMT", b"soon"),
        maybe(b"range", b"bytes=0-9", b"bytes=99999999-", b"bytes=5-,0-3"),
        maybe(b"origin", b"https://example.org", b"null"),
        maybe(b"host", b"a.example", b"evil.example"),
        maybe(b"x-forwarded-prefix", b"/evil"),
    ),
)

Compare = Callable[[int, list[Request]], Awaitable[None]]


@pytest.fixture(scope="module")
def compare(first: Settings) -> Compare:
    """Sends requests to a service with a cache of so many bytes, and compares each response with one of a service
    that caches nothing."""
    app = create_app(first.model_copy(update={"prefix": "/policy"}))
    made: dict[Request, Answer] = {}

    async def reference(request: Request) -> Answer:
        if request not in made:
            made[request] = await ask(app, request)
        return made[request]

    async def compare(cache_bytes: int, requests: list[Request]) -> None:
        caching = ResponseCacheMiddleware(app, app.state.snapshots, cache_bytes)
        for request in requests:
            coding = tuple(each for each in request.headers if each[0] == b"accept-encoding")
            plain = await reference(request._replace(method="GET", headers=coding))
            tag = dict(plain.headers).get(b"etag", b'"none"')
            headers = tuple((name, value.replace(b"SAME", tag)) for name, value in request.headers)
            sent = request._replace(headers=headers)
            assert await ask(caching, sent) == await reference(sent), sent
            assert caching.responses.currsize <= cache_bytes

    return compare


@pytest.mark.parametrize("path", some(PATHS, 14))
def test_a_cached_response_is_the_one_that_would_be_made(path: str, compare: Compare) -> None:
    path, _, query = path.partition("?")
    requests = [Request(path, query.encode(), "GET", headers) for headers in HEADERS]
    requests += [request._replace(method="HEAD") for request in requests[:3]]
    asyncio.run(compare(2**24, [*requests, *requests]))  # type: ignore[arg-type]


@given(st.sampled_from([0, 1, 9_000, 2**24]), st.lists(REQUESTS, min_size=2, max_size=15))
def test_no_request_changes_the_response_to_another(
    compare: Compare, cache_bytes: int, requests: list[Request]
) -> None:
    asyncio.run(compare(cache_bytes, requests))  # type: ignore[arg-type]


class Fake:
    """An application whose responses are of the current snapshot, one of two."""

    def __init__(self) -> None:
        self.snapshot = SimpleNamespace(name=b"old")
        self.made: list[bytes] = []
        self.begun = asyncio.Event()
        self.gate: asyncio.Event | None = None

    def current(self) -> Any:
        return self.snapshot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        snapshot = scope["state"]["snapshot"] = self.snapshot
        self.made.append(snapshot.name)
        self.begun.set()
        if self.gate:
            await self.gate.wait()
        headers = {"ETag": f'"{snapshot.name.decode()}"'}
        kind = scope["path"]
        response = Response(snapshot.name * 10, headers=headers)
        if kind == "/stream":
            response = StreamingResponse(iter([b"a", b"b"]), headers=headers)
        elif kind == "/error":
            response = Response(status_code=404, headers=headers)
        elif kind == "/state":
            response = Response(b"no validators")
        await response(scope, receive, send)


def caching(fake: Fake, max_bytes: int) -> ResponseCacheMiddleware:
    return ResponseCacheMiddleware(fake, fake, max_bytes)  # type: ignore[arg-type]


def test_a_late_response_of_the_old_database_is_not_kept_for_the_new() -> None:
    async def run() -> None:
        fake = Fake()
        app = caching(fake, 2**20)
        gate = fake.gate = asyncio.Event()
        late = asyncio.ensure_future(ask(app, Request("/x")))
        await fake.begun.wait()
        fake.snapshot, fake.gate = SimpleNamespace(name=b"new"), None
        assert (await ask(app, Request("/x"))).body == b"new" * 10
        gate.set()
        assert (await late).body == b"old" * 10
        assert (await ask(app, Request("/x"))).body == b"new" * 10
        assert fake.made == [b"old", b"new"]

    asyncio.run(run())


@pytest.mark.parametrize("path", ["/stream", "/error", "/state"])
def test_streams_errors_and_states_are_not_kept(path: str) -> None:
    async def run() -> None:
        fake = Fake()
        app = caching(fake, 2**20)
        answers = [await ask(app, Request(path)) for _ in range(3)]
        assert answers[0] == answers[1] == answers[2]
        assert len(fake.made) == 3
        assert len(app.responses) == 0

    asyncio.run(run())


def test_responses_used_lately_stay_longest_and_one_too_large_removes_none() -> None:
    async def run() -> None:
        fake = Fake()
        app = caching(fake, 2 * (OVERHEAD + 100))
        for path in ("/a", "/b", "/a", "/c", "/a"):  # /b goes for /c
            await ask(app, Request(path))
        assert len(fake.made) == 3
        await ask(app, Request("/b"))
        assert len(fake.made) == 4
        fake.snapshot.name = b"x" * 10_000
        await ask(app, Request("/large"))
        await ask(app, Request("/b"))
        assert len(fake.made) == 5

    asyncio.run(run())


def size_of(root: object) -> int:
    """Bytes of an object and of all that it holds, each once, but for routes, which are the application's."""
    seen: set[int] = set()
    found, size = [root], 0
    while found:
        each = found.pop()
        if id(each) not in seen and not isinstance(each, type | type(size_of) | type(sys) | BaseRoute):
            seen.add(id(each))
            size += sys.getsizeof(each)
            found.extend(gc.get_referents(each))
    return size


def test_the_cache_counts_no_less_than_it_takes(first: Settings) -> None:
    app = create_app(first)
    caching = ResponseCacheMiddleware(app, app.state.snapshots, 2**24)

    async def run() -> None:
        for number, coding in itertools.product(range(30), (b"identity", b"gzip")):
            query = f"limit=0&offset={number}&q=%E8%96%AC".encode()
            await ask(caching, Request("/v1/stages", query, headers=((b"accept-encoding", coding),)))

    asyncio.run(run())
    assert isinstance(caching.responses, LRUCache)
    held = size_of(dict(caching.responses.items()))
    assert 0.3 < held / caching.responses.currsize <= 1
