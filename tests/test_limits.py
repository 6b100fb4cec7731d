"""What one client may send, hold and leave unread, so that the others are served: asked of a real server's sockets."""

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import httpx
import orjson
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Message

from app.cli import connection_limit
from app.db.sqlite import SqliteDatabase
from app.http import protocol
from app.http.admission import TURNS, AdmissionMiddleware
from app.http.protocol import MAX_FIELDS, MAX_HEADERS, MAX_LINE
from app.main import create_app, service
from app.settings import Settings
from tests.conftest import Client, Process, connected, eventually, process, raw, rest, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and sets limits of a process"),
]

HOST = b"Host: x\r\n"
CLOSE = b"Connection: close\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\n"
LARGE = [b"a" * 2**20] * 150


@pytest.fixture(scope="module")
def server(first: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with process(first, tmp_path_factory.mktemp("limits")) as server:
        yield server


def parsed(response: bytes) -> tuple[int, dict[str, str], bytes]:
    """The status, the headers and the body of one response."""
    head, _, body = response.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    return int(line.split(" ")[1]), dict(field.lower().split(": ", 1) for field in fields), body


def assert_refused(response: bytes, status: int) -> None:
    """Refused once, in the shape of every refusal, readable by browsers, and closed."""
    assert response.count(b"HTTP/1.1 4") + response.count(b"HTTP/1.1 2") == 1
    found, headers, body = parsed(response)
    assert found == status, response
    assert headers["content-type"] == "application/problem+json; charset=utf-8"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["connection"] == "close"
    assert orjson.loads(body)["status"] == status


def line_of(length: int) -> bytes:
    target = b"/v1?x=" + b"a" * (length - len(b"GET /v1?x= HTTP/1.1"))
    return b"GET %b HTTP/1.1\r\n" % target


def fields_of(length: int) -> bytes:
    """Header fields of so many bytes, with the empty line that ends them, in lines of at most 1,000."""
    fields, left = HOST + CLOSE, length - len(HOST + CLOSE) - 4
    while left:
        part = left if left <= 1_000 else min(1_000, left - 10)
        fields += b"x:" + b"a" * (part - 4) + b"\r\n"
        left -= part
    return fields + b"\r\n"


REFUSED = {
    "a header value of 150 MB": (431, [HEALTH + HOST + b"X: ", *LARGE]),
    "a header name of 150 MB": (431, [HEALTH + HOST, *LARGE]),
    "a request line of 150 MB": (414, [b"GET /", *LARGE]),
    "a method of 150 MB": (414, LARGE),
    "200,000 headers": (431, [HEALTH + HOST + b"X: a\r\n" * 200_000]),
    "one header too many": (431, [HEALTH + HOST + b"X: a\r\n" * MAX_FIELDS + b"\r\n"]),
    "one byte too many in the line": (414, [line_of(MAX_LINE + 1) + HOST + b"\r\n"]),
    "one byte too many in the headers": (431, [HEALTH + fields_of(MAX_HEADERS + 1)]),
    "no host": (400, [HEALTH + b"\r\n"]),
    "two hosts": (400, [HEALTH + HOST + HOST + b"\r\n"]),
    "two hosts of HTTP/1.0": (400, [b"GET / HTTP/1.0\r\n" + HOST + HOST + b"\r\n"]),
    "a host that is none": (400, [HEALTH + b"Host: a b\r\n\r\n"]),
    "a folded line": (400, [HEALTH + HOST + b"X: a\r\n b\r\n\r\n"]),
    "a folded line by a tab": (400, [HEALTH + HOST + b"X: a\r\n\tb\r\n\r\n"]),
    "lines without CR": (400, [b"GET /healthz HTTP/1.1\nHost: x\n\n"]),
    "a CR within a line": (400, [HEALTH + HOST + b"X: a\rb\r\n\r\n"]),
    "a NUL": (400, [HEALTH + HOST + b"X: \0\r\n\r\n"]),
    "a space before the colon": (400, [HEALTH + b"Host : x\r\n\r\n"]),
    "two framings": (400, [b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"]),
    "two framings, turned": (400, [HEALTH + HOST + b"Transfer-Encoding: x\r\nContent-Length: 5\r\n\r\n"]),
    "two lengths": (400, [b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n"]),
    "a length below zero": (400, [b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n"]),
    "chunks in HTTP/1.0": (400, [b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"]),
    "HTTP/2.0": (400, [b"GET / HTTP/2.0\r\n" + HOST + b"\r\n"]),
    "HTTP/2.0 at once": (400, [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]),
    "HTTP/0.9": (400, [b"GET /\r\n\r\n"]),
    "TLS": (400, [b"\x16\x03\x01\x02\x00\x01"]),
    "no HTTP": (400, [b"HELO x\r\n\r\n"]),
    "a tunnel": (400, [b"CONNECT a.example:443 HTTP/1.1\r\n" + HOST + b"\r\n"]),
    "an unknown method": (405, [b"BREW / HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"]),
    "a body": (405, [b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc" + HEALTH + HOST + b"\r\n"]),
    "a body of 150 MB": (405, [b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 157286400\r\n\r\n", *LARGE]),
    "a body in chunks": (405, [b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]),
    "a body to come": (405, [b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n"]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_beyond_the_limits_or_the_grammar_is_refused_and_others_are_served(
    name: str, server: Process
) -> None:
    status, parts = REFUSED[name]
    before = server.memory()
    refused: list[bytes] = []
    thread = threading.Thread(target=lambda: refused.append(server.raw(*parts)))
    thread.start()
    for _ in range(3):
        begun = time.monotonic()
        assert parsed(server.raw(HEALTH + HOST + CLOSE + b"\r\n"))[0] == 200
        assert time.monotonic() - begun < 2
    thread.join()
    if status == 405:
        assert parsed(refused[0])[0] == status
        assert parsed(refused[0])[1]["connection"] == "close"
    else:
        assert_refused(refused[0], status)
    assert server.memory() - before < 20


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"HEAD /healthz HTTP/1.1\r\nX : y\r\n\r\n", 400),
        (b"HEAD /healthz HTTP/1.1\r\n" + b"X: a\r\n" * 200 + b"\r\n", 431),
        (b"HEAD /" + b"a" * MAX_LINE, 414),
    ],
)
def test_head_that_is_refused_while_it_is_parsed_has_no_body(request_: bytes, status: int, server: Process) -> None:
    found, headers, body = parsed(server.raw(request_))
    assert (found, body) == (status, b"")
    assert int(headers["content-length"]) > 0


TAKEN = {
    "the longest line": line_of(MAX_LINE) + HOST + CLOSE + b"\r\n",
    "the longest headers": HEALTH + fields_of(MAX_HEADERS),
    "the most headers": HEALTH + HOST + CLOSE + b"X: a\r\n" * (MAX_FIELDS - 2) + b"\r\n",
    "an empty line before it": b"\r\n" + HEALTH + HOST + CLOSE + b"\r\n",
    "the absolute form": b"GET http://a.example/healthz HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n",
    "the absolute form without a path": b"GET http://a.example HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n",
    "a host without a name": HEALTH + b"Host:\r\n" + CLOSE + b"\r\n",
    "an address as host": HEALTH + b"Host: [::1]:8000\r\n" + CLOSE + b"\r\n",
    "HTTP/1.0 without a host": b"GET /healthz HTTP/1.0\r\n\r\n",
    "HTTP/1.0 that would stay": b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "another protocol": HEALTH + HOST + b"Connection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n",
    "an empty body": HEALTH + HOST + CLOSE + b"Content-Length: 0\r\n\r\n",
    "all options": b"OPTIONS * HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n",
}


@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.parametrize("pieces", [1, 7])
def test_a_request_within_the_limits_is_answered_however_it_arrives(name: str, pieces: int, server: Process) -> None:
    request = TAKEN[name]
    size = -(-len(request) // pieces)
    parts = [request[at : at + size] for at in range(0, len(request), size)]
    status, headers, _ = parsed(server.raw(*parts))
    expected = {"the longest line": 422, "all options": 204}
    assert status == expected.get(name, 200)
    assert headers["connection"] == "close"


def test_requests_of_one_connection_are_answered_in_their_order(server: Process) -> None:
    paths = ["/v1/measures?limit=1", "/healthz", "/nowhere", "/v1/stages?fields=id", "/v1/exports/stages.csv"] * 40
    requests = b"".join(b"GET %b HTTP/1.1\r\n%b\r\n" % (path.encode(), HOST) for path in paths)
    found = server.raw(requests + HEALTH + HOST + CLOSE + b"\r\n")
    with httpx.Client(base_url=server.url) as client:
        statuses = [client.get(path).status_code for path in paths]
    assert [int(part[:3]) for part in found.split(b"HTTP/1.1 ")[1:]] == [*statuses, 200]


def test_a_request_to_upgrade_is_answered_as_any_other(server: Process) -> None:
    upgrade = HEALTH + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert server.raw(upgrade + HEALTH + HOST + CLOSE + b"\r\n").count(b"HTTP/1.1 200") == 2
    assert "pgrade" not in server.log.read_text()


def test_a_stream_to_http_1_0_has_no_chunks(server: Process) -> None:
    expected = httpx.get(f"{server.url}/v1/exports/budget-lines.csv").content
    status, headers, body = parsed(server.raw(b"GET /v1/exports/budget-lines.csv HTTP/1.0\r\n\r\n"))
    assert (status, body) == (200, expected)
    assert "transfer-encoding" not in headers
    status, headers, body = parsed(server.raw(b"HEAD /v1/exports/budget-lines.csv HTTP/1.0\r\n\r\n"))
    assert (status, body) == (200, b"")


def ports(settings: Settings, **changed: Any) -> AbstractContextManager[Client]:
    """A service within the test's own process, so that its limits can be changed."""
    return serving(settings.model_copy(update=changed))


def port_of(client: Client) -> int:
    port = client.base_url.port
    assert port
    return port


def status_of(port: int, path: str, *fields: bytes) -> tuple[int, dict[str, str]]:
    lines = b"GET %b HTTP/1.1\r\n" % path.encode() + HOST + CLOSE + b"".join(fields)
    return parsed(raw(port, lines + b"\r\n"))[:2]


def read_health(connection: socket.socket) -> None:
    found = b""
    while not found.endswith(b"}"):
        found += connection.recv(1 << 16)
    assert parsed(found)[0] == 200


def stalled(port: int, path: str) -> socket.socket:
    """A connection whose client reads no more than the first bytes of its response."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", port))
    connection.sendall(b"GET %b HTTP/1.1\r\n" % path.encode() + HOST + CLOSE + b"\r\n")
    assert connection.recv(12) == b"HTTP/1.1 200"
    return connection


@pytest.mark.parametrize("sent", [b"", b"\r\n\r\n", b"GET /healthz HTT", HEALTH + b"Host: "])
@pytest.mark.parametrize("before", [b"", HEALTH + HOST + b"\r\n"])
def test_a_silent_connection_is_closed(
    sent: bytes, before: bytes, first: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    with ports(first) as client:
        connection = connected(port_of(client), before)
        if before:
            read_health(connection)
        connection.sendall(sent)
        if not sent and before:  # between requests it may rest, longer than within one
            connection.settimeout(1)
            with pytest.raises(TimeoutError):
                rest(connection)
        elif sent.strip():
            assert_refused(rest(connection), 408)
        else:
            assert rest(connection) == b""


SLOW = "/v1/exports/budget-lines.ndjson?order=desc"  # made for the request, and some MB
LARGE_FILE = "/v1/exports/dataset.sqlite"


@pytest.mark.parametrize("path", [SLOW, LARGE_FILE])
def test_a_client_that_does_not_read_is_cut_off_and_one_that_reads_slowly_is_not(
    path: str, everything: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "WRITE_SECONDS", 0.6)
    monkeypatch.setattr(protocol, "CHUNK", 4_096)
    with ports(everything) as client:
        port = port_of(client)
        whole = len(client.get(path).content)
        stopped, slow = stalled(port, path), stalled(port, path)
        found = 0
        for _ in range(40):
            found += len(slow.recv(1 << 14))
            time.sleep(0.05)
        assert found + len(rest(slow)) > whole
        assert len(rest(stopped)) < whole / 2


MODERATE = "/v1/budget-lines?limit=8"  # some tens of kB, less than a transport holds before writing is paused


def unread(port: int, *fields: bytes) -> socket.socket:
    """A connection whose client asks for a response that its system cannot take whole, and reads nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", port))
    connection.sendall(b"GET %b HTTP/1.1\r\n" % MODERATE.encode() + HOST + b"".join(fields) + b"\r\n")
    return connection


@pytest.mark.parametrize("fields", [(), (CLOSE,), (b"Content-Length: 1\r\n",)])
@pytest.mark.parametrize("half_closed", [False, True])
def test_a_complete_response_that_is_not_read_is_cut_off(
    half_closed: bool, fields: tuple[bytes, ...], everything: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "WRITE_SECONDS", 0.5)
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 0.1)
    with ports(everything) as client:
        whole = len(client.get(MODERATE).content)
        assert 30_000 < whole < protocol.CHUNK
        connection = unread(port_of(client), *fields)
        if half_closed:
            time.sleep(0.2)
            connection.shutdown(socket.SHUT_WR)
        time.sleep(1.5)
        found = b""
        with suppress(ConnectionResetError), connection:
            while part := connection.recv(1 << 16):
                found += part
        assert len(found) < whole


def test_responses_that_are_not_read_count_as_connections(everything: Settings, tmp_path: Path) -> None:
    with process(everything, tmp_path, connections=3) as server:
        opened = len(list(Path(f"/proc/{server.pid}/fd").iterdir()))
        readers = []
        for number in range(8):
            readers.append(unread(server.port, *([CLOSE] if number % 2 else [])))
            time.sleep(0.1)
        assert len(list(Path(f"/proc/{server.pid}/fd").iterdir())) - opened <= 3
        assert status_of(server.port, "/v1/measures?limit=1")[0] == 503
        assert server.raw(HEALTH + HOST + b"\r\n").startswith(b"HTTP/1.1 200")  # and closed
        for each in readers:
            each.close()
        eventually(lambda: status_of(server.port, "/v1/measures?limit=1")[0] == 200)


def test_requests_sent_ahead_wait_until_the_one_before_is_answered(everything: Settings) -> None:
    with ports(everything) as client:
        connection = connected(port_of(client), b"GET %b HTTP/1.1\r\n" % SLOW.encode() + HOST + b"\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"
        for _ in range(4):
            connection.sendall((HEALTH + HOST + b"\r\n") * 500)
            time.sleep(0.1)
        connection.sendall(HEALTH + HOST + CLOSE + b"\r\n")
        assert rest(connection).count(b"HTTP/1.1 200 OK") == 2_001


def test_slow_readers_hold_little_memory(everything: Settings, tmp_path: Path) -> None:
    with process(everything, tmp_path) as server:
        assert status_of(server.port, SLOW)[0] == 200
        before = server.memory()
        readers = [stalled(server.port, SLOW) for _ in range(50)]
        assert server.memory() - before < 60
        for each in readers:
            each.close()


@pytest.mark.parametrize("path", [SLOW, LARGE_FILE, "/v1/budget-lines?limit=100", "/v1/documents/none/lines"])
def test_more_long_answers_than_there_are_places_are_told_to_come_back(path: str, everything: Settings) -> None:
    with ports(everything, transfers=1) as client:
        port = port_of(client)
        reader = stalled(port, LARGE_FILE)
        status, headers = status_of(port, path)
        if "none" in path:
            assert status == 404
        else:
            assert (status, headers["retry-after"]) == (503, "5")
            assert headers["access-control-allow-origin"] == "*"
        assert status_of(port, "/v1/budget-lines?limit=1")[0] == 200
        reader.close()
        eventually(lambda: status_of(port, path)[0] != 503)


class Held(NamedTuple):
    """Questions on threads: whether one has begun, and whether they may end."""

    begun: threading.Event
    end: threading.Event


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    gate, query = Held(threading.Event(), threading.Event()), SqliteDatabase.query

    def wait(self: SqliteDatabase, work: Any) -> Any:
        if "worker" in threading.current_thread().name:
            gate.begun.set()
            assert gate.end.wait(60)
        return query(self, work)

    monkeypatch.setattr(SqliteDatabase, "query", wait)
    yield gate
    gate.end.set()


QUESTION = "/v1/measures?facet=kind&limit="  # work for a thread


def asked(port: int, path: str, *fields: bytes) -> socket.socket:
    return connected(port, b"GET %b HTTP/1.1\r\n" % path.encode() + HOST + CLOSE + b"".join(fields) + b"\r\n")


def admission(app: FastAPI) -> tuple[AdmissionMiddleware, ASGIApp]:
    whole = service(app)
    found = whole.app.app.app  # type: ignore[attr-defined] # behind the access log, the refusals and the cache
    assert isinstance(found, AdmissionMiddleware)
    return found, whole


def test_questions_beyond_the_queue_are_told_to_come_back_and_a_hang_up_frees_its_place(
    first: Settings, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.admission.TURNS", 1)
    admitted, app = admission(create_app(first.model_copy(update={"queue": 2, "wait_seconds": 60})))
    statuses: list[int] = []
    observer = SimpleNamespace(observe=lambda _, status, *__: statuses.append(status), close=lambda: None)
    app.observers = [observer]  # type: ignore[attr-defined] # of the requests
    with serving(app) as client:
        port = port_of(client)
        running, gone, waiting = (asked(port, f"{QUESTION}1") for _ in range(3))
        eventually(lambda: admitted.waiting == 2)
        status, headers = status_of(port, f"{QUESTION}2")
        assert (status, headers["retry-after"], headers["connection"]) == (503, "1", "close")
        assert status_of(port, "/healthz")[0] == 200
        gone.close()
        held.end.set()
        assert parsed(rest(running))[0] == parsed(rest(waiting))[0] == 200
        assert sorted(statuses) == [200, 200, 200, 499, 503]  # the health, too
        assert (admitted.waiting, admitted.turns.locked()) == (0, False)


@pytest.mark.parametrize("turns", [1, 2])
def test_a_question_that_waits_too_long_is_told_to_come_back(
    turns: int, first: Settings, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a turn, and for a thread."""
    monkeypatch.setattr("app.http.admission.TURNS", turns)
    with ports(first, threads=1, wait_seconds=0.3) as client:
        port = port_of(client)
        running = asked(port, f"{QUESTION}1")
        assert held.begun.wait(60)
        status, headers = status_of(port, f"{QUESTION}2")
        assert (status, headers["retry-after"]) == (503, "1")
        time.sleep(0.5)  # the one that runs has begun, and is not given up
        held.end.set()
        assert parsed(rest(running))[0] == 200


def test_a_request_that_fails_gives_its_turn_back(first: Settings) -> None:
    async def failing(*_: Any) -> None:
        raise ZeroDivisionError

    async def run() -> AdmissionMiddleware:
        admitted = AdmissionMiddleware(failing, first)
        for _ in range(TURNS):
            with pytest.raises(ZeroDivisionError):
                await admitted({"type": "http", "path": "/v1"}, asyncio.Queue[Message]().get, failing)
        return admitted

    assert not asyncio.run(run()).turns.locked()


def test_no_question_waits_where_the_queue_is_empty_by_setting(first: Settings) -> None:
    with ports(first, queue=0) as client:
        assert status_of(port_of(client), f"{QUESTION}1")[0] == 200


def test_an_address_has_so_many_requests_in_flight_as_the_setting_says(first: Settings, held: Held) -> None:
    with ports(first, requests_per_client=2) as client:
        port = port_of(client)
        running = [asked(port, f"{QUESTION}{limit}") for limit in (1, 2)]
        eventually(lambda: status_of(port, "/v1")[0] == 429)
        status, headers = status_of(port, "/v1")
        assert (status, headers["retry-after"], headers["access-control-allow-origin"]) == (429, "1", "*")
        assert status_of(port, "/v1/measures/healthz")[0] == 429  # is no question of health
        assert status_of(port, "/v1", b"X-Forwarded-For: 192.0.2.1\r\n")[0] == 200
        assert status_of(port, "/healthz")[0] == 200
        held.end.set()
        assert [parsed(rest(each))[0] for each in running] == [200, 200]
        eventually(lambda: status_of(port, "/v1")[0] == 200)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("2001:DB8:0:1::1", "2001:db8:0:1:0::", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("unknown", "_hidden", False),
    ],
)
def test_a_client_is_an_ipv4_address_or_an_ipv6_network(
    one: str, other: str, same: bool, first: Settings, held: Held
) -> None:
    with ports(first, requests_per_client=1) as client:
        port = port_of(client)
        running = asked(port, f"{QUESTION}1", b"X-Forwarded-For: %b\r\n" % one.encode())
        assert held.begun.wait(60)
        status = status_of(port, "/v1", b"X-Forwarded-For: %b\r\n" % other.encode())[0]
        assert status == (429 if same else 200)
        held.end.set()
        assert parsed(rest(running))[0] == 200


def test_half_sent_requests_do_not_keep_others_out(first: Settings, tmp_path: Path) -> None:
    with process(first, tmp_path, files=128) as server:
        silent = [connected(server.port, HEALTH + b"Host: ") for _ in range(300)]
        for path in ("/healthz", "/v1/measures?limit=1"):
            begun = time.monotonic()
            assert status_of(server.port, path)[0] == 200
            assert time.monotonic() - begun < 2
        for each in silent:
            each.close()
        assert "Too many open files" not in server.log.read_text()


def test_connections_beyond_the_bound_that_are_all_busy_are_told_to_come_back(
    everything: Settings, tmp_path: Path
) -> None:
    with process(everything, tmp_path, connections=3) as server:
        readers = [stalled(server.port, SLOW) for _ in range(3)]
        status, headers = status_of(server.port, "/v1/measures?limit=1")
        assert (status, headers["retry-after"], headers["connection"]) == (503, "1", "close")
        assert status_of(server.port, "/healthz")[0] == 200
        for each in readers:
            each.close()
        eventually(lambda: status_of(server.port, "/v1/measures?limit=1")[0] == 200)


def test_a_connection_that_rests_makes_room_for_a_new_one(first: Settings, tmp_path: Path) -> None:
    with process(first, tmp_path, connections=2) as server:
        resting = []
        for _ in range(2):
            resting.append(connected(server.port, HEALTH + HOST + b"\r\n"))
            read_health(resting[-1])
        assert status_of(server.port, "/v1/measures?limit=1")[0] == 200
        assert rest(resting[0]) == b""
        resting[1].close()


def test_connections_are_bounded_by_the_files_that_a_process_may_open(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    limits = [100, 1_000]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.__setitem__(slice(None), new))
    assert connection_limit(10) == 10
    assert (connection_limit(500), limits) == (500, [564, 1_000])
    assert (connection_limit(5_000), limits) == (936, [1_000, 1_000])
    limits[:] = 32, 32
    assert connection_limit(10) == 1
    monkeypatch.setitem(sys.modules, "resource", None)
    assert connection_limit(10) == 10
