"""Service: the open database and what is known of it, renewed when a build replaces the file; it answers nothing."""

import logging
import time
from dataclasses import dataclass

from app.db import Database
from app.db.opening import identity, opened
from app.reading.dataset import Dataset, load
from app.reading.sets import Sets
from app.settings import Settings

LOOK_EVERY = 1.0  # seconds between two looks at the file

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

    def now(self) -> Snapshot:
        """The snapshot to answer from."""
        if time.monotonic() - self._looked > LOOK_EVERY:
            self._looked = time.monotonic()
            self._renew()
        return self._snapshot

    def _renew(self) -> None:
        found = identity(self.settings)
        if found in (self._snapshot.database.identity, self._refused):
            return
        try:
            # The old connections close when the last answer made from them is done.
            self._snapshot = _open(self.settings)
            logger.info("serving the new database, digest %s", self._snapshot.dataset.version.digest)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the new one, the old one is good
            self._refused = found
            logger.warning("still serving the old database: %s", error)


def _open(settings: Settings) -> Snapshot:
    database = opened(settings)
    dataset = database.ask(load)
    return Snapshot(database, dataset, Sets(database.learn, dataset.vocabularies))
