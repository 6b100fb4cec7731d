"""Parquet: every collection as typed columns, read back by DuckDB, polars and pandas, and compared with the records."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pandas
import polars
import pyarrow.parquet
import pytest
from pydantic import Field

from app.query.columns import Column, columns
from app.query.resource import Resource
from app.query.responses import DatasetVersion
from app.resources import RESOURCES
from app.schemas import Id, Name, Schema
from app.seeding.parquet import write_parquet
from tests.conftest import Client, answer, walk
from tests.test_readme import ADDRESS, RECIPES, blocks

EVERY_DATABASE = True

EACH = pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
TYPES = {"string": "string", "integer": "int64", "number": "decimal128(20, 8)", "boolean": "bool"}


def at(value: Any, path: tuple[str, ...]) -> Any:
    """What stands at a path of a record, through lists: written once more than in `app.query.columns`."""
    if isinstance(value, list):
        return [at(item, path) for item in value]
    return value if value is None or not path else at(value[path[0]], path[1:])


def typed(column: Column, value: Any) -> Any:
    """A value of JSON as the column has it: numbers that are texts are decimal, and what is of free form is a text."""
    if column.json:
        return orjson.dumps(value).decode()
    if isinstance(value, list):
        return [typed(column, item) for item in value]
    is_number = "number" in (column.kind, column.item)
    return Decimal(value) if is_number and value is not None else value


@pytest.fixture(scope="module")
def folder(clients: Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every file as a client downloads it."""
    folder = tmp_path_factory.mktemp("parquet")
    for resource in RESOURCES:
        content = clients.get(f"/v1/exports/{resource.name}.parquet").content
        (folder / f"{resource.name}.parquet").write_bytes(content)
    return folder


@EACH
def test_duckdb_polars_and_pandas_read_every_value(resource: Resource, folder: Path, clients: Client) -> None:
    path = folder / f"{resource.name}.parquet"
    expected = [
        {column.name: typed(column, at(record, column.path)) for column in columns(resource.record)}
        for record in walk(clients, f"/v1/{resource.name}")
    ]
    assert expected
    table = duckdb.read_parquet(str(path))
    assert [dict(zip(table.columns, row, strict=True)) for row in table.fetchall()] == expected
    assert polars.read_parquet(path).to_dicts() == expected
    frame = pandas.read_parquet(path, dtype_backend="pyarrow")
    assert list(frame.columns) == list(expected[0])
    for name in frame.columns:
        assert frame[name].array.__arrow_array__().to_pylist() == [row[name] for row in expected]


def type_of(column: Column) -> str:
    if not column.many:
        return TYPES[column.kind]
    item = f"list<element: {TYPES[column.item]}>" if column.nested else TYPES[column.item]
    return f"list<element: {item}>"


@EACH
def test_columns_have_the_types_of_their_values(resource: Resource, folder: Path) -> None:
    schema = pyarrow.parquet.read_schema(folder / f"{resource.name}.parquet")
    shown = columns(resource.record)
    assert [(field.name, str(field.type)) for field in schema] == [(each.name, type_of(each)) for each in shown]
    assert [field.nullable for field in schema] == [not each.required for each in shown]


def test_yen_are_int64_and_lists_are_lists(folder: Path) -> None:
    schema = polars.read_parquet_schema(folder / "budget-lines.parquet")
    assert schema["amount_jpy"] == polars.Int64
    assert schema["joint"] == polars.Boolean
    assert schema["ministry_ids"] == polars.List(polars.String)
    assert schema["evidence_lines_from"] == polars.List(polars.Int64)
    assert schema["evidence_supports"] == polars.List(polars.List(polars.String))
    measures = polars.read_parquet_schema(folder / "measures.parquet")
    assert measures["budget_line_amounts_jpy"] == polars.List(polars.Int64)
    assert measures["budget_line_amounts_approximate"] == polars.List(polars.Boolean)


def test_negative_yen_are_int64_and_negative_oku_yen_decimal(cuts: Client) -> None:
    for name in ("budget-lines", "measures"):
        amounts = [record["amount"] for record in walk(cuts, f"/v1/{name}")]
        content = cuts.get(f"/v1/exports/{name}.parquet").content
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(content))
        types = [str(table[column].type) for column in ("amount_jpy", "amount_oku_yen")]
        assert types == [TYPES["integer"], TYPES["number"]]
        assert table["amount_jpy"].to_pylist() == [amount["jpy"] for amount in amounts]
        oku_yen = [None if amount["oku_yen"] is None else Decimal(amount["oku_yen"]) for amount in amounts]
        assert table["amount_oku_yen"].to_pylist() == oku_yen
        assert min(filter(None, oku_yen)) < 0 < max(filter(None, oku_yen))


def test_a_file_says_which_data_it_is_of(folder: Path, clients: Client) -> None:
    about = answer(clients, "/v1")
    for resource in RESOURCES:
        facts = pyarrow.parquet.read_schema(folder / f"{resource.name}.parquet").metadata
        assert facts[b"digest"].decode() == about["dataset"]["digest"]
        assert facts[b"version"].decode() == about["dataset"]["version"]
        assert facts[b"attribution"].decode() == about["attribution"]


@pytest.mark.parametrize("query", ["ministry=厚", "limit=1", "sort=amount&ministry=mhlw"])
def test_filters_are_refused_and_led_to_the_csv(query: str, clients: Client) -> None:
    refused = answer(clients, f"/v1/exports/budget-lines.parquet?{query}", 422)
    assert "`/v1/exports/budget-lines.csv` takes its filters" in refused["detail"]
    assert [error["parameter"] for error in refused["errors"]] == [each.split("=")[0] for each in query.split("&")]
    assert "budget-lines.csv" not in answer(clients, "/v1/exports/dataset.sqlite?x=1", 422)["detail"]


@pytest.mark.parametrize(
    ("tool", "printed"),
    [
        pytest.param("polars", "58174901000", marks=pytest.mark.slow),
        ("duckdb", "億円程度"),
        pytest.param("read_parquet", "mext", marks=pytest.mark.slow),
    ],
)
def test_the_recipes_run(tool: str, printed: str, whole: Client, tmp_path: Path) -> None:
    (recipe,) = [text for text in blocks(RECIPES, "python") if tool in text]
    script = recipe.replace(ADDRESS, str(whole.base_url).rstrip("/"))
    result = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert printed in result.stdout


class Thing(Schema):
    """What a list may hold."""

    id: Id
    name: Name | None
    number: int
    sure: bool
    words: list[str]


class Odd(Schema):
    """A record with every shape of field."""

    id: Id
    things: list[Thing] = Field(description="Things.")
    perhaps: Name | None
    numbers: list[int]
    documents: list[Id]
    evidence: list[Thing]
    notes: list[Thing]


class About:
    """As much of a dataset as a file tells."""

    version = DatasetVersion(version="1", released="2026-01-01", digest="d")
    name = Name(ja="名", en="Name", en_official=True)
    attribution = "出典"


def test_any_shape_of_record_is_kept_in_row_groups_and_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.seeding.parquet.BATCH", 3)
    monkeypatch.setattr("app.seeding.parquet.ROW_GROUP", 6)
    resource: Any = Resource(name="odd", singular="odd", meaning="Odd.", record=Odd)  # type: ignore[arg-type]
    name = {"ja": "あ;い", "en": "a\\b", "en_official": False}
    thing = {"id": "a", "name": name, "number": 2**53 + 1, "sure": True, "words": ["x", "y z"]}
    things = [thing, {**thing, "name": None, "words": [], "sure": False}]
    shapes: list[dict[str, Any]] = [
        {"things": things, "perhaps": name, "numbers": [1, 2]},
        {"things": [], "perhaps": None, "numbers": []},
    ]
    common = {"documents": ["d"], "evidence": things, "notes": []}
    records = [{"id": f"r{number}", **shapes[number % 2], **common} for number in range(20)]
    texts = [orjson.dumps(record) + b"\n" for record in records]
    first, second = tmp_path / "first", tmp_path / "second"
    for path in (first, second):
        write_parquet(path, resource, About(), iter(texts))  # type: ignore[arg-type]
    assert first.read_bytes() == second.read_bytes()
    file = pyarrow.parquet.ParquetFile(first)
    assert [file.metadata.row_group(each).num_rows for each in range(file.num_row_groups)] == [6, 6, 6, 2]
    assert file.read().to_pylist() == [
        {column.name: at(record, column.path) for column in columns(Odd)} for record in records
    ]
    write_parquet(first, resource, About(), iter(()))  # type: ignore[arg-type]
    assert polars.read_parquet(first).height == 0
