"""Methods: HEAD is GET without the body, OPTIONS lists what is allowed, and everything else is refused with 405."""

from starlette.datastructures import Headers as StarletteHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Problem
from app.http.headers import Headers, refusal

METHODS = ("GET", "HEAD", "OPTIONS")
ALLOW = ", ".join(METHODS)
READ_ONLY = Problem(405, f"This service is read-only: use {ALLOW}.", headers={"Allow": ALLOW})


class MethodsMiddleware:
    """Passes on GET, and HEAD as GET (`state.method` keeps the original). CORS preflight requests are answered by
    Starlette's middleware, which sees no other request: it would add `Vary: Origin` to every response, though none
    depends on the origin, and shared caches would keep one copy for each."""

    def __init__(self, app: ASGIApp, headers: Headers) -> None:
        self.app = app
        self.headers = headers
        self.preflight = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=METHODS,
            allow_headers=["*"],
            allow_private_network=True,  # for a service within a network, whose data are as public
            max_age=86_400,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] == "GET":
            await self.app(scope, receive, send)
        elif scope["method"] == "HEAD":
            scope.setdefault("state", {})["method"] = "HEAD"
            inner = {**scope, "method": "GET"}
            await self.app(inner, receive, _without_body(send))
            scope["route"] = inner.get("route")  # by which the request is counted
        elif scope["method"] == "OPTIONS" and _is_preflight(StarletteHeaders(scope=scope)):
            await self.preflight(scope, receive, self._with_headers(send))
        else:
            response = refusal(READ_ONLY, self.headers)
            if scope["method"] == "OPTIONS":
                response = Response(status_code=204, headers={"Allow": ALLOW})
                response.raw_headers.extend(self.headers)
            await response(scope, receive, send)

    def _with_headers(self, send: Send) -> Send:
        """Adds the common headers that the response has not."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                common = [(name, value) for name, value in self.headers if name not in own]
                message = {**message, "headers": [*message["headers"], *common]}
            await send(message)

        return send_with_headers


def _is_preflight(headers: StarletteHeaders) -> bool:
    """Whether these are the headers of a CORS preflight request for a method that is allowed: read as Starlette's
    middleware reads them, which answers 400 to others."""
    return "origin" in headers and headers.get("access-control-request-method") in METHODS


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
        elif not message.get("more_body"):
            await send({"type": "http.response.body", "body": b""})

    return send_head
