"""Refusals before the application: what the server's protocol found wrong with a request, and requests of connections
beyond the bound, but for the health of the service."""

from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import BUSY, Problem, unavailable
from app.http.headers import Headers, refusal

HEALTH = ("/healthz", "/readyz")
CROWDED = unavailable(BUSY, 1)


class RefusalsMiddleware:
    """Answers a request whose state has a Problem, or says that there are too many connections."""

    def __init__(self, app: ASGIApp, common: Headers) -> None:
        self.app = app
        self.common = common

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope.get("state", {})
        problem: Problem | None = state.get("problem")
        if problem is None and "crowded" in state and not scope["path"].endswith(HEALTH):
            problem = CROWDED
        if problem is None:
            await self.app(scope, receive, send)
        else:
            await refusal(problem, self.common, close=True)(scope, receive, send)
