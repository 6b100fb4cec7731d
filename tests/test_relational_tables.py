"""The relational tables: in `dataset.sqlite` and in the database that is served, complete, joined by ids, explained."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlmodel import SQLModel

from app.db.tables import ServingRecord
from app.query.columns import columns, list_columns, row_of
from app.query.downloads import DATABASE
from app.resources import RESOURCES
from app.resources.tables import PUBLIC_TABLES, RESOURCE_TABLES
from app.seeding.migrating import MIGRATIONS, alembic_config, migrate, sqlite_url
from app.settings import Settings

Files = dict[str, Path]


@pytest.fixture(scope="session")
def files(both: Settings) -> Files:
    """The served database of both documents, and its public copy."""
    (folder,) = both.database.parent.glob(f"{both.database.name}.*")
    return {"served": both.database, "public": folder / DATABASE}


@pytest.fixture(params=["served", "public"])
def database(request: pytest.FixtureRequest, files: Files) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(files[request.param])) as connection:
        yield connection


@pytest.fixture(scope="module")
def records(files: Files) -> dict[str, list[dict[str, Any]]]:
    """The records of each resource as JSON."""
    found: dict[str, list[dict[str, Any]]] = {resource.name: [] for resource in RESOURCES}
    with closing(sqlite3.connect(files["served"])) as connection:
        sql = f"SELECT resource, record FROM {ServingRecord.__tablename__} ORDER BY key"  # noqa: S608
        for resource, record in connection.execute(sql):
            found[resource].append(orjson.loads(record))
    return found


def test_the_files_are_sound(database: sqlite3.Connection) -> None:
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def test_every_record_is_a_row_and_every_item_of_a_list(
    database: sqlite3.Connection, records: dict[str, list[dict[str, Any]]]
) -> None:
    key = 0
    for resource in RESOURCES:
        own, *lists = RESOURCE_TABLES[resource.name]
        expected = []
        for record in records[resource.name]:
            key += 1
            expected.append((key, *row_of(own.columns)(record)))
        assert database.execute(f'SELECT * FROM "{own.table.name}" ORDER BY key').fetchall() == expected  # noqa: S608
        for each in lists:
            rows = [
                (record["id"], position, *row_of(each.columns)(item))
                for record in records[resource.name]
                for position, item in enumerate(record[each.field], 1)
            ]
            assert sorted(database.execute(f'SELECT * FROM "{each.table.name}"').fetchall()) == sorted(rows)  # noqa: S608


def test_what_another_record_says_is_joined(database: sqlite3.Connection) -> None:
    names = [column.name for column in RESOURCE_TABLES["budget-lines"][0].columns]
    assert {"measure_id", "package_id", "pillar_id", "name_ja"} <= set(names)
    assert not {"measure_name_ja", "pillar_number", "package_name_en"} & set(names)
    roles = next(each for each in RESOURCE_TABLES["measures"] if each.field == "organizations")
    assert [column.name for column in roles.columns] == ["organization_id", "role"]
    ((name, total),) = database.execute(
        "SELECT pillars.name_ja, sum(budget_lines.amount_jpy) FROM budget_lines JOIN pillars ON pillars.id = pillar_id "
        "WHERE pillars.number = 2 AND pillars.package_id = 'fy2025-supplementary-drug-discovery'"
    )
    assert (name[:5], total) == ("ドラッグロ", 33_800_000_000)
    ((total,),) = database.execute(
        "SELECT sum(amount_jpy) FROM budget_lines WHERE id IN "
        "(SELECT budget_line_id FROM budget_line_ministries WHERE ministry_id IN ('mext', 'mhlw')) "
        "AND fiscal_year = 2025"
    )
    assert total == 265_800_000_000


def test_a_download_has_the_columns_of_the_same_declaration() -> None:
    for resource in RESOURCES:
        own, *lists = RESOURCE_TABLES[resource.name]
        shown = {column.name: column for column in columns(resource.record)}
        assert all(shown[column.name] == column for column in own.columns)
        assert [each.field for each in lists] == list(list_columns(resource.record))


def test_every_column_is_explained(files: Files) -> None:
    with closing(sqlite3.connect(files["public"])) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert {name for name in tables if not name.startswith("sqlite_")} == {table.name for table in PUBLIC_TABLES}
        explained = dict(database.execute("""SELECT "table" || '.' || "column", meaning FROM columns"""))
        kinds = {kind for (kind,) in database.execute("SELECT DISTINCT type FROM columns")}
        assert kinds == {"string", "integer", "boolean"}
        assert explained["budget_lines.amount_jpy"].startswith("Whole yen")
        for table in tables - {"columns", "dataset", "sqlite_stat1"}:
            for column in database.execute(f'PRAGMA table_info("{table}")').fetchall():
                assert f"{table}.{column[1]}" in explained
        facts = dict(database.execute("SELECT fact, value FROM dataset"))
    assert {"version", "released", "digest", "name_ja", "name_en", "attribution"} <= facts.keys()


def test_the_migration_makes_the_tables_that_the_models_declare(tmp_path: Path) -> None:
    path = tmp_path / "migrated.sqlite"
    migrate(sqlite_url(path))
    command.check(alembic_config(sqlite_url(path)))
    assert len(ScriptDirectory(str(MIGRATIONS)).get_heads()) == 1
    with closing(sqlite3.connect(path)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert tables == {*SQLModel.metadata.tables, "alembic_version"}
        connection.execute("ALTER TABLE stages ADD COLUMN more TEXT")
    with pytest.raises(CommandError, match="New upgrade operations detected"):
        command.check(alembic_config(sqlite_url(path)))
    command.downgrade(alembic_config(sqlite_url(path)), "base")
