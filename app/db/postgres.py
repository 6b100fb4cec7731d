"""A schema of a PostgreSQL database, read by read-only sessions of a SQLAlchemy engine.

Each build is a schema of its own, such as `shisaku_000007_4032a4391903d205`; the newest is the one in service.
"""

import json
import logging
import re
import threading
import time
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
from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, Table, Text, bindparam, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, ProgrammingError

from app.db.base import DAMAGED, DOWNLOAD_THREADS, INTEGRITY, VALUE, Database, Session, Statement, Unusable, too_slow
from app.db.postgres_engine import CONNECT_ARGS, engine_of, reason, shown, time_left, url_of, within
from app.db.tables import CHECKSUMS_NAME, SCHEMA_NAME, SERVING_TABLES, SERVING_VALUE
from app.errors import Problem, unavailable
from app.settings import Settings

T = TypeVar("T")

logger = logging.getLogger("shisaku")

PUBLISHED = re.compile(r"shisaku_(\d{6,})_[0-9a-f]{16}")
NEWEST = text(
    "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname ~ '^shisaku_[0-9]{6,}_[0-9a-f]{16}$'"
    " ORDER BY pg_catalog.split_part(nspname, '_', 2)::bigint DESC"
)

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

# How many rows a table has, and the sum of a part of the digest of each: the order of the rows makes no difference.
CHECKSUM = (
    "SELECT count(*) || '/' || coalesce(sum(('x' || encode(substr(sha256(convert_to(row::text, 'UTF8')), 1, 8), 'hex'))"
    "::bit(64)::bigint), 0) FROM {table} AS row {where}"
)
CHECKED = (*(each.name for each in SERVING_TABLES if each is not SERVING_VALUE), FILES.name)
VERIFY_LIMIT_SECONDS = 600.0  # for the server to read everything

GRACE = 0.5  # s that the server is given to stop a statement by itself
READY_SECONDS = 2.0  # for what is asked to tell whether the service is ready
SILENT_SECONDS = 1.0  # for which a server that did not answer is not asked again

NONCHARACTER = "\ufffe"  # sent in place of NUL, which the server refuses: no text here holds either

MISSING = "What this was to be read from was replaced or taken away. Try again."
DENIED = "The service may not read its data just now. Try again later."
FULL = "The database has no room for what this takes just now. Try again later."
GONE = "The database cannot be reached just now. Try again shortly."
NOT_FETCHED = "The file cannot be brought from the database just now; the log says more."
MEND = "Check SHISAKU_DATABASE_URL, and that the server runs."
REBUILD = "Run `shisaku build`."
GRANT = "Grant it USAGE and SELECT, as the README says."

UNFOUND = (
    "the tables that are served are not to be found: a newer build replaced them, somebody renamed or removed the "
    "schema, or the right to use it was revoked"
)

# Errors of the driver: the message of the log, the client's, and its Retry-After in seconds.
CORRUPTED = (psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted, psycopg.errors.InternalError_)
FAULTS: tuple[tuple[tuple[type[psycopg.Error], ...], str, str, int], ...] = (
    ((psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName), UNFOUND, MISSING, 1),
    ((psycopg.errors.InsufficientPrivilege,), "what was built may not be read", DENIED, 5),
    (CORRUPTED, "the database is damaged", DAMAGED, 60),
    ((psycopg.errors.DiskFull, psycopg.errors.OutOfMemory), "the server has no room", FULL, 60),
    ((psycopg.OperationalError, psycopg.InterfaceError), "the database cannot be reached", GONE, 5),
)


class PostgresDatabase(Database):
    """One published schema. Raises Unusable if there is none of this code's schema."""

    in_process = False

    def __init__(self, settings: Settings, schema: str) -> None:
        super().__init__(settings, schema)
        self._url = url_of(settings)
        self.identity = _newest_schema(self._url, schema)
        self._engine = engine_of(
            self._url,
            pool_size=settings.threads + DOWNLOAD_THREADS + 3,  # for files, the look for newer builds, and readiness
            search_path=str(self.identity),
            default_transaction_read_only="on",
            statement_timeout=str(round(settings.deadline_seconds * 1_000)),
        )
        self._lost = False
        self._silent_until = 0.0
        self._checking = threading.Lock()
        # A replaced schema's connections are closed once the last request that uses them has ended.
        weakref.finalize(self, self._engine.dispose)

    def query(self, work: Callable[[Session], T]) -> T:
        with self._connection(self._seconds) as connection:
            return work(Session(partial(_execute, connection), self._seconds))

    def newest(self) -> object:
        with self._connection(READY_SECONDS) as connection:
            found = published(connection)
        return found[0] if found else None

    def check(self) -> None:
        if not self._checking.acquire(timeout=READY_SECONDS):
            raise Unusable(f"{shown(self._url)}: the database does not answer. {MEND}", "connection")
        try:
            with self._connection(READY_SECONDS) as connection:
                _newest_usable(connection, self._url, self._schema)
        except Problem as problem:
            raise Unusable(f"{shown(self._url)}: {problem}", "connection") from problem
        finally:
            self._checking.release()

    def verify(self) -> None:
        limit = str(round(VERIFY_LIMIT_SECONDS * 1_000))
        engine = engine_of(
            self._url, search_path=str(self.identity), default_transaction_read_only="on", statement_timeout=limit
        )
        kept: Sequence[bytes] = []
        try:
            with self._answering(VERIFY_LIMIT_SECONDS), engine.connect() as connection:
                kept = connection.execute(VALUE.select, {"name": CHECKSUMS_NAME}).scalars().all()
                found = checksums(connection)
        except Problem as problem:
            cause = problem.__cause__
            if not (isinstance(cause, DBAPIError) and isinstance(cause.orig, CORRUPTED)):
                raise
            found = b""  # what cannot be read is not what was built
        finally:
            engine.dispose()
        if kept != [found]:
            name = f"{shown(self._url)}, schema {self.identity}"
            raise Unusable(f"{name}: the content is not what was built: it is damaged. {REBUILD}", INTEGRITY)

    async def fetch_file(self, name: str, path: Path, sha256: str) -> bool:
        return await anyio.to_thread.run_sync(self._fetch_file, name, path, sha256, limiter=self.file_thread)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _connection(self, seconds: float) -> Iterator[Connection]:
        """A connection of the pool, for so long. What goes wrong with it is a 503 Problem."""
        with self._answering(seconds), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _answering(self, seconds: float) -> Iterator[None]:
        """Bounds the wait for the server. Its errors become 503 Problems; only the first of several is logged."""
        if time.monotonic() < self._silent_until:
            raise unavailable(GONE, 5)
        try:
            with within(seconds + GRACE):
                try:
                    yield
                except DBAPIError:
                    if time_left() == 0:  # others need not wait as long to learn it
                        self._silent_until = time.monotonic() + SILENT_SECONDS
                    raise
        except DBAPIError as error:
            cause = error.orig
            if isinstance(cause, psycopg.errors.QueryCanceled):
                raise too_slow(seconds) from error
            for kinds, what, detail, retry_after in FAULTS:
                if isinstance(cause, kinds):
                    assert isinstance(cause, psycopg.Error)  # noqa: S101 - narrows the type
                    if not self._lost:
                        logger.warning("%s: %s: %s", shown(self._url), what, reason(cause))
                    self._lost = True
                    raise unavailable(detail, retry_after) from error
            raise
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
        name: [_sendable(each) for each in value] if isinstance(value, list) else _sendable(value)
        for name, value in values.items()
    }
    return [tuple(row) for row in connection.execute(statement.select, bound)]


def _sendable(value: Any) -> Any:
    return value.replace("\0", NONCHARACTER) if isinstance(value, str) else value


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def unreachable(url: URL, error: DBAPIError) -> Unusable:
    """What an operator is told when no connection can be made."""
    assert isinstance(error.orig, psycopg.Error)  # noqa: S101 - narrows the type; the address names no other driver
    return Unusable(f"{shown(url)}: the database cannot be reached: {reason(error.orig)}. {MEND}")


def published(connection: Connection) -> list[str]:
    """The schemas that builds have published, the newest first."""
    return list(connection.execute(NEWEST).scalars())


def checksums(connection: Connection) -> bytes:
    """The checksums of the tables that are served, as JSON. The server computes them."""
    connection.execute(text("SET bytea_output = 'hex'"))  # of which the checksums are made
    conditions = {**dict.fromkeys(CHECKED, ""), SERVING_VALUE.name: f"WHERE name <> '{CHECKSUMS_NAME}'"}
    statements = {name: text(CHECKSUM.format(table=name, where=where)) for name, where in conditions.items()}
    return json.dumps({name: connection.execute(each).scalar_one() for name, each in statements.items()}).encode()


def _newest_schema(url: URL, schema: str) -> str:
    """The newest published schema. Raises Unusable unless it is there, of this code's schema, and may be read."""
    engine = engine_of(url, default_transaction_read_only="on")
    try:
        with within(READY_SECONDS + CONNECT_ARGS["connect_timeout"]), engine.connect() as connection:
            return _newest_usable(connection, url, schema)
    except DBAPIError as error:
        raise unreachable(url, error) from error
    finally:
        engine.dispose()


def _newest_usable(connection: Connection, url: URL, schema: str) -> str:
    """The newest published schema, as `_newest_schema` gives it."""
    names = published(connection)
    if not names:
        raise Unusable(f"{shown(url)}: nothing was built here. {REBUILD}")
    try:
        newest = connection.execution_options(schema_translate_map={None: names[0]})
        found = newest.execute(VALUE.select, {"name": SCHEMA_NAME}).scalars().all()
    except ProgrammingError as error:
        if isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
            why = f"the role may not read what was built: {reason(error.orig)}"
            raise Unusable(f"{shown(url)}: {why}. {GRANT}", "rights") from error
        found = []  # the newest build is of a version that had no such table
    if found != [schema.encode()]:
        why = "what was built here is of another version, with other tables"
        raise Unusable(f"{shown(url)}: {why}. {REBUILD}")
    return names[0]
