"""How every answer leaves: found or asked for, with validators, compression, CORS, HEAD and refusals of method; it
knows no path's meaning."""

import asyncio
import gzip
import logging
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from hashlib import sha256

import anyio.to_thread
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.caching import Cache, Entry, Raw, Sent, Spelling
from app.errors import BROKEN, MEDIA_TYPE, Problem
from app.reading.operations import Directory, Operation
from app.reading.service import Snapshot
from app.settings import Settings

logger = logging.getLogger("shisaku")

METHODS = "GET, HEAD, OPTIONS"
SMALLEST = 500  # bytes worth compressing
LARGE = 1 << 17  # bytes that take longer to compress than to go to a thread
COMPRESSED = ("application/json", "application/ld+json", "application/linkset+json", "text/")
EXPOSED = "Accept-Ranges, Content-Disposition, Content-Range, ETag, Last-Modified, Link, Repr-Digest, Retry-After"
OF_A_BODY = (b"content-type", b"content-length", b"content-encoding", b"content-disposition")
HEARD = frozenset((b"accept", b"accept-encoding", b"if-none-match", b"if-modified-since"))
EVERYWHERE: Raw = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED.encode()),
    (b"x-content-type-options", b"nosniff"),
]
PREFLIGHT: Raw = [
    *EVERYWHERE,
    (b"allow", METHODS.encode()),
    (b"access-control-allow-methods", METHODS.encode()),
    (b"access-control-allow-headers", b"*"),
    (b"access-control-max-age", b"86400"),
]

READ_ONLY = Problem(405, f"This service is read-only: use {METHODS}.", headers={"Allow": METHODS})
NOT_ACCEPTABLE = Problem(
    406, "The request's Accept does not take this answer's media type. Leave Accept out, or add */*."
)

Heard = dict[bytes, bytes]


class Answered(Exception):  # noqa: N818 - no fault: it stops a stream whose answer is complete without it
    """The caller has all that this answer needs; the rest is not made."""


@dataclass(slots=True, eq=False)
class Edition:
    """What is made and kept from one snapshot. The next has one of its own: all of this goes at once, and what is
    still being made from the old can be kept nowhere else."""

    snapshot: Snapshot
    cache: Cache
    every: Raw  # the headers of every answer
    kept: Raw  # those of what is no error

    def complete(self, status: int, own: Raw) -> Raw:
        """The headers of an answer: what all say, and of what is no error how long it may be kept."""
        if status >= 400 or (b"cache-control", b"no-store") in own:
            return [*own, *self.every]
        return [*(each for each in own if each[0] != b"last-modified"), *self.kept]


@dataclass(slots=True, eq=False)
class Caller:
    """One request: what decides how it is answered, and where the answer goes."""

    scope: Scope
    receive: Receive
    send: Send
    heard: Heard
    edition: Edition

    async def answer(self, status: int, headers: Raw, body: bytes) -> None:
        """The body, which HEAD leaves out."""
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": b"" if self.scope["method"] == "HEAD" else body})

    async def other(self) -> None:
        """What does not read is not done here."""
        if self.scope["method"] == "OPTIONS":
            await self.answer(204, PREFLIGHT, b"")
        else:
            await self.refuse(READ_ONLY)

    async def refuse(self, problem: Problem) -> None:
        response = problem.response()
        await self.answer(problem.status, [*response.raw_headers, *self.edition.every], bytes(response.body))


class Delivery:
    """Answers what was asked before from the cache, and what an operation answers by asking it; whatever is at no
    operation's path is the application's."""

    def __init__(self, app: ASGIApp, directory: Directory, settings: Settings, now: Callable[[], Snapshot]) -> None:
        self._app = app
        self._find = directory.find
        self._doors = directory.doors
        self._settings = settings
        self._now = now
        self._edition = self._next(now())

    @property
    def cache(self) -> Cache:
        return self._edition.cache

    def _next(self, snapshot: Snapshot) -> Edition:
        prefix, seconds = self._settings.prefix, self._settings.cache_seconds
        links = ", ".join(
            f'<{prefix}{path}>; rel="{rel}"'
            for rel, path in (("service-desc", "/openapi.json"), ("service-doc", "/docs"), ("license", "/terms"))
        )
        every: Raw = [*EVERYWHERE, (b"link", links.encode()), (b"vary", b"Accept-Encoding")]
        released = datetime.fromisoformat(snapshot.dataset.version.released).replace(tzinfo=UTC)
        modified = format_datetime(released, usegmt=True).encode()
        kept = [*every, (b"cache-control", f"public, max-age={seconds}".encode()), (b"last-modified", modified)]
        self._edition = Edition(snapshot, Cache(self._settings.cache_bytes), every, kept)
        return self._edition

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._live(scope, receive, send)
            return
        edition = self._edition
        snapshot = self._now()
        if snapshot is not edition.snapshot:
            edition = self._next(snapshot)
        heard = asked(scope["headers"])
        method: str = scope["method"]
        if method not in ("GET", "HEAD"):
            await Caller(scope, receive, send, heard, edition).other()
            return
        spelling = (scope["path"], scope["query_string"])
        entry = edition.cache.spelled(spelling)
        if entry is None:
            entry = await self._ask(Caller(scope, receive, send, heard, edition), spelling)
            if entry is None:
                return
        if not takes(heard, entry.media_type):
            await Caller(scope, receive, send, heard, edition).refuse(NOT_ACCEPTABLE)
            return
        if entry.packable and entry.packed is None and packs(heard):
            edition.cache.pack(entry, await _packed(entry.plain))
        status, headers, body = chosen(entry, heard)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body if method == "GET" else b""})

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What is no request: a server's start and end. The front door is made ready beside the start."""
        warming = asyncio.ensure_future(self._warm())
        try:
            await self._app(scope, receive, send)
        finally:
            warming.cancel()

    async def _warm(self) -> None:
        async def send(_: Message) -> None:
            """Nobody waits for these."""

        receive = asyncio.Queue[Message]().get
        for path in self._doors if self._settings.cache_bytes else ():
            request = {"type": "http", "method": "HEAD", "path": path, "query_string": b""}
            await self({**request, "headers": [(b"accept-encoding", b"gzip")]}, receive, send)
            await asyncio.sleep(0)  # who asks meanwhile goes first

    async def _ask(self, caller: Caller, spelling: Spelling) -> Entry | None:
        """The answer to what these bytes did not ask before; None when it is answered already, and not to be kept."""
        path, prefix = spelling[0], self._settings.prefix
        if prefix and path.startswith(f"{prefix}/"):
            path = path.removeprefix(prefix)
        found = self._find(path)
        answer: ASGIApp | Entry = self._app
        if found is not None:
            try:
                answer = await _entry(caller.edition, *found, path, spelling)
            except Problem as problem:
                answer = problem.response()
            except Exception:
                logger.exception("%s %s failed", caller.scope["method"], path)
                answer = BROKEN.response()
        if isinstance(answer, Entry):
            return answer
        await self._pass(caller, path, answer)
        return None

    async def _pass(self, caller: Caller, path: str, app: ASGIApp) -> None:
        """Has an application answer: of a GET, below no prefix, without a server's own ways to send a file."""
        scope = {**caller.scope, "method": "GET", "path": path, "raw_path": path.encode(), "extensions": {}}
        # Several ranges at once would be parted by a mark that is drawn by lot; the whole may always be sent instead.
        scope["headers"] = [each for each in scope["headers"] if each[0] != b"range" or b"," not in each[1]]
        passage = _Passage(caller)
        try:
            await app(scope, caller.receive, passage.send)
        except Answered:
            pass
        except Exception as error:
            if not isinstance(error, Problem):
                logger.exception("%s %s failed", caller.scope["method"], path)
            if not passage.begun:  # else it is answered already, as far as it can be
                await caller.refuse(error if isinstance(error, Problem) else BROKEN)


class _Passage:
    """An answer that an application sends: its headers are completed, and what is streamed passes on as it comes."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._start: Message = {}
        self.begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = {**message, "headers": await self._judged(message["status"], message["headers"])}
            return
        if not self.begun:  # the first of the body is there: now it can be said that it comes
            self.begun = True
            await self._caller.send(self._start)
        await self._caller.send(message)

    async def _judged(self, status: int, own: Raw) -> Raw:
        """The headers to send; what needs no body is answered before one is made."""
        caller = self._caller
        media_type = dict(own).get(b"content-type", b"").decode("latin-1")
        if status < 400 and not takes(caller.heard, media_type):
            await caller.refuse(NOT_ACCEPTABLE)
            raise Answered
        if status >= 400 and media_type != MEDIA_TYPE:
            await caller.refuse(_restated(status, own))
            raise Answered
        headers = caller.edition.complete(status, own)
        told = dict(headers)
        if status in (200, 206) and unchanged(caller.heard, told.get(b"etag", b""), told.get(b"last-modified", b"")):
            await caller.answer(304, _without_body(headers), b"")
            raise Answered
        if caller.scope["method"] == "HEAD":
            await caller.answer(status, headers, b"")
            raise Answered
        return headers


def _restated(status: int, headers: Raw) -> Problem:
    """A refusal by something that does not know our shape: of a range that a file does not have."""
    size = dict(headers).get(b"content-range", b"").decode("latin-1")
    kept = {"Content-Range": size} if size else {}
    detail = "The Range of this request cannot be given. Leave it out, or ask within the file."
    return Problem(status, detail, headers=kept)


def _without_body(headers: Raw) -> Raw:
    return [each for each in headers if each[0] not in OF_A_BODY]


async def _entry(edition: Edition, operation: Operation, id_: str, path: str, spelling: Spelling) -> Entry | Response:
    """What an operation answers, from the cache if it was asked in other words; what is not kept, as it is."""
    question = operation.question(spelling[1], edition.snapshot)
    key = (path, tuple(question.values.items()))
    entry = edition.cache.asked(key, spelling)
    if entry is not None:
        return entry
    response = operation.answer(edition.snapshot, question, id_)
    if not isinstance(response, Response):
        response = await response
    if response.status_code != 200 or isinstance(response, StreamingResponse | FileResponse):
        return response
    entry = _made(edition.complete(200, response.raw_headers), bytes(response.body))
    if entry.modified:
        edition.cache.keep(key, spelling, entry)
    return entry


def _made(headers: Raw, body: bytes) -> Entry:
    """An answer as it leaves, under a tag that is a function of its bytes."""
    told = dict(headers)
    media_type = told.get(b"content-type", b"").decode("latin-1")
    packable = len(body) >= SMALLEST and media_type.startswith(COMPRESSED)
    tag = b'"%b"' % urlsafe_b64encode(sha256(body).digest()[:18])
    headers.append((b"etag", tag))
    plain = Sent(tag, headers, _without_body(headers), body)
    return Entry(media_type, told.get(b"last-modified", b""), plain, packable)


async def _packed(plain: Sent) -> Sent:
    """The same in gzip, under a tag of its own: two representations are two sequences of bytes."""
    body = await anyio.to_thread.run_sync(_gzip, plain.body) if len(plain.body) > LARGE else _gzip(plain.body)
    tag = plain.tag[:-1] + b'-gzip"'
    changed = {b"content-length": str(len(body)).encode(), b"etag": tag}
    headers = [(name, changed.get(name, value)) for name, value in plain.headers]
    headers.append((b"content-encoding", b"gzip"))
    return Sent(tag, headers, _without_body(headers), body)


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, 6, mtime=0)


def asked(headers: Iterable[tuple[bytes, bytes]]) -> Heard:
    """The headers of a request that decide how it is answered; one sent twice is one list."""
    found: Heard = {}
    for name, value in headers:
        if name in HEARD:
            found[name] = b"%b, %b" % (found[name], value) if name in found else value
    return found


def chosen(entry: Entry, heard: Heard) -> tuple[int, Raw, bytes]:
    """The representation that a caller is answered with, or that it has it already."""
    sent = entry.plain
    if heard:
        if entry.packed is not None and packs(heard):
            sent = entry.packed
        if unchanged(heard, sent.tag, entry.modified):
            return 304, sent.unchanged, b""
    return 200, sent.headers, sent.body


def takes(heard: Heard, content_type: str) -> bool:
    """Whether the caller's Accept takes this type; a `+json` is taken as JSON too."""
    accept = heard.get(b"accept")
    if accept is None or accept == b"*/*" or not content_type:
        return True
    return weighed(accept, content_type)


def packs(heard: Heard) -> bool:
    """Whether the caller takes gzip."""
    coding = heard.get(b"accept-encoding")
    return coding is not None and weighed(coding, "gzip")


def weighed(header: bytes, wanted: str) -> bool:
    """Whether a header takes what is wanted. What callers send are few and short texts, weighed once."""
    return (_weighed if len(header) < 200 else _weighed.__wrapped__)(header, wanted)


@lru_cache(1_000)
def _weighed(header: bytes, wanted: str) -> bool:
    text, wanted = header.decode("latin-1").strip(), wanted.partition(";")[0]
    kind, _, _ = wanted.rpartition("/")
    if not kind:
        return quality(text, wanted) > 0
    json = ("application/json",) if wanted.endswith("+json") else ()
    return not text or quality(text, wanted, *json, f"{kind}/*") > 0


def unchanged(heard: Heard, tag: bytes, modified: bytes) -> bool:
    """Whether the caller has this already (RFC 9110, 13.2.2): a tag is asked before a date."""
    tags = heard.get(b"if-none-match")
    if tags is not None:
        if tags == tag:
            return True
        return tags.strip() == b"*" or tag in {each.strip().removeprefix(b"W/") for each in tags.split(b",")}
    since = heard.get(b"if-modified-since")
    if since is None or not modified:
        return False
    try:
        return parsedate_to_datetime(since.decode("latin-1")) >= parsedate_to_datetime(modified.decode())
    except (TypeError, ValueError, OverflowError):
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
