"""A schema of a PostgreSQL database, read by read-only sessions of a SQLAlchemy engine.

Each build is a schema of its own, such as `shisaku_000007_4032a4391903d205`; the newest is the one in service.
"""

import logging
import re
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import psycopg
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    create_engine,
    select,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlmodel import col

from app.db.base import DOWNLOAD_THREADS, Database, Session, Statement, Unusable, too_slow
from app.db.tables import SCHEMA_NAME, ServingValue
from app.errors import unavailable
from app.settings import Settings

T = TypeVar("T")

logger = logging.getLogger("shisaku")

PUBLISHED = re.compile(r"shisaku_(\d{6,})_[0-9a-f]{16}")
NEWEST = text(
    "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname ~ '^shisaku_[0-9]{6,}_[0-9a-f]{16}$'"
    " ORDER BY pg_catalog.split_part(nspname, '_', 2)::bigint DESC"
)
SCHEMA = select(col(ServingValue.data)).where(col(ServingValue.name) == SCHEMA_NAME)

# The complete downloads, in chunks: a machine that serves may be another than the one that built.
FILES = Table(
    "serving_file",
    MetaData(),
    Column("name", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
CHUNK = 1 << 20  # bytes
FILE_CHUNK = Statement(
    select(FILES.c.data).where(FILES.c.name == bindparam("name"), FILES.c.position == bindparam("position"))
)

# A connection that nothing comes from is known to be lost within half a minute.
CONNECT_ARGS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "application_name": "shisaku",
}
NONCHARACTER = "\ufffe"  # stands in no text of ours; NUL, which the server refuses, stands in none either

GONE = "The database cannot be reached just now. Try again shortly."
REPLACED = "The data was replaced while this was asked. Try again."
NOT_FETCHED = "The file cannot be brought from the database just now; the log says more."
MEND = "Check SHISAKU_DATABASE_URL, and that the server runs."


def engine_of(url: URL, *, pool_size: int = 1, **session: str) -> Engine:
    """An engine whose sessions have these server settings. Connections are tested before use, and renewed."""
    options = " ".join([str(url.query.get("options", "")), *(f"-c {name}={value}" for name, value in session.items())])
    return create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_pre_ping=True,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        connect_args={**CONNECT_ARGS, "options": options.strip()},
    )


class PostgresDatabase(Database):
    """One published schema. Raises Unusable if there is none of this code's schema."""

    in_process = False

    def __init__(self, settings: Settings, schema: str) -> None:
        super().__init__(settings)
        self._url = url_of(settings)
        self.identity = check_usable(settings, schema)
        self._engine = engine_of(
            self._url,
            pool_size=settings.threads + DOWNLOAD_THREADS + 2,  # for files, and for the look for newer builds
            search_path=str(self.identity),
            default_transaction_read_only="on",
            statement_timeout=str(round(settings.deadline_seconds * 1_000)),
        )
        self._lost = False
        # A replaced schema's connections are closed once the last request that uses them has ended.
        weakref.finalize(self, self._engine.dispose)

    def query(self, work: Callable[[Session], T]) -> T:
        with self._connection() as connection:
            return work(Session(partial(_execute, connection), self._seconds))

    def newest(self) -> object:
        with self._connection() as connection:
            found = published(connection)
        return found[0] if found else None

    async def fetch_file(self, name: str, path: Path, sha256: str) -> bool:
        return await anyio.to_thread.run_sync(self._fetch_file, name, path, sha256, limiter=self.file_thread)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """A connection of the pool. What goes wrong with it is a 503 Problem."""
        try:
            with self._engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            cause = error.orig
            if isinstance(cause, psycopg.errors.QueryCanceled):
                raise too_slow(self._seconds) from error
            if isinstance(cause, psycopg.errors.UndefinedTable):
                raise unavailable(REPLACED, 1) from error
            if not isinstance(cause, psycopg.OperationalError):
                raise
            if not self._lost:
                logger.warning("%s: the database cannot be reached: %s", shown(self._url), reason(cause))
            self._lost = True
            raise unavailable(GONE, 5) from error
        if self._lost:
            logger.info("%s: the database answers again", shown(self._url))
        self._lost = False

    def _fetch_file(self, name: str, path: Path, digest: str) -> bool:
        try:
            if not (path.is_file() and _sha256(path) == digest):  # another request may have fetched it meanwhile
                self._write_file(name, path, digest)
        except OSError as error:
            logger.warning("%s: %s", path, error.strerror)
            raise unavailable(NOT_FETCHED, 60) from error
        return True

    def _write_file(self, name: str, path: Path, digest: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".", suffix=".fetching", dir=path.parent) as folder:
            fetched = Path(folder) / name
            with fetched.open("wb") as file:
                position = 1
                while chunk := self.query(partial(_file_chunk, name, position)):
                    file.write(chunk[0][0])
                    position += 1
            if _sha256(fetched) != digest:
                logger.warning("%s: %s is damaged in the database", shown(self._url), name)
                raise unavailable(NOT_FETCHED, 60)
            fetched.replace(path)


def _file_chunk(name: str, position: int, session: Session) -> Sequence[tuple[Any, ...]]:
    return session.query(FILE_CHUNK, name=name, position=position)


def _execute(connection: Connection, statement: Statement, values: dict[str, Any]) -> Sequence[tuple[Any, ...]]:
    bound = {
        name: value.replace("\0", NONCHARACTER) if isinstance(value, str) else value for name, value in values.items()
    }
    return [tuple(row) for row in connection.execute(statement.select, bound)]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def url_of(settings: Settings) -> URL:
    """The address of the database, which the settings must have."""
    assert settings.database_url is not None  # noqa: S101 - narrows the type
    return make_url(settings.database_url.get_secret_value())


def shown(url: URL) -> str:
    """The database in words, without user and password."""
    host = url.host or url.query.get("host") or "localhost"
    return f"{host}{f':{url.port}' if url.port else ''}/{url.database or ''}"


def reason(error: psycopg.Error) -> str:
    """What the server or the driver says is wrong, in one line."""
    line = error.diag.message_primary or str(error).partition("\n")[0]
    return re.sub(r"^.*(?:failed: |FATAL:  )", "", line).strip().rstrip(".")


def unreachable(url: URL, error: DBAPIError) -> Unusable:
    """What an operator is told when no connection can be made."""
    assert isinstance(error.orig, psycopg.Error)  # noqa: S101 - narrows the type; the address names no other driver
    return Unusable(f"{shown(url)}: the database cannot be reached: {reason(error.orig)}. {MEND}")


def published(connection: Connection) -> list[str]:
    """The schemas that builds have published, the newest first."""
    return list(connection.execute(NEWEST).scalars())


def check_usable(settings: Settings, schema: str) -> str:
    """The newest published schema. Raises Unusable unless it is there, of this code's schema, and may be read."""
    url = url_of(settings)
    engine = engine_of(url, default_transaction_read_only="on")
    try:
        with engine.connect() as connection:
            names = published(connection)
            if not names:
                raise Unusable(f"{shown(url)}: nothing was built here. Run `shisaku build`.")
            newest = connection.execution_options(schema_translate_map={None: names[0]})
            found = newest.execute(SCHEMA).scalars().all()
    except ProgrammingError as error:
        if isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
            why = f"the role may not read what was built: {reason(error.orig)}"
            raise Unusable(f"{shown(url)}: {why}. Grant it USAGE and SELECT, as the README says.") from error
        found = []  # the newest build is of a version that had no such table
    except DBAPIError as error:
        raise unreachable(url, error) from error
    finally:
        engine.dispose()
    if found != [schema.encode()]:
        why = "what was built here is of another version, with other tables"
        raise Unusable(f"{shown(url)}: {why}. Run `shisaku build`.")
    return names[0]
