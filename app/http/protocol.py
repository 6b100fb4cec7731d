"""The server's HTTP/1.1 protocol: uvicorn's, with limits on what a connection may send, keep open and leave unread.

The head of a request is complete before it is parsed, one request of a connection at a time, so that its limits do not
depend on the segments in which it arrives. What the protocol refuses is answered by the application, as any other
request: it finds the Problem in the request's state (`app.http.refusals`).
"""

import asyncio
import re
import socket
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.errors import Problem
from app.http.headers import Headers

MAX_LINE = 1 << 14  # bytes of a request line
MAX_HEADERS = 1 << 15  # bytes of all header fields
MAX_FIELDS = 100
HEAD_SECONDS = 10.0  # for the head of a request, from the start of the connection or the head's first byte
LINGER_SECONDS = 5.0  # what a refused client still sends is taken so long, since a reset would destroy the answer
CHUNK = 1 << 16  # bytes that are handed to the transport at once
WRITE_SECONDS = 30.0  # a client has to take each chunk in so many seconds

NON_ASCII = re.compile(rb"[\x80-\xff]")
AUTHORITY = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]*").fullmatch
REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~A-Za-z0-9-]+) (?:(\S+) HTTP/)?")  # the method, and the target if whole
BODY_SIZE = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*\r\n", re.IGNORECASE)
END = b"\r\n\r\n"  # of a head

LINE_TOO_LONG = Problem(414, f"The request line is longer than {MAX_LINE} bytes. Ask for less at once.")
HEADERS_TOO_LARGE = Problem(
    431, f"The header has more than {MAX_FIELDS} fields or {MAX_HEADERS} bytes. Send fewer or shorter fields."
)
MALFORMED = Problem(400, "This is not an HTTP/1.1 request. Check its request line and header fields.")
HOST = Problem(400, "A request of HTTP/1.1 has exactly one `Host`, which names a host. Send one.")
NO_LENGTH = Problem(411, "A body of unknown length is not read. Send it with `Content-Length`.")
FRAMING = Problem(400, "HTTP/1.0 has no `Transfer-Encoding`. Send no body at all.")
TIMEOUT = Problem(408, f"The request was not complete after {HEAD_SECONDS:g} s. Send it again.")


class HttpProtocol(HttpToolsProtocol):
    """One connection. A request line in raw UTF-8 (`?ministry=厚`) is percent-encoded. A body is not read, since no
    operation takes one: the connection is closed after the answer. A request to change the protocol is ignored."""

    max_body = 0  # bytes; with 0, no body is read
    _body = b""  # of the request that is being parsed
    _method = ""  # of the request that is being parsed
    _pending = b""  # what has arrived of the next requests
    _lingering = False  # the present request is the last, and what arrives after it is dropped
    _timer: asyncio.TimerHandle | None = None
    _write_timer: Any = None  # a TimerHandle, once something could not be sent at once
    since = 0.0  # when the connection began to wait for a request

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # writing is paused, and timed, while anything is unsent
        with suppress(AttributeError, OSError):  # what the system has no option for works without it
            # Little stands in the system's buffer beyond what is on the way, and progress shows early.
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, CHUNK // 4)
        self._wait()
        if self._is_over_connection_limit:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_timers()
        self._unset_keepalive_if_required()
        self._pending = b""

    @property
    def is_idle(self) -> bool:
        """Whether no request of this connection is being answered."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def _is_over_connection_limit(self) -> bool:
        return self.limit_concurrency is not None and len(self.connections) > self.limit_concurrency

    def _make_room(self) -> None:
        """Closes a twentieth of the connections, those that have waited longest for a request: not one by one, because
        to look for them takes longer than to close them."""
        others = (each for each in self.connections if isinstance(each, HttpProtocol) and each is not self)
        idle = (each for each in others if each.is_idle and not each.flow.write_paused)
        for each in sorted(idle, key=lambda each: each.since)[: len(self.connections) // 20 + 1]:
            self.connections.discard(each)  # at once, as it is closed: nothing of it is unsent
            each.transport.close()

    def _wait(self) -> None:
        self.since = self.loop.time()
        self._timer = self.loop.call_later(HEAD_SECONDS, self._head_timeout)

    def _head_timeout(self) -> None:
        if self._pending and not self._lingering:
            self._refuse(TIMEOUT, REQUEST_LINE.match(self._pending), [])
        else:
            self.transport.close()

    def _stop_timers(self) -> None:
        for timer in (self._timer, self._write_timer):
            if timer is not None:
                timer.cancel()

    # Requests

    def data_received(self, data: bytes) -> None:
        if self._lingering:
            return
        self._pending = self._pending + data if self._pending else data
        if self.is_idle:
            self._begin()
        elif len(self._pending) > MAX_LINE + MAX_HEADERS:
            self.flow.pause_reading()

    def _begin(self) -> None:
        """Begins the next request, when its head is complete."""
        pending = self._pending.lstrip(b"\r\n")  # a client may send an empty line before a request
        end = pending.find(END) + len(END)
        is_complete = end >= len(END)
        head = pending[:end] if is_complete else pending
        problem = _problem_of(head)
        size = BODY_SIZE.search(head) if self.max_body and is_complete and problem is None else None
        if size and int(size[1]) <= self.max_body:
            body_end = end + int(size[1])
            is_complete = len(pending) >= body_end
            self._body, end = pending[end:body_end], body_end
        self._pending = pending[end:] if is_complete else pending
        if problem is None and not is_complete:
            if self._timer is None:
                self._unset_keepalive_if_required()
                self._wait()
            return
        self._unset_keepalive_if_required()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        line = REQUEST_LINE.match(head, 0, MAX_LINE)
        headers: Headers = []
        if problem is None and line:
            self._method = line[1].decode()
            # As GET, since the parser does not know every method: the application refuses what it does not take.
            request = b"GET" + (head if head.isascii() else _encoded(head))[line.end(1) :]
            with suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):  # an upgrade may be ignored
                self.parser.feed_data(request + self._body)
            headers = self.headers
        if self.is_idle:
            self._refuse(problem or MALFORMED, line, headers)

    def on_headers_complete(self) -> None:
        names, fields = [name for name, _ in self.headers], dict(self.headers)
        version = self.parser.get_http_version()
        has_body = b"transfer-encoding" in names or fields.get(b"content-length", b"0") != b"0"
        url = httptools.parse_url(self.url)
        raw_path = url.path or b"/"  # of the absolute form, which may have none
        path = raw_path.decode("ascii")
        self.scope["method"] = self._method
        self.scope["http_version"] = version
        self._set_target(unquote(path) if "%" in path else path, raw_path, url.query or b"")
        problem = None
        if version not in ("1.0", "1.1"):
            problem = MALFORMED
        elif names.count(b"host") != (version == "1.1" or b"host" in fields) or not AUTHORITY(fields.get(b"host", b"")):
            problem = HOST
        elif b"transfer-encoding" in names and version == "1.0":
            problem = FRAMING
        elif self.max_body and b"transfer-encoding" in names:
            problem = NO_LENGTH
        elif self.max_body and int(fields.get(b"content-length", b"0")) > self.max_body:
            problem = Problem(413, f"The body is longer than {self.max_body} bytes. Send less at once.")
        self._start(problem, is_last=problem is not None or (has_body and not self.max_body))

    def on_body(self, body: bytes) -> None:
        """The body is complete before it is parsed."""

    def on_message_complete(self) -> None:
        """A request is complete with its head."""

    def _set_target(self, path: str, raw_path: bytes, query_string: bytes) -> None:
        self.scope["path"] = self.root_path + path
        self.scope["raw_path"] = self.root_path.encode("ascii") + raw_path
        self.scope["query_string"] = query_string

    def _refuse(self, problem: Problem, line: re.Match[bytes] | None, headers: Headers) -> None:
        """Answers what could not be parsed, with what is known of its request line and header fields."""
        self.on_message_begin()
        self.scope["method"] = line[1].decode() if line else "-"
        path, _, query = ((line and line[2]) or b"").partition(b"?")
        self._set_target("", path, query)
        self.scope["headers"] = headers
        self._start(problem, is_last=True)

    def _start(self, problem: Problem | None, *, is_last: bool) -> None:
        """Has the application answer the request."""
        state: dict[str, Any] = self.scope["state"]
        state["transport"] = self.transport
        if problem is not None:
            state["problem"] = problem
        is_over = self._is_over_connection_limit
        if is_over:
            state["over_connection_limit"] = True
        self._lingering = is_last
        self.cycle = _Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=not (is_last or is_over)
            and self.scope["http_version"] == "1.1"
            and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        self.cycle.lingers = is_last
        self.cycle.body += self._body
        self._body = b""
        self.cycle.more_body = False
        self.cycle.message_event.set()
        self._start_asgi_task(self.cycle, self.app)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            return
        self.since = self.loop.time()
        if self._lingering:
            self._unset_keepalive_if_required()
            self._pending = b""
            self.transport.write_eof()
            self._timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)
        elif self._pending:
            self._begin()

    # Responses

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_timer = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._write_timer.cancel()


class BodyProtocol(HttpProtocol):
    """The same, for an application that takes bodies: each is complete before the application gets its request."""

    max_body = 1 << 18


class _Cycle(RequestResponseCycle):
    """One request and its response, which is written in chunks, each when the one before has been taken. A response of
    unknown length to HTTP/1.0, which knows no chunks, ends with the connection."""

    lingers = False  # the protocol closes the connection after the response
    _close_delimited = False

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            await self._send_start(message)
            return
        body = message.get("body", b"")
        if len(body) > CHUNK:
            view = memoryview(body)
            last = (len(body) - 1) // CHUNK * CHUNK
            for start in range(0, last, CHUNK):
                await self._send_body({**message, "body": view[start : start + CHUNK], "more_body": True})
            message = {**message, "body": view[last:]}
        await self._send_body(message)

    async def _send_body(self, message: Any) -> None:
        if self._close_delimited:
            self.transport.write(message.get("body", b""))
        await super().send(message)

    async def _send_start(self, message: Any) -> None:
        if self.scope["http_version"] == "1.0" and b"content-length" not in dict(message["headers"]):
            self._close_delimited = self.scope["method"] != "HEAD" and message["status"] not in (204, 304)
            # uvicorn announces chunks in every response but to HEAD.
            self.scope = {**self.scope, "method": "HEAD"}
        await super().send(message)
        if self.lingers:
            self.keep_alive = True


def _problem_of(head: bytes) -> Problem | None:
    """What is wrong with a head, or with what has arrived of it."""
    line, lines = head.find(b"\r\n"), head.count(b"\r\n")
    if line < 0:
        line = len(head)
    if line > MAX_LINE:
        return LINE_TOO_LONG
    if len(head) - line > MAX_HEADERS or lines > MAX_FIELDS + 2:
        return HEADERS_TOO_LARGE
    if lines != head.count(b"\n") or (head and not head[:1].isalpha()):  # TLS, for one: its end might never come
        return MALFORMED
    return None


def _encoded(head: bytes) -> bytes:
    """The head with its request line percent-encoded."""
    line, end, rest = head.partition(b"\r\n")
    return NON_ASCII.sub(lambda match: b"%%%02X" % match[0][0], line) + end + rest
