"""How every answer leaves: validators, compression, CORS, HEAD and refusals of method; it knows no path's meaning."""

import gzip
import logging
from base64 import b64encode
from collections.abc import Callable, Iterable
from email.utils import formatdate, parsedate_to_datetime
from hashlib import sha256

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.caching import Cache, Entry, Sent
from app.errors import MEDIA_TYPE, Problem
from app.settings import Settings

logger = logging.getLogger("shisaku")

METHODS = "GET, HEAD, OPTIONS"
SMALLEST = 500  # bytes worth compressing
COMPRESSED = ("application/json", "application/ld+json", "application/linkset+json", "text/")
EXPOSED = "Accept-Ranges, Content-Disposition, Content-Range, ETag, Last-Modified, Link, Repr-Digest, Retry-After"
OF_A_BODY = (b"content-type", b"content-length", b"content-encoding", b"content-disposition")
HEARD = {name.lower().encode(): name for name in ("Accept", "Accept-Encoding", "If-None-Match", "If-Modified-Since")}
EVERYWHERE = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": EXPOSED,
    "X-Content-Type-Options": "nosniff",
}
PREFLIGHT = {
    **EVERYWHERE,
    "Allow": METHODS,
    "Access-Control-Allow-Methods": METHODS,
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
}

READ_ONLY = Problem(405, f"This service is read-only: use {METHODS}.", headers={"Allow": METHODS})
NOT_ACCEPTABLE = Problem(
    406, "The request's Accept does not take this answer's media type. Leave Accept out, or add */*."
)
BROKEN = Problem(500, "Something went wrong here. It is not your request; try again later.")


class Answered(Exception):  # noqa: N818 - no fault: it stops a stream whose answer is complete without it
    """The caller has all that this answer needs; the rest is not made."""


class Delivery:
    """Wraps the application: what it sends whole is given its headers here, and kept; what it streams passes through.
    `version` gives what answers are made from now, `modified` when that was released."""

    def __init__(
        self, app: ASGIApp, settings: Settings, version: Callable[[], object], modified: Callable[[], float]
    ) -> None:
        self._app = app
        self._prefix = settings.prefix
        self._max_age = f"public, max-age={settings.cache_seconds}"
        self._version = version
        self._modified = modified
        self.cache = Cache(settings.cache_bytes)
        self._links = ", ".join(
            f'<{settings.prefix}{path}>; rel="{rel}"'
            for rel, path in (("service-desc", "/openapi.json"), ("service-doc", "/docs"), ("license", "/terms"))
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(self, scope, receive, send, self._version())
        method: str = scope["method"]
        if method == "OPTIONS":
            headers = MutableHeaders(PREFLIGHT)
            await answer.begin(204, headers.raw)
            await answer.end(b"")
        elif method not in ("GET", "HEAD"):
            await READ_ONLY.response()(scope, receive, answer.send)
        elif not await answer.known():
            await self._ask(scope, receive, answer)

    async def _ask(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            await self._app(self._inner(scope), receive, answer.send)
        except Answered:
            pass
        except Exception:  # answered already, as any other refusal
            logger.exception("%s %s failed", scope["method"], scope["path"])

    def _inner(self, scope: Scope) -> Scope:
        """The request as the application knows it: a GET, below no prefix."""
        path: str = scope["path"]
        if self._prefix and path.startswith(f"{self._prefix}/"):
            path = path.removeprefix(self._prefix)
        return {**scope, "method": "GET", "path": path, "raw_path": path.encode()}

    def complete(self, status: int, headers: MutableHeaders) -> None:
        """What every answer says; what may be kept, only those that are no error."""
        headers.update(EVERYWHERE)
        headers.append("Link", self._links)
        headers.add_vary_header("Accept-Encoding")
        if status < 400 and "Cache-Control" not in headers:
            headers["Cache-Control"] = self._max_age
            headers["Last-Modified"] = formatdate(self._modified(), usegmt=True)


class _Answer:
    """One answer on its way: kept until it is whole, unless it is streamed."""

    def __init__(self, delivery: Delivery, scope: Scope, receive: Receive, send: Send, version: object) -> None:
        self._delivery = delivery
        self._scope = scope
        self._request = asked(scope["headers"])
        self._receive = receive
        self._send = send
        self._version = version
        self._key = (scope["path"], scope["query_string"])
        self._start: Message = {}
        self._streamed = False

    async def known(self) -> bool:
        """Answers from the cache, if what was asked was asked before and can be answered so."""
        entry = self._delivery.cache.get(self._version, self._key)
        if entry is None or not self._takes(entry.media_type):
            return False
        coding = self._coding(entry.media_type, entry.sent["identity"].body)
        if coding not in entry.sent:
            sent = _compressed(entry.sent["identity"])
            entry = Entry(entry.media_type, entry.modified, {**entry.sent, coding: sent})
            self._delivery.cache.put(self._version, self._key, entry)
        await self._deliver(entry.sent[coding], entry.modified)
        return True

    async def send(self, message: Message) -> None:
        """What the application sends."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        if self._streamed:
            await self._send(message)
            return
        status: int = self._start["status"]
        headers = MutableHeaders(raw=list(self._start["headers"]))
        if status < 400 and not self._takes(headers.get("Content-Type", "")):
            await NOT_ACCEPTABLE.response()(self._scope, self._receive, self.send)
            raise Answered
        if status >= 400 and headers.get("Content-Type") != MEDIA_TYPE:
            await self._restate(status, headers)
        else:
            self._delivery.complete(status, headers)
            await (self._stream if message.get("more_body") else self._whole)(status, headers, message)

    async def _restate(self, status: int, headers: MutableHeaders) -> None:
        """A refusal by something below that does not know our shape: of a range that the file does not have."""
        kept = {name: headers[name] for name in ("Content-Range",) if name in headers}
        detail = "The Range of this request cannot be given. Leave it out, or ask within the file."
        await Problem(status, detail, headers=kept).response()(self._scope, self._receive, self.send)

    async def _stream(self, status: int, headers: MutableHeaders, message: Message) -> None:
        self._streamed = True
        if status == 200 and self._unchanged(headers.get("ETag", ""), headers["Last-Modified"]):
            await self.begin(304, [each for each in headers.raw if each[0] not in OF_A_BODY])
            await self.end(b"")
            raise Answered
        await self.begin(status, headers.raw)
        if self._scope["method"] == "HEAD":
            await self.end(b"")
            raise Answered
        await self._send(message)

    async def _whole(self, status: int, headers: MutableHeaders, message: Message) -> None:
        body: bytes = message.get("body", b"")
        headers["Content-Length"] = str(len(body))
        if status != 200:
            await self.begin(status, headers.raw)
            await self.end(body)
            return
        headers.setdefault("ETag", f'"{b64encode(sha256(body).digest()[:18], b"-_").decode()}"')
        media_type, modified = headers.get("Content-Type", ""), headers.get("Last-Modified", "")
        unchanged = [each for each in headers.raw if each[0] not in OF_A_BODY]
        found = {"identity": Sent(headers["ETag"], headers.raw, unchanged, body)}
        coding = self._coding(media_type, body)
        if coding not in found:
            found[coding] = _compressed(found["identity"])
        if modified and "Accept-Ranges" not in headers:
            self._delivery.cache.put(self._version, self._key, Entry(media_type, modified, found))
        await self._deliver(found[coding], modified)

    async def _deliver(self, sent: Sent, modified: str) -> None:
        if self._unchanged(sent.tag, modified):
            await self.begin(304, sent.unchanged)
            await self.end(b"")
        else:
            await self.begin(200, sent.headers)
            await self.end(sent.body)

    async def begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def end(self, body: bytes) -> None:
        """The body, which HEAD leaves out."""
        await self._send({"type": "http.response.body", "body": b"" if self._scope["method"] == "HEAD" else body})

    def _takes(self, content_type: str) -> bool:
        """Whether the caller's Accept takes this type; a `+json` is taken as JSON too."""
        accept = self._request.get("Accept", "").strip()
        if accept in ("", "*/*") or not content_type:
            return True
        type_ = content_type.partition(";")[0]
        json = ("application/json",) if type_.endswith("+json") else ()
        return quality(accept, type_, *json, f"{type_.partition('/')[0]}/*") > 0

    def _coding(self, media_type: str, body: bytes) -> str:
        """Which content coding the caller is answered in."""
        worth = len(body) >= SMALLEST and media_type.startswith(COMPRESSED)
        return "gzip" if worth and quality(self._request.get("Accept-Encoding", ""), "gzip") > 0 else "identity"

    def _unchanged(self, tag: str, modified: str) -> bool:
        """Whether the caller has this already (RFC 9110, 13.2.2): a tag is asked before a date."""
        tags = self._request.get("If-None-Match")
        if tags is not None:
            return tags.strip() == "*" or tag in {each.strip().removeprefix("W/") for each in tags.split(",")}
        since = self._request.get("If-Modified-Since")
        if since is None or not modified:
            return False
        try:
            return parsedate_to_datetime(since) >= parsedate_to_datetime(modified)
        except (TypeError, ValueError):
            return False


def _compressed(plain: Sent) -> Sent:
    """The same in gzip, under a tag of its own: two representations are two sequences of bytes."""
    body = gzip.compress(plain.body, 6, mtime=0)
    headers = MutableHeaders(raw=list(plain.headers))
    headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(len(body))
    headers["ETag"] = f'{plain.tag[:-1]}-gzip"'
    unchanged = [each for each in headers.raw if each[0] not in OF_A_BODY]
    return Sent(headers["ETag"], headers.raw, unchanged, body)


def asked(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers of a request that decide how it is answered; one sent twice is one list."""
    found: dict[str, str] = {}
    for raw, value in headers:
        name = HEARD.get(raw)
        if name:
            text = value.decode("latin-1")
            found[name] = f"{found[name]}, {text}" if name in found else text
    return found


def quality(header: str, *names: str) -> float:
    """The weight that a header such as Accept gives the first of these names that it mentions, most specific first;
    0 when it mentions none, or refuses it."""
    weights: dict[str, float] = {}
    for item in header.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        weights[name] = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                weights[name] = _weight(value)
    return next((weights[name] for name in (*names, "*/*", "*") if name in weights), 0.0)


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
