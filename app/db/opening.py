"""Which database the settings name, and how it is opened; what is in it is not looked at."""

from app.db import Database, sqlite
from app.settings import Settings


def opened(settings: Settings) -> Database:
    """The database that was built last. Raises Unusable when there is none."""
    return sqlite.File(settings)


def usable(settings: Settings) -> None:
    """Raises Unusable unless the database is there, whole, and of the tables that this code declares."""
    sqlite.usable(settings.database)


def identity(settings: Settings) -> object:
    """What tells one build from the next; None when there is none."""
    return sqlite.identity(settings.database)
