"""A build that goes into a schema of PostgreSQL: made under a name that nobody reads, and published by renaming it; no
record is known here."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Table, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from app.db.postgres import CHUNK, FILES, PUBLISHED, connect, published, reason, shown
from app.reading.downloads import Download
from app.seeding.migrating import migrated
from app.seeding.target import Building, Row, Unbuilt
from app.seeding.write import tell

ONE_AT_A_TIME = "SELECT pg_try_advisory_lock(hashtext('shisaku build'))"
BUILDING = re.compile(r"shisaku_building_[0-9a-f]{16}")
SWEEP_PATIENCE = "5s"  # how long an old schema's last readers are waited for; the next build tries again

# What is lifted while rows are loaded, and put back: an index is built faster than it is kept, and a constraint that is
# added to a full table proves every link of it.
LINKS = """
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


class PostgresSchema:
    """The database in which the newest published schema is served."""

    def __init__(self, url: URL) -> None:
        self.name = shown(url)
        self._url = url

    @contextmanager
    def building(self) -> Iterator[Building]:
        with connect(self._url) as control, TemporaryDirectory() as folder:
            try:
                with _made(self._url, control, Path(folder)) as making:
                    yield making
            except (psycopg.Error, DBAPIError) as error:
                told = error.orig if isinstance(error, DBAPIError) else error
                why = reason(told) if isinstance(told, psycopg.Error) else str(told)
                raise Unbuilt(f"{self.name}: {why}. What was published before stands.") from error


@contextmanager
def _made(url: URL, control: "psycopg.Connection[Any]", folder: Path) -> Iterator["_Making"]:
    if control.info.parameter_status("server_encoding") != "UTF8":
        raise Unbuilt(f"{shown(url)}: the database is not in UTF-8. Make one with `ENCODING 'UTF8'`.")
    if control.execute(ONE_AT_A_TIME).fetchone() != (True,):
        raise Unbuilt(f"{shown(url)}: another build is running. Wait for it, then build again.")
    name = f"shisaku_building_{token_hex(8)}"
    control.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
    options = f"{url.query.get('options', '')} -c search_path={name}".strip()
    making = _Making(url.update_query_dict({"options": options}), control, name, folder)
    try:
        yield making
    finally:
        making.close()
        if not control.closed:
            control.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name)))


class _Making:
    def __init__(self, url: URL, control: "psycopg.Connection[Any]", name: str, folder: Path) -> None:
        self.folder = folder
        self._name = name
        self._control = control
        migrated(url)
        self._engine = create_engine(url, poolclass=NullPool, use_native_hstore=False)
        self.connection = self._engine.connect()
        self.connection.begin()
        driver = self.connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)  # noqa: S101 - narrows the type; the URL names no other
        self._driver = driver
        self._order_by_code_point()
        self._lifted = self._lift()

    def _order_by_code_point(self) -> None:
        """Text is compared as in every other database of ours, whatever the server's language."""
        for table, column in self._driver.execute(TEXTS).fetchall():
            self._run(f'ALTER TABLE {table} ALTER COLUMN {column} TYPE text COLLATE "C"')

    def _lift(self) -> list[str]:
        links, indexes = self._driver.execute(LINKS).fetchall(), self._driver.execute(INDEXES).fetchall()
        for table, name, _ in links:
            self._run(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        for name, _ in indexes:
            self._run(f"DROP INDEX {name}")
        back = [f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}" for table, name, definition in links]
        return [*(definition for _, definition in indexes), *back]

    def _run(self, statement: str) -> None:
        self._driver.execute(statement.encode())

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        columns = list(rows[0])
        into = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with self._driver.cursor() as cursor, cursor.copy(into) as copy:
            for row in rows:
                copy.write_row([row[column] for column in columns])

    def finish(self) -> None:
        for statement in self._lifted:
            self._run(statement)
        tables = [table for (table,) in self._driver.execute(TABLES).fetchall()]
        self._run(f"ANALYZE {', '.join(tables)}")
        self.connection.commit()

    def publish(self, digest: str, downloads: list[Download]) -> None:
        self._keep(sorted(self.folder.iterdir()))
        tell(self.connection, downloads)
        self.connection.commit()
        old = published(self._control)
        numbers = [int(found[1]) for found in map(PUBLISHED.fullmatch, old) if found]
        name = f"shisaku_{max(numbers, default=0) + 1:06}_{digest[:16]}"
        rename = sql.SQL("ALTER SCHEMA {} RENAME TO {}")
        self._control.execute(rename.format(sql.Identifier(self._name), sql.Identifier(name)))
        _sweep(self._control, old[1:])

    def _keep(self, files: list[Path]) -> None:
        """The downloads themselves."""
        FILES.create(self.connection)
        for path in files:
            with path.open("rb") as file:
                place = 0
                while chunk := file.read(CHUNK):
                    place += 1
                    self.insert(FILES, [{"name": path.name, "place": place, "bytes": chunk}])

    def close(self) -> None:
        self.connection.close()
        self._engine.dispose()


def _sweep(control: "psycopg.Connection[Any]", old: list[str]) -> None:
    """Removes what older builds left, but for the last published: a service may be answering from it still."""
    left = control.execute("SELECT nspname FROM pg_catalog.pg_namespace").fetchall()
    control.execute(f"SET lock_timeout = '{SWEEP_PATIENCE}'")
    for name in [*old, *(name for (name,) in left if BUILDING.fullmatch(name))]:
        try:
            control.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
        except psycopg.errors.LockNotAvailable:
            continue
