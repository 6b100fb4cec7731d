"""Admission: how many requests the application works on, and how many long responses are under way, at a time.

Whoever is refused has cost nothing yet. The health of the service is told without a turn.
"""

import asyncio
from contextlib import ExitStack

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import BUSY, unavailable
from app.http.headers import Headers, refusal
from app.http.refusals import HEALTH
from app.settings import Settings

TURNS = 32  # more than threads, so that light requests do not wait behind heavy ones
LONG = 1 << 16  # bytes of a body that a connection takes at once
DOWNLOADS = "/v1/exports/"


class AdmissionMiddleware:
    """Passes on questions in turn: `settings.queue` may wait, each for `settings.wait_seconds`. A turn ends when the
    response begins, however slowly it is read. Of downloads and other bodies beyond LONG, `settings.transfers` are
    under way at a time, since each holds memory until its client has taken it. All others are answered with 503."""

    def __init__(self, app: ASGIApp, common: Headers, settings: Settings) -> None:
        self.app = app
        self.turns = anyio.CapacityLimiter(TURNS)
        self.transfers = anyio.CapacityLimiter(settings.transfers)
        self.waiting = 0
        self._settings = settings
        self._busy = refusal(unavailable(BUSY, 1), common, close=True)
        self._full = refusal(unavailable("Too many downloads at once. Try again shortly.", 5), common)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].endswith(HEALTH):
            await self.app(scope, receive, send)
        elif DOWNLOADS in scope["path"]:
            with ExitStack() as place:
                answer = self.app if self._has_place(place) else self._full
                await answer(scope, receive, send)
        else:
            with ExitStack() as turn:
                if await self._has_turn(turn) and not _is_gone(scope):
                    await self._answer(turn, scope, receive, send)
                else:
                    await self._busy(scope, receive, send)

    async def _answer(self, turn: ExitStack, scope: Scope, receive: Receive, send: Send) -> None:
        is_refused = False

        async def send_in_place(message: Message) -> None:
            nonlocal is_refused
            turn.close()
            if message["type"] == "http.response.start":
                length = int(dict(message["headers"]).get(b"content-length", 0))
                is_refused = length > LONG and not self._has_place(place)
                if is_refused:
                    await self._full(scope, receive, send)
            if not is_refused:
                await send(message)

        with ExitStack() as place:
            await self.app(scope, receive, send_in_place)

    async def _has_turn(self, turn: ExitStack) -> bool:
        """Waits for a turn, which ends with the stack, and says whether there is one."""
        if self.waiting >= self._settings.queue and not self.turns.available_tokens:
            return False
        self.waiting += 1
        try:
            async with asyncio.timeout(self._settings.wait_seconds):
                await self.turns.acquire_on_behalf_of(turn)
        except TimeoutError:
            return False
        finally:
            self.waiting -= 1
        turn.callback(self.turns.release_on_behalf_of, turn)
        return True

    def _has_place(self, place: ExitStack) -> bool:
        """Takes a place among the transfers, which ends with the stack, and says whether there was one."""
        try:
            self.transfers.acquire_on_behalf_of_nowait(place)
        except anyio.WouldBlock:
            return False
        place.callback(self.transfers.release_on_behalf_of, place)
        return True


def _is_gone(scope: Scope) -> bool:
    """Whether the client has hung up while it waited."""
    transport: asyncio.Transport | None = scope.get("state", {}).get("transport")
    return transport is not None and transport.is_closing()
