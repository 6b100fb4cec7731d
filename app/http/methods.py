"""Methods: HEAD is GET without the body, OPTIONS tells what is allowed, and everything else is refused with 405."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Problem

METHODS = "GET, HEAD, OPTIONS"
READ_ONLY = Problem(405, f"This service is read-only: use {METHODS}.", headers={"Allow": METHODS})


class MethodsMiddleware:
    """Passes on GET, HEAD as GET (`state.method` keeps the original), and CORS preflight requests."""

    def __init__(self, app: ASGIApp, headers: list[tuple[bytes, bytes]]) -> None:
        self.app = app
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] == "GET":
            await self.app(scope, receive, send)
        elif scope["method"] == "HEAD":
            state = {**scope.get("state", {}), "method": "HEAD"}
            await self.app({**scope, "method": "GET", "state": state}, receive, _without_body(send))
        elif scope["method"] == "OPTIONS":
            await self._options(scope, receive, send)
        else:
            response = READ_ONLY.response()
            response.raw_headers.extend(self.headers)
            await response(scope, receive, send)

    async def _options(self, scope: Scope, receive: Receive, send: Send) -> None:
        if any(name == b"access-control-request-method" for name, _ in scope["headers"]):
            await self.app(scope, receive, send)
            return
        headers = [(b"allow", METHODS.encode()), *self.headers]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
        elif not message.get("more_body"):
            await send({"type": "http.response.body", "body": b""})

    return send_head
