"""Snapshots: the open database and what is known of it, replaced when a newer build is published."""

import logging
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from app.db.base import Database, Session
from app.db.opening import open_database
from app.errors import Problem
from app.query.dataset import Dataset
from app.query.matching import Matcher
from app.settings import Settings

T = TypeVar("T")

CHECK_SECONDS = 1.0  # between two looks for a newer build
CLOSE_SECONDS = 5.0  # for a look that is under way to end

logger = logging.getLogger("shisaku")


@dataclass(frozen=True)
class Snapshot:
    """One build: every part of one answer comes from the same. `index` are the parts of its index that requests have
    loaded."""

    database: Database
    dataset: Dataset
    index: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def open(cls, settings: Settings, schema: str) -> "Snapshot":
        """The build that was published last. Raises Unusable if there is none of this schema."""
        database = open_database(settings, schema)
        return cls(database, database.query(Dataset.load))

    def matcher(self, session: Session) -> Matcher:
        return Matcher(self.index, self.dataset.vocabularies, session)

    async def run(self, work: Callable[[Matcher], T], *, light: bool = False) -> T:
        """Runs the work of a request: on a thread, or on the event loop if it takes less time than a switch to one."""
        if light and self.database.in_process:
            return self.database.query(lambda session: work(self.matcher(session)))
        return await self.database.run_in_thread(lambda session: work(self.matcher(session)))


class Snapshots:
    """Gives each request the newest usable snapshot. Raises Unusable at the start if there is none."""

    def __init__(self, settings: Settings, schema: str) -> None:
        self.settings = settings
        self.schema = schema
        self._current = Snapshot.open(settings, schema)
        self._checked = time.monotonic()
        self._refused: object = None
        self._in_process = self._current.database.in_process
        self._closed = threading.Event()
        self._watch = threading.Thread(target=_watch, args=(weakref.ref(self), self._closed), daemon=True)
        if not self._in_process:
            # To ask a server takes time that no request should wait.
            self._watch.start()

    def current(self) -> Snapshot:
        """The snapshot to answer from."""
        if self._in_process and time.monotonic() - self._checked > CHECK_SECONDS:
            self._checked = time.monotonic()
            self.renew()
        return self._current

    def close(self) -> None:
        """Ends the watch, and closes the connections of the current snapshot."""
        self._closed.set()
        if self._watch.is_alive():
            self._watch.join(CLOSE_SECONDS)  # a connection that it holds would outlive the pool
        self._current.database.close()

    def renew(self) -> None:
        """Opens a newer build if one was published."""
        try:
            newest = self._current.database.newest()
        except Problem:
            return
        if newest == self._current.database.identity:
            return
        try:
            self._current = Snapshot.open(self.settings, self.schema)
            logger.info("serving the new database, digest %s", self._current.dataset.version.digest)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the new build, the old one is good
            if newest != self._refused:  # it is tried again at each look, and logged once
                logger.warning("still serving the old database: %s", error)
            self._refused = newest


def _watch(reference: "weakref.ref[Snapshots]", closed: threading.Event) -> None:
    """Looks for newer builds as long as the snapshots are in use."""
    while not closed.wait(CHECK_SECONDS):
        snapshots = reference()
        if snapshots is None:
            return
        snapshots.renew()
        del snapshots
