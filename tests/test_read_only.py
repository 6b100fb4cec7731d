"""Read-only in depth: no session can write, attach or run for longer than its deadline."""

import sqlite3
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import literal_column, select

from app.db.base import Statement
from app.db.sqlite import SqliteDatabase
from app.errors import Problem
from app.resources.schema import schema_version
from app.settings import Settings
from tests.conftest import Client, answer


def plain(text: str) -> Any:
    """A statement that is run as it is."""
    return SimpleNamespace(sqlite=(text, {}))


SLOW = plain("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 1000000000) SELECT count(*) FROM n")


def test_a_slow_query_is_stopped_at_its_deadline(first: Settings) -> None:
    database = SqliteDatabase(first.model_copy(update={"deadline_seconds": 0.05}), schema_version())
    with pytest.raises(Problem) as caught:
        database.query(lambda session: session.query(SLOW))
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "5")
    database.close()
    database = SqliteDatabase(first, schema_version())
    with pytest.raises(Exception, match="no such column"):
        database.query(lambda session: session.query(Statement(select(literal_column("nothing_here")))))
    assert database.query(lambda session: session.query(plain("SELECT 1")))[0][0] == 1
    database.close()


@pytest.mark.parametrize(
    "statement", ["DELETE FROM measures", "ATTACH DATABASE 'x' AS y", "SELECT 1; DELETE FROM stages"]
)
def test_the_database_cannot_be_written_through_the_service(statement: str, first: Settings) -> None:
    database = SqliteDatabase(first, schema_version())
    with pytest.raises(Exception, match=r"readonly database|too many attached|one statement"):
        database.query(lambda session: session.query(plain(statement)))
    database.close()
    connection = sqlite3.connect(first.database)
    assert connection.execute("SELECT count(*) FROM measures").fetchone() == (22,)
    connection.close()


@pytest.mark.parametrize("text", ["' OR 1=1 --", '"', "a\x00b", "%", "_", "x'); DROP TABLE measures; --"])
def test_no_text_of_a_caller_becomes_sql(text: str, client: Client) -> None:
    assert client.get("/v1/measures", params={"q": text}).status_code in (200, 422)
    assert client.get("/v1/measures", params={"ministry": text}).status_code == 422
    assert answer(client, "/v1/measures?limit=0")["meta"]["total"] == 22
