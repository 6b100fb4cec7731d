"""One snapshot a request: every part of its response is made from the same build."""

from starlette.types import ASGIApp, Receive, Scope, Send

from app.query.snapshot import Snapshots


class SnapshotMiddleware:
    """Gives each request the newest snapshot, as `request.state.snapshot`."""

    def __init__(self, app: ASGIApp, snapshots: Snapshots) -> None:
        self.app = app
        self.snapshots = snapshots

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope.setdefault("state", {})["snapshot"] = self.snapshots.current()
        await self.app(scope, receive, send)
