"""Transfers: so many long responses are sent at a time, since each holds memory until its client has taken it."""

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import unavailable
from app.http.headers import Headers, refusal

LONG = 1 << 16  # bytes of a body that a connection takes at once
DOWNLOADS = "/v1/exports/"
REFUSED = unavailable("Too many downloads at once. Try again shortly.", 5)


class TransfersMiddleware:
    """Passes on at most `limit` responses at a time that are streams or longer than LONG; others are replaced by 503,
    downloads before they are made. The server's protocol has each wait until the client takes it."""

    def __init__(self, app: ASGIApp, common: Headers, limit: int) -> None:
        self.app = app
        self.common = common
        self.places = anyio.CapacityLimiter(limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if DOWNLOADS in scope["path"] and not self.places.available_tokens:
            await refusal(REFUSED, self.common)(scope, receive, send)
            return
        place, has_place, start = object(), False, list[Message]()

        async def send_or_refuse(message: Message) -> None:
            nonlocal has_place
            if work.cancel_called:
                return
            if message["type"] == "http.response.start":
                start.append(message)  # until it is known how long the body is
                return
            if start:
                if message.get("more_body") or len(message.get("body", b"")) > LONG:
                    try:
                        self.places.acquire_on_behalf_of_nowait(place)
                    except anyio.WouldBlock:
                        await refusal(REFUSED, self.common)(scope, receive, send)
                        work.cancel()
                        return
                    has_place = True
                await send(start.pop())
            await send(message)

        with anyio.CancelScope() as work:
            try:
                await self.app(scope, receive, send_or_refuse)
            finally:
                if has_place:
                    self.places.release_on_behalf_of(place)
