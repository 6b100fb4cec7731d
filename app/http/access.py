"""Access: an id for each request, a line of the log, and what the metrics count. It stands outside everything else, so
that refusals and cached responses are told too."""

import asyncio
import os
import random
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, TextIO

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FLUSH_SECONDS = 0.1  # lines of the log are written together: a write for each costs more than all else here
ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}").fullmatch
TRACE = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*", re.DOTALL).fullmatch
UNSAFE = re.compile(r"[^!-~]")

_ids = random.Random(os.urandom(16)).getrandbits  # noqa: S311 - they tell requests apart, and are no secret


class Request(NamedTuple):
    """A request that was answered. `operation` is the path of its route, empty where none took it; `seconds` are from
    its head to the end of its response."""

    method: str
    path: str
    query: str
    status: int
    size: int
    seconds: float
    cached: bool
    id: str
    operation: str


class Observer(Protocol):
    """What is told of each request, until the server stops."""

    def observe(self, request: Request) -> None: ...

    def close(self) -> None: ...


class AccessMiddleware:
    """Gives each request an id, which is returned as `X-Request-Id`, and tells its observers how it was answered."""

    def __init__(self, app: ASGIApp, observers: Sequence[Observer]) -> None:
        self.app = app
        self.observers = observers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            for each in self.observers:
                each.close()
            return
        begun = time.perf_counter()
        id_ = request_id(scope["headers"])
        state: dict[str, Any] = scope.setdefault("state", {})
        status = size = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], (b"x-request-id", id_)]}
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            cached: str | None = state.get("cached")
            request = Request(
                scope["method"],
                (scope.get("raw_path") or b"").decode("latin-1"),
                scope["query_string"].decode("latin-1"),
                status,
                size,
                time.perf_counter() - begun,
                cached is not None,
                id_.decode(),
                operation_of(scope) if cached is None else cached,
            )
            for each in self.observers:
                each.observe(request)


def operation_of(scope: Scope) -> str:
    """The path of the route that took a request, such as `/v1/measures/{id}`; empty if none did."""
    return getattr(scope.get("route"), "path_format", "")


def request_id(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The id that a client or a proxy gave a request, or the trace that it is part of, or a new one."""
    trace = None
    for name, value in headers:
        if name == b"x-request-id" and ID(value):
            return value
        if name == b"traceparent":
            trace = TRACE(value)
    return trace[1] if trace else b"%016x" % _ids(64)


class AccessLog:
    """Writes a line for each request: for people, or as JSON for machines. Control characters and spaces are escaped,
    so that no request can write a line of its own."""

    def __init__(self, stream: TextIO, *, as_json: bool) -> None:
        self._stream = stream
        self._line = json_line if as_json else text_line
        self._lines: list[str] = []

    def observe(self, request: Request) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.close)
        self._lines.append(self._line(request))

    def close(self) -> None:
        """Writes what was told since the last time."""
        if self._lines:
            self._stream.write("".join(self._lines))
            self._stream.flush()
            self._lines.clear()


def text_line(request: Request) -> str:
    target = f"{request.path}?{request.query}" if request.query else request.path
    if not (target.isascii() and target.isprintable() and " " not in target):
        target = UNSAFE.sub(_escaped, target)
    cached = " cached" if request.cached else ""
    milliseconds = request.seconds * 1_000
    return (
        f"{_now()} {request.method} {target or '-'} {request.status} {request.size} B {milliseconds:.1f} ms{cached} "
        f"{request.id}\n"
    )


def json_line(request: Request) -> str:
    return orjson.dumps(
        {
            "time": _now(),
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "status": request.status,
            "bytes": request.size,
            "milliseconds": round(request.seconds * 1_000, 2),
            "cached": request.cached,
            "request_id": request.id,
            "operation": request.operation,
        },
        option=orjson.OPT_APPEND_NEWLINE,
    ).decode()


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())


def _now() -> str:
    second, millisecond = divmod(time.time_ns() // 1_000_000, 1_000)
    return f"{_second(second)}.{millisecond:03}+00:00"


@lru_cache(maxsize=1)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
