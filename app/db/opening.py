"""Which database the settings name, and how it is opened; what is in it is not looked at."""

from app.db import Database, sqlite
from app.settings import Settings


def opened(settings: Settings) -> Database:
    """The database that was built last. Raises Unusable when there is none."""
    if settings.database_url is None:
        return sqlite.File(settings)
    from app.db import postgres  # brings what a file does not need

    return postgres.Schema(settings)


def usable(settings: Settings) -> None:
    """Raises Unusable unless the database is there, whole, and of the tables that this code declares."""
    if settings.database_url is None:
        sqlite.usable(settings.database)
        return
    from app.db import postgres

    postgres.usable(settings)
