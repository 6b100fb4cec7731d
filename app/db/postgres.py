"""PostgreSQL behind the door: the newest published schema, read-only, on connections that are made anew when they are
lost; it never writes, and nothing imports the driver that does not ask for it."""

import logging
import re
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from queue import Empty, LifoQueue
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.to_thread
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, Text, bindparam, select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from app.db import Among, Database, Holds, Rows, Statement, Unusable, too_slow
from app.errors import Problem
from app.facts.tables import schema
from app.settings import Settings

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

logger = logging.getLogger("shisaku")

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
PIECE = Statement(select(FILES.c.bytes).where(FILES.c.name == bindparam("name"), FILES.c.place == bindparam("place")))

# A connection that nothing comes from is known to be lost within half a minute.
PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "application_name": "shisaku",
}
DIALECT = PGDialect_psycopg(paramstyle="pyformat")  # type: ignore[no-untyped-call]
NOWHERE = "\ufffe"  # no text holds it, as none holds NUL, which the server refuses to be asked for

GONE = "The database cannot be reached just now. Try again shortly."
REPLACED = "The data was replaced while this was asked. Try again."
NOT_BROUGHT = "The file cannot be brought from the database just now; the log says more."
MEND = "Check SHISAKU_DATABASE_URL, and that the server runs."


@compiles(Among, "postgresql")
def _in_postgres(element: Among, compiler: SQLCompiler, **kw: Any) -> str:
    listed = (
        f"{compiler.process(element.values, **kw)}::{compiler.dialect.type_compiler.process(element.column.type)}[]"
    )
    return f"{compiler.process(element.column, **kw)} = ANY ({listed})"


@compiles(Holds, "postgresql")
def _held_in_postgres(element: Holds, compiler: SQLCompiler, **kw: Any) -> str:
    return f"strpos({compiler.process(element.column, **kw)}, {compiler.process(element.words, **kw)}) > 0"


class Schema(Database):
    """Connections to one published schema, made when they are needed and kept: a build that is published later never
    mixes into the answers of this one."""

    near = False

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._url = url_of(settings)
        self.identity = usable(settings)
        self._bringing = anyio.CapacityLimiter(1)
        self._brought: set[str] = set()
        self._lost = False
        # No more are ever made than questions that run at the same time, and one for what each of them learns.
        self._idle: LifoQueue[psycopg.Connection[Any]] = LifoQueue()
        # The queue knows nothing of this object, so that the last answer made from an old schema closes it.
        weakref.finalize(self, _close, self._idle)

    def ask(self, question: Callable[[Rows], T]) -> T:
        begun = time.monotonic()  # asked again, it has no longer
        return self._healing(lambda connection: question(Rows(partial(_run, connection), self._deadline, begun)))

    def learn(self, statement: Statement, /, **values: Any) -> Sequence[tuple[Any, ...]]:
        def run(connection: "psycopg.Connection[Any]") -> Sequence[tuple[Any, ...]]:
            with connection.transaction():
                connection.execute("SET LOCAL statement_timeout = 0")
                return _run(connection, statement, values)

        return self._healing(run)

    def newest(self) -> object:
        found = self._healing(published)
        return found[0] if found else None

    async def bring(self, name: str, path: Path, digest: str) -> bool:
        return await anyio.to_thread.run_sync(self._bring, name, path, digest, limiter=self._bringing)

    def close(self) -> None:
        _close(self._idle)

    def _healing(self, run: Callable[["psycopg.Connection[Any]"], T]) -> T:
        """Runs what only reads; where the connection was lost, once more on a new one."""
        import psycopg

        lost: psycopg.Error | None = None
        for again in (False, True):
            if again:
                _close(self._idle)  # what broke one most often broke them all
            try:
                with self._connection() as connection:
                    found = run(connection)
            except psycopg.errors.QueryCanceled as error:
                raise too_slow(self._deadline) from error
            except psycopg.errors.UndefinedTable as error:
                raise Problem(503, REPLACED, headers={"Retry-After": "1"}) from error
            except psycopg.OperationalError as error:
                lost = error
            else:
                self._say(lost=False)
                return found
        assert lost is not None  # noqa: S101 - narrows the type
        self._say(lost=True, why=reason(lost))
        raise Problem(503, GONE, headers={"Retry-After": "5"}) from lost

    def _say(self, *, lost: bool, why: str = "") -> None:
        """Tells an operator when the database is lost and when it is back, once each."""
        if lost == self._lost:
            return
        self._lost = lost
        if lost:
            logger.warning("%s: the database cannot be reached: %s", shown(self._url), why)
        else:
            logger.info("%s: the database answers again", shown(self._url))

    @contextmanager
    def _connection(self) -> "Iterator[psycopg.Connection[Any]]":
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = _dialled(
                self._url,
                search_path=str(self.identity),
                default_transaction_read_only="on",
                statement_timeout=str(round(self._deadline * 1_000)),
            )
        try:
            yield connection
        finally:
            if connection.closed:
                connection.close()
            else:
                self._idle.put(connection)

    def _bring(self, name: str, path: Path, digest: str) -> bool:
        if name in self._brought and path.is_file():
            return False
        try:
            there = path.is_file() and _digest(path) == digest
            if not there:
                self._fetch(name, path, digest)
        except OSError as error:
            logger.warning("%s: %s", path, error.strerror)
            raise Problem(503, NOT_BROUGHT, headers={"Retry-After": "60"}) from error
        self._brought.add(name)
        return not there

    def _fetch(self, name: str, path: Path, digest: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".", suffix=".bringing", dir=path.parent) as folder:
            fetched = Path(folder) / name
            with fetched.open("wb") as file:
                place = 1
                while found := self.ask(partial(_piece, name, place)):
                    file.write(found[0][0])
                    place += 1
            if _digest(fetched) != digest:
                logger.warning("%s: %s is damaged in the database", shown(self._url), name)
                raise Problem(503, NOT_BROUGHT, headers={"Retry-After": "60"})
            fetched.replace(path)


def _piece(name: str, place: int, rows: Rows) -> Sequence[tuple[Any, ...]]:
    return rows(PIECE, name=name, place=place)


def _run(
    connection: "psycopg.Connection[Any]", statement: Statement, values: dict[str, Any]
) -> Sequence[tuple[Any, ...]]:
    text, own = statement.compiled(DIALECT)
    sent = {name: each.replace("\0", NOWHERE) if isinstance(each, str) else each for name, each in values.items()}
    return connection.execute(text.encode(), {**own, **sent}, binary=True).fetchall()


def _close(idle: "LifoQueue[psycopg.Connection[Any]]") -> None:
    with suppress(Empty):
        while True:
            idle.get_nowait().close()


def _digest(path: Path) -> str:
    found = sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()


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

    try:
        return _dialled(url, **session)
    except psycopg.Error as error:
        raise Unusable(f"{shown(url)}: the database cannot be reached: {reason(error)}. {MEND}") from error


def _dialled(url: URL, **session: str) -> "psycopg.Connection[Any]":
    import psycopg

    told = url.translate_connect_args(username="user", database="dbname") | dict(url.query)
    options = " ".join([told.pop("options", ""), *(f"-c {name}={value}" for name, value in session.items())])
    return psycopg.connect(**{**PATIENCE, **told}, options=options.strip(), autocommit=True)


def reason(error: "psycopg.Error") -> str:
    """What the server or the driver says is wrong, in one line."""
    line = error.diag.message_primary or str(error).partition("\n")[0]
    return re.sub(r"^.*(?:failed: |FATAL:  )", "", line).strip().rstrip(".")


def published(connection: "psycopg.Connection[Any]") -> list[str]:
    """The schemas that builds have published, the newest first."""
    return [name for (name,) in connection.execute(NEWEST)]


def usable(settings: Settings) -> str:
    """The newest published schema. Raises Unusable unless it is of the tables that this code declares, and may be
    read."""
    import psycopg

    url = url_of(settings)
    with connect(url, default_transaction_read_only="on") as connection:
        names = published(connection)
        if not names:
            raise Unusable(f"{shown(url)}: nothing was built here. Run `shisaku build`.")
        try:
            found = connection.execute(f"SELECT schema FROM {names[0]}.dataset".encode()).fetchall()  # noqa: S608
        except psycopg.errors.InsufficientPrivilege as error:
            told = f"the role may not read what was built: {reason(error)}"
            raise Unusable(f"{shown(url)}: {told}. Grant it USAGE and SELECT, as the README says.") from error
        if found != [(schema(),)]:
            told = "what was built here is of another version, with other tables"
            raise Unusable(f"{shown(url)}: {told}. Run `shisaku build`.")
        return names[0]
