"""Which database the settings name, and how it is opened."""

from app.db import sqlite
from app.db.base import Database
from app.settings import Settings


def open_database(settings: Settings, schema: str) -> Database:
    """The build that was published last. Raises Unusable if there is none of this schema."""
    if settings.database_url is None:
        return sqlite.SqliteDatabase(settings, schema)
    # Imports the driver of PostgreSQL, which a service over a file does not need.
    from app.db import postgres

    return postgres.PostgresDatabase(settings, schema)


def check_usable(settings: Settings, schema: str) -> None:
    """Raises Unusable unless the database is there, complete, and of this schema."""
    if settings.database_url is None:
        sqlite.check_usable(settings.database, schema)
    else:
        from app.db import postgres  # as above

        postgres.check_usable(settings, schema)
