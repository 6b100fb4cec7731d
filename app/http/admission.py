"""Admission control: limits on the requests that the application works on, and on the long responses being sent.

A request beyond the limits is refused with 503 before any work, but for a long response: its length is known only when
it has been made. Health checks are not limited.
"""

import asyncio

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import BUSY, unavailable
from app.http.headers import common_headers, is_health, refusal
from app.settings import Settings

TURNS = 32  # more than threads, so that light requests do not wait behind heavy ones
LONG = 1 << 16  # bytes of a body that a connection takes at once
CLIENT_CLOSED_REQUEST = 499  # as nginx logs clients that hung up before they were answered: nobody receives it
DOWNLOADS = "/v1/exports/"


class AdmissionMiddleware:
    """Passes on TURNS requests at a time: `settings.queue` others may wait, each for `settings.wait_seconds`. A turn
    ends when the response begins, however slowly it is read. Of downloads and other bodies beyond LONG,
    `settings.transfers` are sent at a time, since each takes memory until its client has received it. All other
    requests are answered with 503."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        common = common_headers(settings.prefix)
        self.app = app
        self.turns = asyncio.Semaphore(TURNS)
        self.transfers = asyncio.Semaphore(settings.transfers)
        self.running = self.waiting = self.refused = 0
        self._settings = settings
        self._busy = refusal(unavailable(BUSY, 1), common, close=True)
        self._closed = Response(status_code=CLIENT_CLOSED_REQUEST)
        self._full = refusal(unavailable("Too many downloads at once. Try again shortly.", 5), common)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_health(scope["path"], self._settings.prefix):
            await self.app(scope, receive, send)
        elif DOWNLOADS in scope["path"]:
            if self.transfers.locked():
                await self._refuse(self._full, scope, receive, send)
            else:
                async with self.transfers:
                    await self.app(scope, receive, send)
        elif await self._acquire_turn():
            await self._answer(scope, receive, send)
        else:
            await self._refuse(self._busy, scope, receive, send)

    async def _refuse(self, response: Response, scope: Scope, receive: Receive, send: Send) -> None:
        self.refused += 1
        await response(scope, receive, send)

    async def _acquire_turn(self) -> bool:
        """Waits for a turn, and says whether it has come."""
        if not self.turns.locked():
            return await self.turns.acquire()
        if self.waiting >= self._settings.queue:
            return False
        self.waiting += 1
        try:
            async with asyncio.timeout(self._settings.wait_seconds):
                return await self.turns.acquire()
        except TimeoutError:
            return False
        finally:
            self.waiting -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_turn, has_place, is_refused = True, False, False
        self.running += 1

        async def send_in_place(message: Message) -> None:
            nonlocal has_turn, has_place, is_refused
            if has_turn:
                has_turn = False
                self._end_turn()
            if message["type"] == "http.response.start":
                is_long = int(dict(message["headers"]).get(b"content-length", 0)) > LONG
                if is_long and self.transfers.locked():
                    is_refused = True
                    await self._refuse(self._full, scope, receive, send)
                elif is_long:
                    has_place = await self.transfers.acquire()
            if not is_refused:
                await send(message)

        try:
            await asyncio.sleep(0)  # one iteration of the event loop begins no more requests than there are turns
            answer = self._closed if _has_hung_up(scope) else self.app
            await answer(scope, receive, send_in_place)
        finally:
            if has_turn:
                self._end_turn()
            if has_place:
                self.transfers.release()

    def _end_turn(self) -> None:
        self.running -= 1
        self.turns.release()


def _has_hung_up(scope: Scope) -> bool:
    """Whether the client has hung up while it waited."""
    transport: asyncio.Transport | None = scope.get("state", {}).get("transport")
    return transport is not None and transport.is_closing()
