"""A PostgreSQL database as the target of a build: made in a schema that nobody reads, and published by renaming it."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from secrets import token_hex

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Table, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError, PendingRollbackError, ProgrammingError
from sqlalchemy.pool import NullPool

from app.db.base import Unusable
from app.db.postgres import CHUNK, FILES, PUBLISHED, checksums, published, unreachable
from app.db.postgres_engine import CONNECT_ARGS, engine_of, reason, shown, url_of
from app.db.tables import CHECKSUMS_NAME, SERVING_VALUE
from app.resources.tables import PUBLIC_TABLES
from app.seeding.migrating import migrate
from app.seeding.sqlite import read_table
from app.seeding.target import Building, Rows
from app.settings import Settings

LOCK = "SELECT pg_try_advisory_lock(hashtext('shisaku build'))"
BUILDING = re.compile(r"shisaku_building_[0-9a-f]{16}")
SWEEP_TIMEOUT = "5s"  # how long an old schema's last readers are waited for; the next build tries again

# What is dropped while rows are loaded, and made again: an index is built faster than it is updated, and a constraint
# that is added to a full table checks every row of it.
FOREIGN_KEYS = """
    SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
    WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY conrelid::regclass::text, conname
"""
INDEXES = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
    FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
    WHERE relnamespace = current_schema()::regnamespace AND NOT indisunique ORDER BY indexrelid::regclass::text
"""
TABLES = """
    SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1
"""
TEXTS = """
    SELECT quote_ident(table_name), quote_ident(column_name) FROM information_schema.columns
    WHERE table_schema = current_schema() AND data_type = 'text' ORDER BY table_name, ordinal_position
"""


class PostgresTarget:
    """The database of which the newest published schema is served."""

    def __init__(self, settings: Settings) -> None:
        self._url = url_of(settings)
        self.name = shown(self._url)

    @contextmanager
    def building(self) -> Iterator[Building]:
        engine = engine_of(self._url)
        try:
            try:
                control = engine.connect()
            except DBAPIError as error:
                raise unreachable(self._url, error) from error
            with control, _new_schema(self._url, control) as building:
                yield building
        except (psycopg.Error, DBAPIError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            assert isinstance(cause, psycopg.Error)  # noqa: S101 - narrows the type; the URL names no other driver
            raise Unusable(f"{self.name}: {reason(cause)}. What was published before stands.") from error
        finally:
            engine.dispose()


@contextmanager
def _new_schema(url: URL, control: Connection) -> Iterator["_PostgresBuilding"]:
    if control.execute(text("SHOW server_encoding")).scalar_one() != "UTF8":
        raise Unusable(f"{shown(url)}: the database is not in UTF-8. Make one with `ENCODING 'UTF8'`.")
    if not control.execute(text(LOCK)).scalar_one():
        raise Unusable(f"{shown(url)}: another build is running. Wait for it, then build again.")
    name = f"shisaku_building_{token_hex(8)}"
    control.execute(text(f"CREATE SCHEMA {name}"))
    options = f"{url.query.get('options', '')} -c search_path={name}".strip()
    # A network that loses everything ends this connection too.
    arguments = {each: str(value) for each, value in CONNECT_ARGS.items()} | {"options": options}
    try:
        with closing(_PostgresBuilding(url.update_query_dict(arguments), control, name)) as building:
            yield building
    finally:
        with suppress(OperationalError, PendingRollbackError):  # a lost connection: the next build removes the schema
            control.execute(text(f"DROP SCHEMA IF EXISTS {name} CASCADE"))


class _PostgresBuilding:
    folder: Path | None = None

    def __init__(self, url: URL, control: Connection, name: str) -> None:
        self._name = name
        self._control = control
        self._url = url
        self._connection = create_engine(url, poolclass=NullPool, use_native_hstore=False).connect()
        driver = self._connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)  # noqa: S101 - narrows the type; the URL names no other
        self._driver = driver
        self._dropped: list[str] = []

    def load_public(self, file: Path) -> None:
        migrate(self._url)
        # Text is compared by code point, as in SQLite, whatever the server's language.
        for table, column in self._driver.execute(TEXTS).fetchall():
            self._run(f'ALTER TABLE {table} ALTER COLUMN {column} TYPE text COLLATE "C"')
        self._dropped = self._drop()
        for public in PUBLIC_TABLES:
            self.insert(public, read_table(file, public))

    def _drop(self) -> list[str]:
        """Drops foreign keys and indexes. Returns what makes them again."""
        keys, indexes = self._driver.execute(FOREIGN_KEYS).fetchall(), self._driver.execute(INDEXES).fetchall()
        for table, name, _ in keys:
            self._run(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        for name, _ in indexes:
            self._run(f"DROP INDEX {name}")
        constraints = (f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}" for table, name, definition in keys)
        return [*(definition for _, definition in indexes), *constraints]

    def _run(self, statement: str) -> None:
        self._driver.execute(statement.encode())

    def insert(self, table: Table, rows: Rows) -> None:
        columns = [column.name for column in table.columns]
        into = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with self._driver.cursor() as cursor, cursor.copy(into) as copy:
            for row in rows:
                copy.write_row(row)  # as text, of which PostgreSQL takes 0 and 1, as SQLite gives them, for a boolean

    def publish(self, digest: str, downloads: Path) -> None:
        for statement in self._dropped:
            self._run(statement)
        tables = [table for (table,) in self._driver.execute(TABLES).fetchall()]
        self._run(f"ANALYZE {', '.join(tables)}")
        FILES.create(self._connection)
        for path in sorted(downloads.iterdir()):
            with path.open("rb") as file:
                position = 0
                while chunk := file.read(CHUNK):
                    position += 1
                    self.insert(FILES, [(path.name, position, chunk)])
        self.insert(SERVING_VALUE, [(CHECKSUMS_NAME, checksums(self._connection))])
        self._connection.commit()
        old = published(self._control)
        numbers = [int(found[1]) for found in map(PUBLISHED.fullmatch, old) if found]
        name = f"shisaku_{max(numbers, default=0) + 1:06}_{digest[:16]}"
        self._control.execute(text(f"ALTER SCHEMA {self._name} RENAME TO {name}"))
        _remove_old(self._control, old[1:])

    def close(self) -> None:
        self._connection.close()


def _remove_old(control: Connection, old: list[str]) -> None:
    """Removes older schemas, but for the last published, which a service may be reading, and those of failed builds."""
    names = control.execute(text("SELECT nspname FROM pg_catalog.pg_namespace")).scalars().all()
    control.execute(text(f"SET lock_timeout = '{SWEEP_TIMEOUT}'"))
    for name in [*old, *filter(BUILDING.fullmatch, names)]:
        with suppress(OperationalError, ProgrammingError):  # it is being read, or another's: the next build tries again
            control.execute(text(f"DROP SCHEMA {name} CASCADE"))
