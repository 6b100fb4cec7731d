"""Snapshots: the open database and what is known of it, replaced when a newer build is published, and not served when
its content is no longer what was built."""

import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, TypeVarTuple

from app.db.base import INTEGRITY, Database, Session, Unusable
from app.db.opening import open_database
from app.errors import Problem
from app.query.dataset import Dataset
from app.query.downloads import Verified
from app.query.searcher import Searcher
from app.settings import Settings

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

POLL_SECONDS = 1.0  # between two polls for a newer build
VERIFY_SECONDS = 60.0  # at least, between two comparisons of the content with its digest
INTERVAL_FACTOR = 50  # times as long as it took, until something is compared or tried again
PREVIOUS_SECONDS = 600.0  # for which the build before stays open, for clients that follow its cursors
CLOSE_SECONDS = 5.0  # for a poll that is under way to end

logger = logging.getLogger("shisaku")


@dataclass(frozen=True)
class Snapshot:
    """One build: every part of one answer comes from the same.

    `index` are the parts of its index that requests have loaded, and what they worked out of the build; `files` its
    downloads that were found whole. `damage` says what is wrong with its content, which is then not to be served; it is
    empty if nothing is. `opened` is when, in seconds since the epoch."""

    database: Database
    dataset: Dataset
    index: dict[str, Any] = field(default_factory=dict)
    files: Verified = field(default_factory=dict)
    damage: str = ""
    opened: float = field(default_factory=time.time)

    @classmethod
    def open(cls, settings: Settings, schema: str) -> "Snapshot":
        """The build that was published last. Raises Unusable if there is none of this schema, or it is damaged."""
        database = open_database(settings, schema)
        try:
            database.verify()
            return cls(database, database.query(Dataset.load))
        except BaseException:
            database.close()
            raise

    def searcher(self, session: Session) -> Searcher:
        return Searcher(self.dataset, self.index, session)

    async def run(self, work: Callable[[*Ts, Searcher], T], *args: *Ts, light: bool = False) -> T:
        """Runs work(*args, searcher): on a thread, or on the event loop if it takes less time than a switch to one."""
        if light and self.database.in_process:
            return self.database.query(lambda session: work(*args, self.searcher(session)))
        return await self.database.run_in_thread(lambda session: work(*args, self.searcher(session)))


# A context variable, since one MCP call makes several requests of the same application, beside those of others.
PINNED: ContextVar[Snapshot | None] = ContextVar("pinned", default=None)


class Snapshots:
    """Gives each request the newest usable snapshot. Raises Unusable at the start if there is none. A thread looks for
    newer builds and compares the content with its digest."""

    def __init__(self, settings: Settings, schema: str) -> None:
        self.settings = settings
        self.schema = schema
        started = time.monotonic()
        self._current = Snapshot.open(settings, schema)
        self._verify_at = _next(started)
        self._previous: Snapshot | None = None
        self._forget_at = 0.0
        self._refused: tuple[object, Exception] | None = None  # the identity of a newer build, and why it is not served
        self._retry_at = 0.0
        self._replacing = threading.Lock()  # the snapshots
        self._closed = threading.Event()
        self._watch = threading.Thread(target=_watch, args=(weakref.ref(self), self._closed), daemon=True)
        self._watch.start()

    @property
    def _open(self) -> list[Snapshot]:
        """The snapshots that requests may use, the current one first."""
        return [each for each in (self._current, self._previous) if each]

    def current(self) -> Snapshot:
        """The snapshot to answer from."""
        return PINNED.get() or self._current

    @contextmanager
    def pinned(self, dataset: str | None) -> Iterator[None]:
        """Has all requests that are made within answered from one snapshot, even if a newer build is published: that of
        the dataset whose digest begins so, where there is one."""
        token = PINNED.set((dataset and self.by_digest(dataset)) or self._current)
        try:
            yield
        finally:
            PINNED.reset(token)

    def by_digest(self, dataset: str) -> Snapshot | None:
        """The snapshot of the dataset whose digest begins so, which may be the one that was replaced last."""
        for snapshot in self._open:
            if snapshot.dataset.version.digest.startswith(dataset):
                return snapshot
        return None

    def close(self) -> None:
        """Ends the watch, and closes the connections."""
        self._closed.set()
        self._watch.join(CLOSE_SECONDS)  # a connection that it holds would outlive the pool
        for snapshot in self._open:
            snapshot.database.close()

    def check(self) -> None:
        """Raises Unusable unless the build that was published last is the one that is served, and undamaged."""
        if self._current.damage:
            raise Unusable(self._current.damage, INTEGRITY)
        self._current.database.check()
        newest = self._current.database.newest()
        if self._refused and self._refused[0] == newest and isinstance(self._refused[1], Unusable):
            raise Unusable(str(self._refused[1]), self._refused[1].check)

    def poll(self) -> None:
        """What the watch does from time to time."""
        self.renew()
        if time.monotonic() > self._verify_at:
            started = time.monotonic()
            for snapshot in self._open:
                self._verify(snapshot)
            self._verify_at = _next(started)
        with self._replacing:
            if time.monotonic() > self._forget_at:
                self._previous = None

    def renew(self, wait: float = -1) -> None:
        """Opens a newer build if one was published. Another thread that does so is waited for: so many seconds, or,
        with -1, as long as it takes."""
        if self._replacing.acquire(timeout=wait):
            try:
                self._renew()
            finally:
                self._replacing.release()

    def _renew(self) -> None:
        current = self._current
        try:
            newest = current.database.newest()
        except Problem:
            return
        if newest == current.database.identity:
            return
        if self._refused and self._refused[0] == newest and time.monotonic() < self._retry_at:
            return
        started = time.monotonic()
        try:
            opened = Snapshot.open(self.settings, self.schema)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the new build, the old one is good
            self._refuse(newest, error)
            self._retry_at = time.monotonic() + (time.monotonic() - started) * INTERVAL_FACTOR
            return
        self._current, self._verify_at, self._refused = opened, _next(started), None
        self._previous = None if current.damage or current.database.is_overwritten_by(newest) else current
        self._forget_at = time.monotonic() + PREVIOUS_SECONDS
        logger.info("serving the new database, digest %s", opened.dataset.version.digest)

    def _refuse(self, newest: object, error: Exception) -> None:
        known = self._refused is not None and self._refused[0] == newest
        self._refused = newest, error
        if self._current.database.is_overwritten_by(newest):
            self._set_damage(str(error))
        elif not known:  # it is tried again, and logged once
            logger.warning("still serving the old database: %s", error)

    def _verify(self, snapshot: Snapshot) -> None:
        """A build that is damaged is not served any more, and forgotten if it was replaced."""
        damage = ""
        try:
            snapshot.database.verify()
        except Unusable as error:
            damage = str(error)
        except Problem as problem:  # the database does not answer just now
            logger.warning("the content was not verified: %s", problem)
            return
        with self._replacing:  # it may have been replaced meanwhile
            if snapshot is self._current:
                self._set_damage(damage)
            elif snapshot is self._previous and damage:
                logger.error("the build before is served no more: %s", damage)
                self._previous = None

    def _set_damage(self, damage: str) -> None:
        if damage == self._current.damage:
            return
        if damage:
            logger.error("nothing is served: %s", damage)
        else:
            logger.info("the content is what was built again")
        self._current = replace(self._current, index={}, damage=damage)  # a new object, so that caches are emptied


def _next(started: float) -> float:
    """When to compare the content with its digest again, after it was begun at a time."""
    now = time.monotonic()
    return now + max(VERIFY_SECONDS, (now - started) * INTERVAL_FACTOR)


def _watch(reference: "weakref.ref[Snapshots]", closed: threading.Event) -> None:
    """Looks for newer builds as long as the snapshots are in use."""
    while not closed.wait(POLL_SECONDS):
        snapshots = reference()
        if snapshots is None:
            return
        try:
            snapshots.poll()
        except Exception:  # the next poll may succeed
            logger.exception("looking for a newer build failed")
        del snapshots
