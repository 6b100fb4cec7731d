"""Service: the open database and what is known of it, renewed when another build is published; it answers nothing."""

import logging
import threading
import time
import weakref
from dataclasses import dataclass

from app.db import Database
from app.db.opening import opened
from app.errors import Problem
from app.reading.dataset import Dataset, load
from app.reading.sets import Sets
from app.settings import Settings

LOOK_EVERY = 1.0  # seconds between two looks for another build

logger = logging.getLogger("shisaku")


@dataclass(frozen=True)
class Snapshot:
    """One built database: every part of one answer comes from the same."""

    database: Database
    dataset: Dataset
    sets: Sets


class Service:
    """Gives each request the newest usable snapshot. Raises Unusable at the start when there is none."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._snapshot = _open(settings)
        self._looked = time.monotonic()
        self._refused: object = None
        self._near = self._snapshot.database.near
        if not self._near:
            threading.Thread(target=_watch, args=(weakref.ref(self),), name="watch", daemon=True).start()

    def now(self) -> Snapshot:
        """The snapshot to answer from."""
        if self._near and time.monotonic() - self._looked > LOOK_EVERY:
            self._looked = time.monotonic()
            self.renew()
        return self._snapshot

    def renew(self) -> None:
        """Takes another build when one was published."""
        try:
            found = self._snapshot.database.newest()
        except Problem:
            return
        if found == self._snapshot.database.identity:
            return
        try:
            # The old connections close when the last answer made from them is done.
            self._snapshot = _open(self.settings)
            logger.info("serving the new database, digest %s", self._snapshot.dataset.version.digest)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the new one, the old one is good
            if found != self._refused:  # it is tried again at each look, and told of once
                logger.warning("still serving the old database: %s", error)
            self._refused = found


def _watch(watched: "weakref.ref[Service]") -> None:
    """Looks for another build of a database that is far: nobody who asks waits for it, and it ends with the service."""
    while True:
        time.sleep(LOOK_EVERY)
        service = watched()
        if service is None:
            return
        service.renew()
        del service


def _open(settings: Settings) -> Snapshot:
    database = opened(settings)
    dataset = database.ask(load)
    return Snapshot(database, dataset, Sets(database.learn, dataset.vocabularies))
