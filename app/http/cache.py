"""Response cache: complete responses of one snapshot, found by path, query string, coding and language.

Its size is bounded by bytes.
It stands in front of the application, so that a response that is in it costs no more than its bytes.
"""

from typing import Any, NamedTuple

from cachetools import LRUCache
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.negotiation import accepts_gzip, preferred_language
from app.http.representation import EMPTY, conditional_status, request_headers, without_body_headers
from app.query.snapshot import Snapshot, Snapshots

OVERHEAD = 2_100  # bytes of an entry beside its body: its key, messages and headers

Key = tuple[str, bytes, bool, str]  # path, query string, whether gzip is accepted, and the preferred language


class CachedResponse(NamedTuple):
    """A response as it was sent, the start of the 304 response that stands for it, and its route."""

    start: Message
    body: Message
    not_modified: Message
    etag: bytes
    route: Any

    @property
    def size(self) -> int:
        return OVERHEAD + len(self.body["body"])


class ResponseCacheMiddleware:
    """Answers GET requests from the cache of the current snapshot."""

    def __init__(self, app: ASGIApp, snapshots: Snapshots, max_bytes: int) -> None:
        self.app = app
        self._snapshots = snapshots
        self._max_bytes = max_bytes
        self._renew(snapshots.current())

    def _renew(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.responses: LRUCache[Key, CachedResponse] = LRUCache(self._max_bytes, getsizeof=lambda each: each.size)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        snapshot = self._snapshots.current()
        if snapshot is not self._snapshot:
            self._renew(snapshot)
        headers = request_headers(scope)
        gzip = accepts_gzip(headers.get(b"accept-encoding", b""))
        language = preferred_language(headers.get(b"accept-language", b""))
        key = (scope["path"], scope["query_string"], gzip, language)
        response = self.responses.get(key)
        if response is None:
            await self._answer(key, scope, receive, send)
            return
        conditional = b"if-none-match" in headers or b"if-match" in headers
        status = conditional_status(headers, response.etag) if conditional else 200
        if status not in (200, 304):  # refusals are made by the application
            await self.app(scope, receive, send)
            return
        scope["route"] = response.route  # by which the request is counted
        scope.setdefault("state", {})["cached"] = True
        await send(response.start if status == 200 else response.not_modified)
        await send(response.body if status == 200 else EMPTY)

    async def _answer(self, key: Key, scope: Scope, receive: Receive, send: Send) -> None:
        """Has the application answer, and caches the response if it may be cached."""
        snapshot, responses = self._snapshot, self.responses  # a newer one may replace them meanwhile
        state = scope.setdefault("state", {})
        sent: list[Message] = []

        async def send_and_record(message: Message) -> None:
            if not (sent and sent[-1].get("more_body")):
                sent.append(message)
            await send(message)

        await self.app(scope, receive, send_and_record)
        response = _cacheable(sent, scope.get("route"))
        if response is not None and response.size <= self._max_bytes and state.get("snapshot") is snapshot:
            responses[key] = response


def _cacheable(sent: list[Message], route: Any) -> CachedResponse | None:
    """A complete response that may be cached; streams, files and errors are not."""
    match sent:
        case [{"status": 200, "headers": headers} as start, {"body": bytes()} as body] if not body.get("more_body"):
            names = dict(headers)
            if b"etag" in names and b"accept-ranges" not in names and names.get(b"cache-control") != b"no-store":
                not_modified_ = {**start, "status": 304, "headers": without_body_headers(headers)}
                return CachedResponse(start, body, not_modified_, names[b"etag"], route)
    return None
