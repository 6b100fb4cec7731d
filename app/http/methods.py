"""Methods: HEAD is GET without the body, OPTIONS lists what is allowed, and everything else is refused with 405."""

from starlette.datastructures import Headers as StarletteHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Problem

METHODS = ("GET", "HEAD", "OPTIONS")
ALLOW = ", ".join(METHODS)
READ_ONLY = Problem(405, f"This service is read-only: use {ALLOW}.", headers={"Allow": ALLOW})


class MethodsMiddleware:
    """Passes on GET, and HEAD as GET (`state.method` keeps the original). CORS preflight requests are answered by
    Starlette's middleware, which sees no other request: it would add `Vary: Origin` to every response, though none
    depends on the origin, and shared caches would keep one copy for each."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
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
            try:
                await self.app(inner, receive, _without_body(send))
            finally:
                scope["route"] = inner.get("route")  # which the request is counted by, and whose errors may be pages
        elif scope["method"] != "OPTIONS":
            await READ_ONLY.response()(scope, receive, send)
        elif _is_preflight(StarletteHeaders(scope=scope)):
            await self.preflight(scope, receive, send)
        else:
            await Response(status_code=204, headers={"Allow": ALLOW})(scope, receive, send)


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
