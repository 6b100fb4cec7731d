"""Admission: so many requests are in the application at a time, and others wait for their turn, in the order in which
they came, so that a crowd costs little beside what is answered. The health of the service is told without a turn."""

import asyncio
from collections import deque
from typing import Any, NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import BUSY, unavailable
from app.http.headers import Headers, refusal
from app.http.refusals import HEALTH

TURNS = 16  # threads are kept busy with fewer
# Many light requests in one iteration of the event loop would keep it from what else has arrived: health, connections.
BEGUN_AT_ONCE = 4
REFUSED_AT_ONCE = 32  # of those who waited too long
PAUSE = 0.01  # seconds between


class _Waiting(NamedTuple):
    """A request that waits: until when, what tells it whether it has a turn, and the connection it came from."""

    until: float
    turn: "asyncio.Future[bool]"
    transport: Any

    @property
    def is_gone(self) -> bool:
        return self.transport is not None and self.transport.is_closing()


class AdmissionMiddleware:
    """Passes on requests in turn. At most `queue` of them wait, each so many seconds; others are answered with 503, and
    their connection is closed. A turn ends when the response begins, however slowly it is read."""

    def __init__(self, app: ASGIApp, common: Headers, queue: int, seconds: float) -> None:
        self.app = app
        self.running = self.refused = self._begun = 0
        self.waiting: deque[_Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._refusal = refusal(unavailable(BUSY, 1), common, close=True)
        self._queue = queue
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].endswith(HEALTH):
            await self.app(scope, receive, send)
            return
        if self._may_begin and not self.waiting:
            self._begin()
        elif len(self.waiting) >= self._queue or not await self._wait(scope):
            self.refused += 1
            await self._refusal(scope, receive, send)
            return
        has_turn = True

        def end() -> None:
            nonlocal has_turn
            if has_turn:
                has_turn = False
                self.running -= 1
                self._pass_on()

        async def send_and_end(message: Message) -> None:
            end()
            await send(message)

        try:
            await self.app(scope, receive, send_and_end)
        finally:
            end()

    async def _wait(self, scope: Scope) -> bool:
        """Waits for a turn. Says whether there is one."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(loop.time() + self._seconds, loop.create_future(), scope.get("state", {}).get("transport"))
        self.waiting.append(waiting)
        if self._timer is None:
            self._timer = loop.call_at(waiting.until, self._refuse_late, loop)
        return await waiting.turn

    @property
    def _may_begin(self) -> bool:
        return self.running < TURNS and self._begun < BEGUN_AT_ONCE

    def _begin(self) -> None:
        """Counts a request that has a turn, in all and in this iteration of the event loop."""
        if not self._begun:
            asyncio.get_running_loop().call_soon(self._next_iteration)
        self._begun += 1
        self.running += 1

    def _next_iteration(self) -> None:
        self._begun = 0
        self._pass_on()

    def _pass_on(self) -> None:
        """Gives turns to those who wait and are still there."""
        while self.waiting and self._may_begin:
            waiting = self.waiting.popleft()
            if not waiting.turn.done():
                waiting.turn.set_result(not waiting.is_gone)
                if not waiting.is_gone:
                    self._begin()

    def _refuse_late(self, loop: asyncio.AbstractEventLoop) -> None:
        """Refuses those who have waited too long, some at a time, and looks again when the next has."""
        for _ in range(REFUSED_AT_ONCE):
            if not self.waiting or self.waiting[0].until > loop.time():
                break
            waiting = self.waiting.popleft()
            if not waiting.turn.done():
                waiting.turn.set_result(False)
        self._timer = None
        if self.waiting:
            self._timer = loop.call_at(max(self.waiting[0].until, loop.time() + PAUSE), self._refuse_late, loop)
