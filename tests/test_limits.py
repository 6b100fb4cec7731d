"""What one client may send, hold and leave unread, so that the others are served: asked of a real server's sockets."""

import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import orjson
import pytest

from app.http import protocol
from app.http.protocol import MAX_FIELDS, MAX_HEADERS, MAX_LINE
from app.settings import Settings
from tests.conftest import Process, eventually, process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and sets limits of a process")

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
    "two lengths": (400, [b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n"]),
    "a length below zero": (400, [b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n"]),
    "chunks in HTTP/1.0": (400, [b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"]),
    "HTTP/2.0": (400, [b"GET / HTTP/2.0\r\n" + HOST + b"\r\n"]),
    "HTTP/2.0 at once": (400, [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]),
    "HTTP/0.9": (400, [b"GET /\r\n\r\n"]),
    "TLS": (400, [b"\x16\x03\x01\x02\x00\x01"]),
    "no HTTP": (400, [b"HELO x\r\n\r\n"]),
    "a tunnel": (400, [b"CONNECT a.example:443 HTTP/1.1\r\n" + HOST + b"\r\n"]),
    "an unknown method": (405, [b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n"]),
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
    if status == 405 or name == "a tunnel":
        assert parsed(refused[0])[0] == status
        assert parsed(refused[0])[1]["connection"] == "close"
    else:
        assert_refused(refused[0], status)
    assert server.memory() - before < 20


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


@pytest.mark.parametrize(
    ("sent", "status"), [(b"", None), (b"\r\n\r\n", None), (b"GET /healthz HTT", 408), (HEALTH + b"Host: ", 408)]
)
def test_a_silent_connection_is_closed(
    sent: bytes, status: int | None, first: Settings, monkeypatch: pytest.MonkeyPatch, live: Any
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    server = live(first)
    for before in (b"", HEALTH + HOST + b"\r\n"):  # as the first request, and after another
        begun = time.monotonic()
        found = server.raw(before + sent) if sent or not before else b""
        assert time.monotonic() - begun < 5
        rest = found[found.index(b"}") + 1 :] if before and found else found
        if status and rest:
            assert_refused(rest, status)
        else:
            assert rest == b""
