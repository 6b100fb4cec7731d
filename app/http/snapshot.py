"""One snapshot a request: every part of its response is made from the same build. Where the build is damaged, nothing
is answered but how the service is."""

from starlette.routing import get_route_path  # type: ignore[attr-defined] # the path without the prefix
from starlette.types import ASGIApp, Receive, Scope, Send

from app.db.base import DAMAGED
from app.errors import unavailable
from app.http.headers import Headers
from app.query.snapshot import Snapshots

HEALTH = ("/healthz", "/readyz")


class SnapshotMiddleware:
    """Gives each request the newest snapshot, as `request.state.snapshot`. `common` are the headers that every response
    has."""

    def __init__(self, app: ASGIApp, snapshots: Snapshots, common: Headers) -> None:
        self.app = app
        self.snapshots = snapshots
        self.common = common

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        snapshot = self.snapshots.current()
        if snapshot.damage and get_route_path(scope) not in HEALTH:
            response = unavailable(DAMAGED, 60).response()
            response.raw_headers.extend(self.common)
            await response(scope, receive, send)
            return
        scope.setdefault("state", {})["snapshot"] = snapshot
        await self.app(scope, receive, send)
