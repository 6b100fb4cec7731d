"""Representations: a strong validator for each response, gzip where it is accepted, and preconditions: 304 where the
client has the representation, 412 where it requires another.

A whole body gets an ETag that is a function of its bytes; the gzip representation has a tag of its own. Streams and
files bring their ETag and their coding with them. Implements RFC 9110, sections 8.8.3, 12.5.3 and 13.
"""

import gzip
import zlib
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from functools import partial
from hashlib import sha256

import anyio.to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Problem
from app.http.headers import Headers
from app.http.negotiation import accepts_gzip

MIN_GZIP = 500  # bytes worth compressing
GZIP_IN_THREAD = 1 << 17  # bytes that take longer to compress than to switch to a thread
GZIP_TYPES = ("application/json", "application/ld+json", "application/linkset+json", "application/atom+xml", "text/")
GZIP_LEVEL = 6
GZIP_FORMAT = 31  # of zlib's `wbits`
PRECONDITION_FAILED = Problem(
    412,
    "What is here is not what `If-Match` of this request names. Leave it out, or send the `ETag` of the present "
    "response.",
)
BODY_HEADERS = (b"content-type", b"content-length", b"content-encoding", b"content-disposition")
EMPTY: Message = {"type": "http.response.body", "body": b""}


def request_headers(scope: Scope) -> Mapping[bytes, bytes]:
    """The headers of a request by name; one that was sent several times is one list."""
    headers: Headers = scope["headers"]
    found = dict(headers)
    if len(found) != len(headers):
        found = {name: b", ".join(value for other, value in headers if other == name) for name in found}
    return found


def conditional_status(request: Mapping[bytes, bytes], etag: bytes) -> int:
    """The status under the preconditions of a request whose response would otherwise be 200: 200, 304 or 412, in the
    order of RFC 9110, section 13.2.2. Dates are ignored, as they are to be where a response has none."""
    match, none_match = request.get(b"if-match"), request.get(b"if-none-match")
    if match is not None and not _is_listed(etag, match):
        return 412
    return 304 if none_match is not None and _is_listed(etag, none_match, weak=True) else 200


def _is_listed(etag: bytes, tags: bytes, *, weak: bool = False) -> bool:
    """Whether a tag is among those of a header. In a weak comparison, `W/` makes no difference."""
    if tags == etag or tags.strip() == b"*":
        return True
    listed = [tag.strip() for tag in tags.split(b",")]
    return etag in ([tag.removeprefix(b"W/") for tag in listed] if weak else listed)


def is_compressed(request: Mapping[bytes, bytes], content_type: str) -> bool:
    """Whether a response of this type is sent in gzip, if it is worth it."""
    return content_type.startswith(GZIP_TYPES) and accepts_gzip(request.get(b"accept-encoding", b""))


def gzip_etag(etag: bytes) -> bytes:
    """The ETag of the gzip representation beside that of the plain one."""
    return etag[:-1] + b'-gzip"'


def without_body_headers(headers: Headers) -> Headers:
    """The headers of a 304 response."""
    return [each for each in headers if each[0] not in BODY_HEADERS]


class BodyNotNeeded(Exception):  # noqa: N818 - it ends a response that is complete without its body
    """Raised from `send` into a response, so that a long body is not produced for nothing."""


class RepresentationMiddleware:
    """Adds validators, compresses, and evaluates preconditions."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = request_headers(scope)
        start: Message | None = None

        async def send_represented(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message  # delayed until the first part of the body, which shows whether it is whole
            elif start is None:
                await send(message)
            else:
                begun, start = start, None
                head, body = await _represented(begun, message, request)
                await send(head)
                await send(body)
                if head["status"] != begun["status"]:
                    raise BodyNotNeeded

        with suppress(BodyNotNeeded):
            await self.app(scope, receive, send_represented)


async def _represented(start: Message, body: Message, request: Mapping[bytes, bytes]) -> tuple[Message, Message]:
    """The start and the first part of the body of the response to this request: with a validator and compressed, or
    304 or 412 in its place."""
    headers: Headers = list(start["headers"])
    content: bytes = body.get("body", b"")
    names = dict(headers)
    etag, compresses = names.get(b"etag"), False
    if start["status"] == 200 and etag is None and not body.get("more_body"):
        etag = b'"%b"' % urlsafe_b64encode(sha256(content).digest()[:18])
        compresses = len(content) >= MIN_GZIP and is_compressed(request, names.get(b"content-type", b"").decode())
        if compresses:
            etag = gzip_etag(etag)
        headers.append((b"etag", etag))
    status = conditional_status(request, etag or b"") if start["status"] in (200, 206) else 200
    if status == 304:
        return {**start, "status": 304, "headers": without_body_headers(headers)}, EMPTY
    if status == 412:
        refusal = PRECONDITION_FAILED.response()
        return {**start, "status": 412, "headers": refusal.raw_headers}, {**EMPTY, "body": bytes(refusal.body)}
    if compresses:
        content = await _compressed(content)
        headers = [each for each in headers if each[0] != b"content-length"]
        headers += [(b"content-length", b"%d" % len(content)), (b"content-encoding", b"gzip")]
    return {**start, "headers": headers}, {**body, "body": content}


async def _compressed(body: bytes) -> bytes:
    """The body in gzip, the same bytes every time."""
    compress = partial(gzip.compress, compresslevel=GZIP_LEVEL, mtime=0)
    return await anyio.to_thread.run_sync(compress, body) if len(body) > GZIP_IN_THREAD else compress(body)


async def compressed_stream(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A body in gzip, compressed part by part in constant memory: the same bytes for the same parts."""
    compressor = zlib.compressobj(GZIP_LEVEL, wbits=GZIP_FORMAT)
    async for part in parts:
        if len(part) > GZIP_IN_THREAD:
            yield await anyio.to_thread.run_sync(compressor.compress, part)
        else:
            yield compressor.compress(part)
    yield compressor.flush()
