"""Delivery around any application: what is streamed passes through, what the caller cannot take is refused."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from app.delivery import Delivery, quality
from app.reading.operations import Directory
from app.reading.service import Service
from app.settings import Settings

Exchange = Callable[..., list[Message]]


@pytest.fixture(scope="module")
def exchange(first: Settings) -> Exchange:
    service = Service(first)
    return lambda response, method="GET", **headers: exchanged(service, response, method, headers)


def exchanged(service: Service, response: Response, method: str, headers: dict[str, str]) -> list[Message]:
    """Everything that is sent for a GET of an application that always answers so."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert Request(scope).method == "GET"
        await response(scope, receive, send)

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        await asyncio.sleep(60)
        raise AssertionError

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: dict[str, Any] = {"type": "http", "method": method, "path": "/", "query_string": b"", "headers": raw}
    asyncio.run(Delivery(app, Directory([]), service.settings, service.now)(scope, receive, send))
    return sent


def test_head_is_answered_with_headers_alone(exchange: Exchange) -> None:
    got, headed = exchange(Response("words")), exchange(Response("words"), "HEAD")
    assert headed[0] == got[0]
    assert (got[1]["body"], headed[1]["body"]) == (b"words", b"")


def rows() -> Iterator[str]:
    yield "a\n"
    yield "b\n"


def test_a_stream_is_passed_on_as_it_comes(exchange: Exchange) -> None:
    start, *chunks = exchange(StreamingResponse(rows(), media_type="text/csv"), accept_encoding="gzip")
    headers = dict(start["headers"])
    assert [chunk["body"] for chunk in chunks if chunk["body"]] == [b"a\n", b"b\n"]
    assert b"etag" not in headers
    assert b"content-encoding" not in headers
    assert headers[b"access-control-allow-origin"] == b"*"
    assert headers[b"cache-control"].startswith(b"public")


def test_a_stream_that_is_not_taken_is_refused_once(exchange: Exchange) -> None:
    start, body = exchange(StreamingResponse(rows(), media_type="text/csv"), accept="application/json")
    assert start["status"] == 406
    assert b"media type" in body["body"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("gzip", 1.0),
        ("br;q=1, gzip;q=0.3", 0.3),
        ("*;q=0.2", 0.2),
        ("gzip;q=0, *", 0.0),
        ("", 0.0),
        ("gzip;level=1", 1.0),
    ],
)
def test_weights_are_read(header: str, expected: float) -> None:
    assert quality(header, "gzip") == expected
