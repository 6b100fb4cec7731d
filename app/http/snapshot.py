"""One snapshot a request: every part of its response is made from the same build: the newest, or the one that a cursor
is of. Where the build is damaged, only health checks are answered."""

from collections.abc import Callable
from functools import partial

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.db.base import DAMAGED
from app.errors import Problem, unavailable
from app.http.headers import is_health
from app.query.cursor import dataset_of
from app.query.snapshot import Snapshot, Snapshots

RENEW_SECONDS = 2.0  # for which a request waits for the build that its cursor is of


class SnapshotMiddleware:
    """Gives each request its snapshot, as `request.state.snapshot`; `refused` makes the response of an error."""

    def __init__(self, app: ASGIApp, snapshots: Snapshots, refused: Callable[[Request, Problem], Response]) -> None:
        self.app = app
        self.snapshots = snapshots
        self.refused = refused
        self._renewing = anyio.CapacityLimiter(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        snapshot = self.snapshots.current()
        if snapshot.damage and not is_health(scope["path"], self.snapshots.settings.prefix):
            scope.setdefault("state", {})["snapshot"] = snapshot  # what a page says of the service was read before
            await self.refused(Request(scope), unavailable(DAMAGED, 60))(scope, receive, send)
            return
        dataset = dataset_of(scope["query_string"])
        if dataset is not None:
            snapshot = await self._of(dataset) or snapshot
        scope.setdefault("state", {})["snapshot"] = snapshot
        await self.app(scope, receive, send)

    async def _of(self, dataset: str) -> Snapshot | None:
        """The snapshot that a cursor is of. Another process may have given it out of a newer build, which this one has
        not seen yet."""
        found = self.snapshots.by_digest(dataset)
        if found is None:
            renew = partial(self.snapshots.renew, RENEW_SECONDS)
            with anyio.move_on_after(RENEW_SECONDS):
                await anyio.to_thread.run_sync(renew, limiter=self._renewing, abandon_on_cancel=True)
            found = self.snapshots.by_digest(dataset)
        return found
