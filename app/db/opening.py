"""Which database the settings name."""

from app.db.base import Database
from app.db.sqlite import SqliteDatabase
from app.settings import Settings


def open_database(settings: Settings, schema: str) -> Database:
    """The build that was published last. Raises Unusable if there is none of this schema."""
    if settings.database_url is None:
        return SqliteDatabase(settings, schema)
    # Imports the driver of PostgreSQL, which a service over a file does not need.
    from app.db.postgres import PostgresDatabase

    return PostgresDatabase(settings, schema)
