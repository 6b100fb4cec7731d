"""How every answer leaves: validators, compression, CORS, HEAD and refusals of method; it knows no path's meaning."""

import gzip
import logging
from base64 import b64encode
from collections.abc import Callable, Mapping
from email.utils import formatdate, parsedate_to_datetime
from hashlib import sha256

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import MEDIA_TYPE, Problem
from app.settings import Settings

logger = logging.getLogger("shisaku")

METHODS = "GET, HEAD, OPTIONS"
SMALLEST = 500  # bytes worth compressing
COMPRESSED = ("application/json", "application/problem+json", "application/linkset+json", "text/")
EXPOSED = "Accept-Ranges, Content-Disposition, Content-Range, ETag, Last-Modified, Link, Repr-Digest, Retry-After"
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
    """Wraps the application: what it sends whole is given its headers here; what it streams passes through."""

    def __init__(self, app: ASGIApp, settings: Settings, modified: Callable[[], float]) -> None:
        self._app = app
        self._prefix = settings.prefix
        self._cache = f"public, max-age={settings.cache_seconds}"
        self._modified = modified
        self._links = ", ".join(
            f'<{settings.prefix}{path}>; rel="{rel}"'
            for rel, path in (("service-desc", "/openapi.json"), ("service-doc", "/docs"), ("license", "/terms"))
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(self, scope, receive, send)
        if scope["method"] == "OPTIONS":
            await answer.empty(204, PREFLIGHT)
            return
        if scope["method"] not in ("GET", "HEAD"):
            await READ_ONLY.response()(scope, receive, answer.send)
            return
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

    def headers(self, status: int, headers: MutableHeaders) -> None:
        """What every answer says; what may be kept, only those that are no error."""
        headers.update(EVERYWHERE)
        headers.append("Link", self._links)
        headers.add_vary_header("Accept-Encoding")
        if status < 400 and "Cache-Control" not in headers:
            headers["Cache-Control"] = self._cache
            headers["Last-Modified"] = formatdate(self._modified(), usegmt=True)


class _Answer:
    """One answer on its way: kept until it is whole, unless it is streamed."""

    def __init__(self, delivery: Delivery, scope: Scope, receive: Receive, send: Send) -> None:
        self._delivery = delivery
        self._scope = scope
        self._receive = receive
        self._request = Headers(scope=scope)
        self._head = scope["method"] == "HEAD"
        self._send = send
        self._start: Message = {}
        self._streamed = False
        self._refused = False

    async def empty(self, status: int, headers: Mapping[str, str]) -> None:
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})
        await self._send({"type": "http.response.body", "body": b""})

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if self._streamed:
            await self._send(message)
            return
        if self._refused:
            return
        headers = MutableHeaders(raw=list(self._start["headers"]))
        if self._start["status"] < 400 and not self._takes(headers.get("Content-Type", "")):
            await NOT_ACCEPTABLE.response()(self._scope, self._receive, self.send)
            self._refused = True
            return
        self._delivery.headers(self._start["status"], headers)
        if message.get("more_body"):
            self._streamed = True
            if self._start["status"] == 200 and self._unchanged(headers.get("ETag", ""), headers.get("Last-Modified")):
                await self._not_modified(headers)
                raise Answered
            await self._begin(self._start["status"], headers)
            if self._head:
                await self._send({"type": "http.response.body", "body": b""})
                raise Answered
            await self._send(message)
            return
        if self._start["status"] >= 400 and headers.get("Content-Type") != MEDIA_TYPE:
            await self._restate(headers)
            return
        await self._whole(message.get("body", b""), headers)

    async def _restate(self, headers: MutableHeaders) -> None:
        """A refusal by something below that does not know our shape: of a range that the file does not have."""
        status: int = self._start["status"]
        kept = {name: headers[name] for name in ("Content-Range",) if name in headers}
        problem = Problem(
            status, "The Range of this request cannot be given. Leave it out, or ask within the file.", headers=kept
        )
        await problem.response()(self._scope, self._receive, self.send)

    async def _whole(self, body: bytes, headers: MutableHeaders) -> None:
        status: int = self._start["status"]
        tag = headers.get("ETag") or f'"{b64encode(sha256(body).digest()[:18], b"-_").decode()}"'
        if len(body) >= SMALLEST and headers.get("Content-Type", "").startswith(COMPRESSED) and self._takes_gzip():
            body = gzip.compress(body, 6, mtime=0)
            headers["Content-Encoding"] = "gzip"
            tag = f'{tag[:-1]}-gzip"'
        if status == 200:
            headers["ETag"] = tag
            if self._unchanged(tag, headers.get("Last-Modified")):
                await self._not_modified(headers)
                return
        headers["Content-Length"] = str(len(body))
        await self._begin(status, headers)
        await self._send({"type": "http.response.body", "body": b"" if self._head else body})

    async def _not_modified(self, headers: MutableHeaders) -> None:
        for name in ("Content-Type", "Content-Length", "Content-Encoding", "Content-Disposition"):
            del headers[name]
        await self._begin(304, headers)
        await self._send({"type": "http.response.body", "body": b""})

    async def _begin(self, status: int, headers: MutableHeaders) -> None:
        await self._send({"type": "http.response.start", "status": status, "headers": headers.raw})

    def _takes(self, content_type: str) -> bool:
        """Whether the caller's Accept takes this type; a `+json` is taken as JSON too."""
        accept = self._request.get("Accept", "").strip()
        if not accept or not content_type:
            return True
        type_ = content_type.partition(";")[0]
        json = ("application/json",) if type_.endswith("+json") else ()
        return quality(accept, type_, *json, f"{type_.partition('/')[0]}/*") > 0

    def _takes_gzip(self) -> bool:
        return quality(self._request.get("Accept-Encoding", ""), "gzip") > 0

    def _unchanged(self, tag: str, modified: str | None) -> bool:
        """Whether the caller has this already (RFC 9110, 13.2.2): a tag is asked before a date."""
        tags = self._request.get("If-None-Match")
        if tags is not None:
            return tags.strip() == "*" or tag in {each.strip().removeprefix("W/") for each in tags.split(",")}
        since = self._request.get("If-Modified-Since")
        if since is None or modified is None:
            return False
        try:
            return parsedate_to_datetime(since) >= parsedate_to_datetime(modified)
        except (TypeError, ValueError):
            return False


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
