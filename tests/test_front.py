"""The front of the service: whichever way an answer is found, it is the answer that the application would make."""

import asyncio
import itertools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import Response
from starlette.types import ASGIApp, Message

from app.db.sqlite import File
from app.delivery import Delivery
from app.errors import Problem
from app.main import api, create_app, operations
from app.reading.operations import Directory, Operation, respond
from app.reading.question import Question
from app.reading.service import Service, Snapshot
from app.settings import PROJECT, Settings
from tests.conftest import answer, serving

ID = {
    "documents": "cao-20260203-bio", "strategies": "hp3", "sections": "hp3-4.1", "measures": "biosimilar-uptake",
    "budget-lines": "biosimilar-manufacturing-sites-fy2025-supplementary", "organizations": "mhlw",
}  # fmt: skip


class Asked(NamedTuple):
    """A request, as a server hands it on."""

    path: str
    query: bytes = b""
    method: str = "GET"
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Told(NamedTuple):
    """An answer: its status, its headers in any order, and its body."""

    status: int
    headers: frozenset[tuple[bytes, bytes]]
    body: bytes


async def told(app: ASGIApp, asked: Asked) -> Told:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": asked.method,
        "path": asked.path,
        "raw_path": asked.path.encode(),
        "query_string": asked.query,
        "headers": list(asked.headers),
    }
    await app(scope, asyncio.Queue[Message]().get, send)
    headers = sent[0]["headers"]
    assert len({name for name, _ in headers} - {b"link"}) == len([name for name, _ in headers if name != b"link"])
    return Told(sent[0]["status"], frozenset(headers), b"".join(message.get("body", b"") for message in sent[1:]))


@pytest.fixture(scope="module")
def service(first: Settings) -> Service:
    return Service(first)


@pytest.fixture(scope="module")
def offered(service: Service) -> list[Operation]:
    return operations(service)


def delivered(service: Service, offered: list[Operation], cache_bytes: int, prefix: str = "") -> Delivery:
    """The service with a cache of so many bytes."""
    settings = service.settings.model_copy(update={"cache_bytes": cache_bytes, "prefix": prefix})
    return Delivery(api(offered, service.now), Directory(offered), settings, service.now)


def asked_of(operation: Operation, service: Service) -> Iterator[Asked]:
    """A request that each operation answers, and two that it refuses."""
    kind = operation.path.split("/")[2] if operation.path.startswith("/v1/") else ""
    path = operation.path.replace("{name}", "page.css")
    if "{id}" in path:
        collection = f"/v1/{kind}"
        listed = asyncio.run(told(delivered(service, operations(service), 0), Asked(collection, b"limit=1"))).body
        found = re.search(rb'"id":"([^"]+)"', listed)
        assert found
        path = path.replace("{id}", found[1].decode())
        yield Asked(f"{path}-not")
    required = {"group_by": "group_by=ministry", "q": "q=%E8%96%AC"}
    yield Asked(path, "&".join(required[p.name] for p in operation.parameters.values() if p.required).encode())
    yield Asked(path, b"nothing=here")


def test_the_application_alone_answers_as_the_service_does(service: Service, offered: list[Operation]) -> None:
    alone, whole = api(offered, service.now), delivered(service, offered, 2**24)
    for operation in offered:
        for asked in asked_of(operation, service):
            for _ in range(2):
                made, given_ = asyncio.run(told(alone, asked)), asyncio.run(told(whole, asked))
                assert (made.status, made.body) == (given_.status, given_.body), asked
                own = {each for each in made.headers if each[0] != b"last-modified"}
                assert own <= given_.headers, asked


def test_refusals_and_faults_are_told_alike(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    def refuses(*_: object) -> Response:
        raise Problem(404, "Not here.")

    def fails(*_: object) -> Response:
        raise RuntimeError("the secret of the house")

    offered = [Operation(path="/refuses", answer=refuses), Operation(path="/fails", answer=fails)]
    alone, whole = api(offered, service.now), delivered(service, offered, 2**24)

    async def quiet(scope: Any, receive: Any, send: Any) -> None:
        with suppress(RuntimeError):  # told, and raised again for a server's log
            await alone(scope, receive, send)

    for path, status in (("/refuses", 404), ("/fails", 500), ("/fails", 500), ("/nowhere", 404)):
        made, given_ = asyncio.run(told(quiet, Asked(path))), asyncio.run(told(whole, Asked(path)))
        assert (made.status, given_.status, made.body) == (status, status, given_.body)
        assert made.headers <= given_.headers
    assert whole.cache.size == 0
    assert "the secret of the house" in caplog.text


@pytest.mark.parametrize(
    "path",
    ["/v1/measures/", "/v1/measures/a/b", "/v1/documents//lines", "/v1/documents/", "//v1", "/V1", "/v1/docs/x",
     "/v1/packages/x/reconciliation/", "/policy/v1/measures", "/docs/", "/docs/a/b"],
)  # fmt: skip
def test_a_path_beside_an_operation_is_none(path: str, offered: list[Operation]) -> None:
    assert Directory(offered).find(path) is None


LINES = "/v1/budget-lines"
QUESTIONS = [
    (LINES, query.encode())
    for query in (
        "ministry=mhlw&limit=1", "ministry=%E5%8E%9A&limit=1", "limit=1&ministry=%e5%8e%9a", "limit=01&ministry=厚",
        "%6dinistry=mhl%77&limit=1", "ministry=mhlw&ministry=%E5%8E%9A&limit=1", "ministry=mhlw,mext&limit=1",
        "ministry=mext,mhlw&limit=1", "ministry=mext&limit=1&ministry=mhlw", "limit=1", "limit=1&", "limit=1&offset=0",
        "limit=1&offset=1", "limit=1&limit=1", "ministry=mhwl&limit=1", "limit=1&x", "q=%ff", "limit=0&q=a+b",
        "limit=0&q=a%20b", "limit=0&q=a%2Bb", "limit=0&q=%EF%BD%81", "limit=0&q=a", "limit=0&q=A", "cursor=x",
    )
] + [
    (path, query)
    for path in (
        "/v1/measures/biosimilar-uptake", "/v1/measures/biosimilar-uptakes", "/policy/v1/measures/biosimilar-uptake",
        "/policy/v1/budget-lines", "/policy", "/v1", "/docs", "/", "/healthz", "/nowhere", "/v1/exports/stages.csv",
        "/v1/exports/stages.ndjson", "/v1/exports/datapackage.zip", "/docs/page.css", "/openapi.json",
    )
    for query in (b"", b"x=1")
]  # fmt: skip
ACCEPTS = (b"*/*", b"application/json", b"text/html, */*;q=0.1", b"text/csv", b"", b"text/html," + b" " * 200 + b"*/*")
CODINGS = (b"gzip", b"gzip, deflate, br, zstd", b"identity", b"gzip;q=0", b"br")
TAGS = (b"*", b'"x"', b"SAME", b'"x", W/SAME')  # SAME stands for the tag of the answer
DATES = (b"Tue, 24 Nov 2026 00:00:00 GMT", b"Mon, 01 Jan 2024 00:00:00 GMT", b"yesterday")
RANGES = (b"bytes=0-9", b"bytes=99999999-", b"bytes=5-,0-3")


def some(name: bytes, values: tuple[bytes, ...]) -> st.SearchStrategy[tuple[tuple[bytes, bytes], ...]]:
    """A header that is mostly left out."""
    return st.one_of(st.just(()), st.just(()), st.sampled_from(values).map(lambda value: ((name, value),)))


HEADERS = st.tuples(
    some(b"accept", ACCEPTS),
    some(b"accept", ACCEPTS),
    some(b"accept-encoding", CODINGS),
    some(b"if-none-match", TAGS),
    some(b"if-modified-since", DATES),
    some(b"range", RANGES),
    some(b"origin", (b"https://example.org", b"null")),
    some(b"host", (b"a.example", b"evil.example")),
    some(b"x-forwarded-prefix", (b"/evil",)),
).map(lambda parts: tuple(itertools.chain(*parts)))
ASKED = st.builds(
    lambda question, method, headers: Asked(question[0], question[1], method, headers),
    st.sampled_from(QUESTIONS),
    st.sampled_from(("GET", "GET", "GET", "HEAD", "OPTIONS", "POST")),
    HEADERS,
)


@pytest.fixture(scope="module")
def compared(service: Service) -> Callable[[int, list[Asked]], Awaitable[None]]:
    """Asks a service with a cache of so many bytes, and holds each answer against one that keeps nothing."""
    prefixed = Service(service.settings.model_copy(update={"prefix": "/policy"}))
    offered = operations(prefixed)
    app, directory = api(offered, prefixed.now), Directory(offered)
    made = dict[Asked, Told]()

    def deliver(cache_bytes: int) -> Delivery:
        return Delivery(app, directory, prefixed.settings.model_copy(update={"cache_bytes": cache_bytes}), prefixed.now)

    plain = deliver(0)

    async def reference(asked: Asked) -> Told:
        if asked not in made:
            made[asked] = await told(plain, asked)
        return made[asked]

    async def compare(cache_bytes: int, sequence: list[Asked]) -> None:
        kept = deliver(cache_bytes)
        for asked in sequence:
            first = await reference(asked._replace(method="GET", headers=asked.headers[:0]))
            tag = dict(first.headers).get(b"etag", b'"none"')
            headers = tuple((name, value.replace(b"SAME", tag)) for name, value in asked.headers)
            sent = asked._replace(headers=headers)
            assert await told(kept, sent) == await reference(sent), sent
            assert kept.cache.size <= cache_bytes

    return compare


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([1, 9_000, 2**24]), st.lists(ASKED, min_size=2, max_size=15))
def test_no_request_changes_what_another_is_told(
    compared: Callable[[int, list[Asked]], Awaitable[None]], cache_bytes: int, sequence: list[Asked]
) -> None:
    asyncio.run(compared(cache_bytes, sequence))  # type: ignore[arg-type]


def test_every_spelling_is_one_entry_and_every_question_its_own(service: Service, offered: list[Operation]) -> None:
    whole = delivered(service, offered, 2**24)
    spellings = [query for _, query in QUESTIONS[:6]]
    bodies = set()
    for query in spellings:
        bodies.add(asyncio.run(told(whole, Asked(LINES, query))).body)
        size = whole.cache.size
    assert len(bodies) == 1
    for query in spellings:
        asyncio.run(told(whole, Asked(LINES, query)))
    assert whole.cache.size == size


def test_an_answer_from_the_old_database_is_not_kept_for_the_new(first: Settings, second: Settings) -> None:
    old, new = Service(first).now(), Service(second).now()
    current, made = [old], list[str]()

    async def run() -> None:
        gate = asyncio.Event()

        async def digest(snapshot: Snapshot, _: Question, __: str) -> Response:
            made.append(snapshot.dataset.version.digest)
            if snapshot is old:
                await gate.wait()
            return respond(snapshot.dataset.version.digest.encode())

        settings = Settings(database=first.database)
        app = Delivery(FastAPI(), Directory([Operation(path="/digest", answer=digest)]), settings, lambda: current[0])
        late = asyncio.ensure_future(told(app, Asked("/digest")))
        await asyncio.sleep(0)
        current[0] = new
        assert (await told(app, Asked("/digest"))).body == new.dataset.version.digest.encode()
        gate.set()
        assert (await late).body == old.dataset.version.digest.encode()
        for method in ("GET", "HEAD"):
            again = await told(app, Asked("/digest", method=method))
            assert again.body in (new.dataset.version.digest.encode(), b"")
        assert (b"etag", dict(again.headers)[b"etag"]) in (await told(app, Asked("/digest"))).headers
        assert made == [old.dataset.version.digest, new.dataset.version.digest]

    asyncio.run(run())


def wait(until: Callable[[], object]) -> None:
    for _ in range(2_000):
        if until():
            return
        time.sleep(0.005)
    raise AssertionError


def test_the_front_door_is_ready_before_anybody_asks(first: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(first.model_copy(update={"cache_bytes": 2**24}))
    with serving(app) as client:
        wait(lambda: app.cache.spelled(("/openapi.json", b"")))
        monkeypatch.setattr(File, "ask", lambda *_: pytest.fail("asked the database"))
        assert answer(client, "/v1")["resources"]
        assert client.get("/v1/budget-lines").json()["meta"]["total"]
        assert client.get("/v1/budget-lines?limit=1").status_code == 500


@pytest.mark.skipif(sys.platform != "linux", reason="one of two processes is stopped by a signal")
def test_two_processes_give_the_same_answers(first: Settings, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app.cli", "serve", "--workers", "2", "--port", "0"]
    environment = {**os.environ, "SHISAKU_DATABASE": str(first.database)}
    log = tmp_path / "log"
    with log.open("w") as written, subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=written) as process:
        try:
            wait(lambda: log.read_text().count("startup complete") == 2)
            port = re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text())
            assert port
            processes = [int(found) for found in re.findall(r"Started server process \[(\d+)\]", log.read_text())]
            found = [told_while_stopped(other, int(port[1])) for other in processes]
            assert len(found) == 2
            assert found[0] == found[1]
        finally:
            process.terminate()


def told_while_stopped(other: int, port: int) -> list[object]:
    """What the one process says to every kind of question, twice, while the other is stopped."""
    paths = ("/v1", "/v1/measures?limit=3&facet=kind", "/v1/search?q=%E8%96%AC", "/v1/exports/stages.csv", "/nowhere",
             "/v1/budget-summary?group_by=ministry,pillar", "/v1/crosswalk", "/v1/measures?x=1", "/docs")  # fmt: skip
    os.kill(other, signal.SIGSTOP)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            answers = [client.get(path) for path in (*paths, *paths)]
    finally:
        os.kill(other, signal.SIGCONT)
    shown = [{name: value for name, value in each.headers.items() if name != "date"} for each in answers]
    return [(each.status_code, headers, each.content) for each, headers in zip(answers, shown, strict=True)]
