"""Response cache: complete responses of one snapshot, found by path, query string and coding, bounded by bytes."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from cachetools import LRUCache
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.representation import accepts_gzip, not_modified, request_headers, without_body_headers
from app.query.snapshot import Snapshot

OVERHEAD = 2_000  # bytes of an entry beside its body: its key, messages and headers

Key = tuple[str, bytes, bool]  # path, query string, whether gzip is accepted


class CachedResponse(NamedTuple):
    """A response as it was sent, and the start of the 304 response that stands for it."""

    start: Message
    body: Message
    not_modified: Message
    etag: bytes
    last_modified: bytes

    @property
    def size(self) -> int:
        return OVERHEAD + len(self.body["body"])


EMPTY: Message = {"type": "http.response.body", "body": b""}


class ResponseCacheMiddleware:
    """Gives each request the newest snapshot, as `state.snapshot`, and answers from that snapshot's cache if it can."""

    def __init__(self, app: ASGIApp, snapshots: Callable[[], Snapshot], max_bytes: int) -> None:
        self.app = app
        self._snapshots = snapshots
        self._max_bytes = max_bytes
        self._snapshot: Snapshot | None = None
        self._responses: LRUCache[Key, CachedResponse] = self._new_cache()

    def _new_cache(self) -> LRUCache[Key, CachedResponse]:
        return LRUCache(self._max_bytes, getsizeof=lambda response: response.size)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        snapshot = self._snapshots()
        if snapshot is not self._snapshot:
            self._snapshot, self._responses = snapshot, self._new_cache()
        headers = request_headers(scope)
        key = (scope["path"], scope["query_string"], accepts_gzip(headers.get(b"accept-encoding", b"")))
        response = self._responses.get(key)
        if response is None:
            await self._answer(key, snapshot, scope, receive, send)
        elif _is_conditional(headers) and not_modified(headers, response.etag, response.last_modified):
            await send(response.not_modified)
            await send(EMPTY)
        else:
            await send(response.start)
            await send(response.body)

    async def _answer(self, key: Key, snapshot: Snapshot, scope: Scope, receive: Receive, send: Send) -> None:
        responses = self._responses  # a newer snapshot may replace them before the answer is complete
        scope.setdefault("state", {})["snapshot"] = snapshot
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            if not (sent and sent[-1].get("more_body")):
                sent.append(message)
            await send(message)

        await self.app(scope, receive, keep)
        response = _cacheable(sent)
        if response is not None and response.size <= self._max_bytes:
            responses[key] = response


def _is_conditional(headers: Mapping[bytes, bytes]) -> bool:
    return b"if-none-match" in headers or b"if-modified-since" in headers


def _cacheable(sent: list[Message]) -> CachedResponse | None:
    """A complete response that may be kept; streams, files and errors are not."""
    match sent:
        case [{"status": 200, "headers": headers} as start, {"body": bytes()} as body] if not body.get("more_body"):
            names = dict(headers)
            if b"etag" in names and b"last-modified" in names:
                not_modified_ = {**start, "status": 304, "headers": without_body_headers(headers)}
                return CachedResponse(start, body, not_modified_, names[b"etag"], names[b"last-modified"])
    return None
