"""Access: an id for each request, a line of the log, and what the metrics count. It is the outermost middleware, so
that refusals and cached responses are observed too."""

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from queue import Full, Queue
from threading import Thread
from typing import Any, Protocol

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FLUSH_SECONDS = 0.1  # lines of the log are written together: a write for each costs more than all else here
MAX_WRITES = 100  # that wait
CLOSE_SECONDS = 2.0  # for the last lines to be written
END = b""
ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}").fullmatch
TRACE = re.compile(  # of version 00, or of a later one, which may have more fields
    rb"(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?", re.DOTALL
).fullmatch
UNSAFE = re.compile(r"[^!-~]")
MILLISECONDS = [f".{each:03}+00:00" for each in range(1_000)]


class Observer(Protocol):
    """What observes each request, until the server stops."""

    def observe(self, scope: Scope, status: int, size: int, seconds: float) -> None:
        """Takes a request that was answered, with the bytes of the body, and the seconds from the head of the request
        to the end of the response. The state of its scope has its `request_id`, and `cached` if the response was
        that of the cache."""

    def close(self) -> None: ...


class AccessMiddleware:
    """Gives each request an id, which is returned as `X-Request-Id`, and notifies its observers of the answer."""

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
        id_ = scope.setdefault("state", {})["request_id"] = request_id(scope["headers"])
        status = size = 0

        def send_with_id(message: Message) -> Awaitable[None]:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], (b"x-request-id", id_)]}
            else:
                size += len(message.get("body", b""))
            return send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - begun
            for each in self.observers:
                each.observe(scope, status, size, seconds)


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
    return trace[1] if trace else next(_ids)


def _new_ids() -> Iterator[bytes]:
    """Sixteen hexadecimal digits each, by chance."""
    while True:
        block = os.urandom(4_096).hex().encode()
        for start in range(0, len(block), 16):
            yield block[start : start + 16]


_ids = _new_ids()


class AccessLog:
    """Writes a line for each request to a file: for people, or as JSON for machines. Control characters and spaces are
    escaped, so that no request can write a line of its own.

    A thread writes them, so that requests are answered while the file has no room, or is a pipe whose reader stops:
    lines beyond MAX_WRITES are then lost."""

    def __init__(self, file: int, *, as_json: bool) -> None:
        self._file = file
        self._line = json_line if as_json else text_line
        self._lines: list[str] = []
        self._writes: Queue[bytes] = Queue(MAX_WRITES)
        self._thread = Thread(target=self._write, name="access-log", daemon=True)
        self._thread.start()

    def observe(self, scope: Scope, status: int, size: int, seconds: float) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)
        self._lines.append(self._line(scope, status, size, seconds))

    def close(self) -> None:
        """Writes the lines that are left."""
        self._flush()
        with suppress(Full):
            self._writes.put(END, timeout=CLOSE_SECONDS)
        self._thread.join(CLOSE_SECONDS)

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            with suppress(Full):
                self._writes.put_nowait("".join(lines).encode())

    def _write(self) -> None:
        while (left := self._writes.get()) != END:
            with suppress(OSError):
                while left:
                    left = left[os.write(self._file, left) :]


def text_line(scope: Scope, status: int, size: int, seconds: float) -> str:
    state, query = scope["state"], scope["query_string"]
    target = (scope["raw_path"] + b"?" + query if query else scope["raw_path"]).decode("latin-1")
    if not (target.isascii() and target.isprintable() and " " not in target):
        target = UNSAFE.sub(_escaped, target)
    cached = " cached" if "cached" in state else ""
    return (
        f"{_now()} {scope['method']} {target or '-'} {status} {size} B {seconds * 1_000:.1f} ms{cached} "
        f"{state['request_id'].decode()}\n"
    )


def json_line(scope: Scope, status: int, size: int, seconds: float) -> str:
    state: dict[str, Any] = scope["state"]
    return orjson.dumps(
        {
            "time": _now(),
            "method": scope["method"],
            "path": scope["raw_path"].decode("latin-1"),
            "query": scope["query_string"].decode("latin-1"),
            "status": status,
            "bytes": size,
            "milliseconds": round(seconds * 1_000, 2),
            "cached": "cached" in state,
            "request_id": state["request_id"].decode(),
            "operation": operation_of(scope),
        },
        option=orjson.OPT_APPEND_NEWLINE,
    ).decode()


def _escaped(match: re.Match[str]) -> str:
    return f"%{ord(match[0]):02X}"


def _now() -> str:
    now = time.time()
    second = int(now)
    return _second(second) + MILLISECONDS[int((now - second) * 1_000)]


@lru_cache(maxsize=1)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
