"""PostgreSQL: how it is reached and which of its schemas is published; no statement of a question stands here."""

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.engine import URL, make_url

from app.db import Unusable
from app.settings import Settings

if TYPE_CHECKING:
    import psycopg

# Each build is a schema of its own, and the newest of these is the one in service.
PUBLISHED = re.compile(r"shisaku_(\d{6,})_[0-9a-f]{16}")
NEWEST = (
    "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname ~ '^shisaku_[0-9]{6,}_[0-9a-f]{16}$'"
    " ORDER BY pg_catalog.split_part(nspname, '_', 2)::bigint DESC"
)

# The downloads of the whole, piece by piece: a machine that serves may be another than the one that built.
FILES = Table(
    "file",
    MetaData(),
    Column("name", Text, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("bytes", LargeBinary, nullable=False),
)
CHUNK = 1 << 20  # bytes of a piece

# A connection that nothing comes from is known to be lost within half a minute.
PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "application_name": "shisaku",
}


def url_of(settings: Settings) -> URL:
    """Where the database is; there must be a setting that says so."""
    assert settings.database_url is not None  # noqa: S101 - narrows the type; without it nothing here is called
    return make_url(settings.database_url.get_secret_value())


def shown(url: URL) -> str:
    """The database in words, without user and secret."""
    host = url.host or url.query.get("host") or "localhost"
    return f"{host}{f':{url.port}' if url.port else ''}/{url.database or ''}"


def connect(url: URL, **session: str) -> "psycopg.Connection[Any]":
    """A connection outside any transaction, whose session has these settings. Raises Unusable in a plain sentence."""
    import psycopg

    told = url.translate_connect_args(username="user", database="dbname") | dict(url.query)
    options = " ".join([told.pop("options", ""), *(f"-c {name}={value}" for name, value in session.items())])
    try:
        return psycopg.connect(**{**PATIENCE, **told}, options=options.strip(), autocommit=True)
    except psycopg.Error as error:
        mend = "Check SHISAKU_DATABASE_URL, and that the server runs."
        raise Unusable(f"{shown(url)}: the database cannot be reached: {reason(error)}. {mend}") from error


def reason(error: "psycopg.Error") -> str:
    """What the server or the driver says is wrong, in one line."""
    line = error.diag.message_primary or str(error).partition("\n")[0]
    return re.sub(r"^.*(?:failed: |FATAL:  )", "", line).strip().rstrip(".")


def published(connection: "psycopg.Connection[Any]") -> list[str]:
    """The schemas that builds have published, the newest first."""
    return [name for (name,) in connection.execute(NEWEST)]
