"""One snapshot a request: every part of its response is made from the same build: the newest, or the one that a cursor
is of. Where the build is damaged, nothing is answered but how the service is."""

import anyio.to_thread
from starlette.routing import get_route_path  # type: ignore[attr-defined] # the path without the prefix
from starlette.types import ASGIApp, Receive, Scope, Send

from app.db.base import DAMAGED
from app.errors import unavailable
from app.http.headers import Headers
from app.query.cursor import dataset_of
from app.query.snapshot import Snapshot, Snapshots

HEALTH = ("/healthz", "/readyz")


class SnapshotMiddleware:
    """Gives each request the newest snapshot, as `request.state.snapshot`. `common` are the headers that every response
    has."""

    def __init__(self, app: ASGIApp, snapshots: Snapshots, common: Headers) -> None:
        self.app = app
        self.snapshots = snapshots
        self.common = common
        self._renewing = anyio.CapacityLimiter(1)

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
        dataset = dataset_of(scope["query_string"])
        if dataset is not None:
            snapshot = await self._of(dataset) or snapshot
        scope.setdefault("state", {})["snapshot"] = snapshot
        await self.app(scope, receive, send)

    async def _of(self, dataset: str) -> Snapshot | None:
        """The snapshot that a cursor is of. Another process may have given it out of a newer build, which this one has
        not seen yet."""
        found = self.snapshots.of(dataset)
        if found is None:
            await anyio.to_thread.run_sync(self.snapshots.renew, limiter=self._renewing)
            found = self.snapshots.of(dataset)
        return found
