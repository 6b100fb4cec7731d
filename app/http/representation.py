"""Representations: a strong validator for each response, gzip where it is accepted, and 304 where the client has it.

A whole body gets an ETag that is a function of its bytes; the gzip representation has a tag of its own. Streams and
files bring their ETag with them. Implements RFC 9110, sections 8.8.3, 12.5.3 and 13.
"""

import gzip
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from functools import lru_cache, partial
from hashlib import sha256

import anyio.to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.headers import Headers

MIN_GZIP = 500  # bytes worth compressing
GZIP_IN_THREAD = 1 << 17  # bytes that take longer to compress than to switch to a thread
GZIP_TYPES = ("application/json", "application/ld+json", "application/linkset+json", "text/")
BODY_HEADERS = (b"content-type", b"content-length", b"content-encoding", b"content-disposition")


def request_headers(scope: Scope) -> Mapping[bytes, bytes]:
    """The headers of a request by name; one that was sent several times is one list."""
    headers: Headers = scope["headers"]
    found = dict(headers)
    if len(found) != len(headers):
        found = {name: b", ".join(value for other, value in headers if other == name) for name in found}
    return found


@lru_cache(1_000)  # the values that clients send are few
def accepts_gzip(accept_encoding: bytes) -> bool:
    """Whether an Accept-Encoding header takes gzip."""
    weights: dict[str, float] = {}
    for item in accept_encoding.decode("latin-1").split(","):
        coding, *parameters = (part.strip().lower() for part in item.split(";"))
        weights[coding] = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                weights[coding] = 0.0
                with suppress(ValueError):
                    weights[coding] = float(value)
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def not_modified(headers: Mapping[bytes, bytes], etag: bytes, last_modified: bytes) -> bool:
    """Whether the client has this representation already. A tag takes precedence over a date."""
    tags = headers.get(b"if-none-match")
    if tags is not None:
        if tags == etag:
            return True
        return tags.strip() == b"*" or etag in {tag.strip().removeprefix(b"W/") for tag in tags.split(b",")}
    since = headers.get(b"if-modified-since")
    if since is None or not last_modified:
        return False
    try:
        return parsedate_to_datetime(since.decode("latin-1")) >= parsedate_to_datetime(last_modified.decode())
    except (TypeError, ValueError, OverflowError):
        return False


def without_body_headers(headers: Headers) -> Headers:
    """The headers of a 304 response."""
    return [each for each in headers if each[0] not in BODY_HEADERS]


class BodyNotNeeded(Exception):  # noqa: N818 - it ends a response that is complete without its body
    """Raised from `send` into a response, so that a long body is not produced for nothing."""


class RepresentationMiddleware:
    """Adds validators, compresses, and answers conditional requests."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        responder = _Responder(request_headers(scope), send)
        with suppress(BodyNotNeeded):
            await self.app(scope, receive, responder.send)


class _Responder:
    """Sends one response. The start is held back until the first part of the body shows whether it is whole."""

    def __init__(self, request: Mapping[bytes, bytes], send: Send) -> None:
        self._request = request
        self._send = send
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if self._start is None:
            await self._send(message)
            return
        start, self._start = self._start, None
        headers: Headers = list(start["headers"])
        body: bytes = message.get("body", b"")
        names = dict(headers)
        etag = names.get(b"etag")
        if start["status"] == 200 and etag is None and not message.get("more_body"):
            etag = b'"%b"' % urlsafe_b64encode(sha256(body).digest()[:18])
            content_type = names.get(b"content-type", b"").decode("latin-1")
            accepted = accepts_gzip(self._request.get(b"accept-encoding", b""))
            if accepted and len(body) >= MIN_GZIP and content_type.startswith(GZIP_TYPES):
                body = await _compressed(body)
                etag = etag[:-1] + b'-gzip"'
                headers = [each for each in headers if each[0] != b"content-length"]
                headers += [(b"content-length", b"%d" % len(body)), (b"content-encoding", b"gzip")]
            headers.append((b"etag", etag))
        if start["status"] in (200, 206) and not_modified(self._request, etag or b"", names.get(b"last-modified", b"")):
            await self._send({**start, "status": 304, "headers": without_body_headers(headers)})
            await self._send({"type": "http.response.body", "body": b""})
            raise BodyNotNeeded
        await self._send({**start, "headers": headers})
        await self._send({**message, "body": body})


async def _compressed(body: bytes) -> bytes:
    """The body in gzip, the same bytes every time."""
    compress = partial(gzip.compress, compresslevel=6, mtime=0)
    return await anyio.to_thread.run_sync(compress, body) if len(body) > GZIP_IN_THREAD else compress(body)
