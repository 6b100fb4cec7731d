"""Methods: HEAD is GET without the body, OPTIONS tells what is allowed, and everything else is refused with 405."""

from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Problem
from app.http.headers import Headers, refusal

METHODS = ("GET", "HEAD", "OPTIONS")
ALLOW = ", ".join(METHODS)
PREFLIGHT = {b"origin", b"access-control-request-method"}  # the headers of a CORS preflight request
READ_ONLY = Problem(405, f"This service is read-only: use {ALLOW}.", headers={"Allow": ALLOW})


class MethodsMiddleware:
    """Passes on GET, and HEAD as GET (`state.method` keeps the original). CORS preflight requests are answered by
    Starlette's middleware, which sees no other request: it would add `Vary: Origin` to every response, though none
    depends on the origin, and shared caches would keep one copy for each."""

    def __init__(self, app: ASGIApp, headers: Headers) -> None:
        self.app = app
        self.headers = headers
        self.preflight = CORSMiddleware(
            app, allow_origins=["*"], allow_methods=METHODS, allow_headers=["*"], max_age=86_400
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] == "GET":
            await self.app(scope, receive, send)
        elif scope["method"] == "HEAD":
            state = {**scope.get("state", {}), "method": "HEAD"}
            await self.app({**scope, "method": "GET", "state": state}, receive, _without_body(send))
        elif scope["method"] == "OPTIONS" and dict(scope["headers"]).keys() >= PREFLIGHT:
            await self.preflight(scope, receive, send)
        else:
            response = refusal(READ_ONLY, self.headers)
            if scope["method"] == "OPTIONS":
                response = Response(status_code=204, headers={"Allow": ALLOW})
                response.raw_headers.extend(self.headers)
            await response(scope, receive, send)


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
        elif not message.get("more_body"):
            await send({"type": "http.response.body", "body": b""})

    return send_head
