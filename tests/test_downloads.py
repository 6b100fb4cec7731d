"""Complete downloads: the whole dataset as SQLite and as a Data Package, and the list of everything to download."""

import csv
import io
import re
import sqlite3
import zipfile
from base64 import b64encode
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.api.answer_exports import ANSWER_EXPORTS
from app.query.downloads import folder_of, remove_old
from app.query.formats import content_type
from app.query.snapshot import Snapshots
from app.resources import RESOURCES
from app.resources.schema import schema_version
from app.resources.tables import RESOURCE_TABLES
from app.seeding.build import build, check
from app.settings import Settings
from tests.conftest import ALONE, Client, answer, serving, walk
from tests.test_exports import read

EVERY_DATABASE = True

VALID: dict[str, Callable[[str], object]] = {  # what a text has to be for a type of a Data Package
    "string": str,
    "boolean": {"true", "false"}.__contains__,
    "integer": re.compile(r"-?\d+").fullmatch,
    "number": re.compile(r"-?\d+(\.\d+)?").fullmatch,
}


def test_the_list_of_downloads_is_true(clients: Client) -> None:
    found = answer(clients, "/v1/exports")
    assert len(found["data"]) == 2 + 4 * len(RESOURCES) + len(ANSWER_EXPORTS)
    for each in found["data"]:
        response = clients.get(each["path"])
        assert response.headers["Content-Type"].partition(";")[0] == content_type(each["media_type"])
        assert response.status_code == 200
        if each["bytes"] is not None:
            assert (len(response.content), sha256(response.content).hexdigest()) == (each["bytes"], each["sha256"])
        if each["rows"] is not None:
            extension = each["path"].rpartition(".")[2]
            assert len(read(extension, response.content)) == each["rows"]
    names = [resource.name for resource in RESOURCES] + [export.name for export in ANSWER_EXPORTS]
    assert [each["resource"] for each in found["columns"]] == names
    unsized = [each["path"] for each in found["data"] if each["bytes"] is None]
    assert unsized == ["/v1/exports/budget-summary.csv?group_by=ministry", "/v1/exports/crosswalk.csv"]
    for each, path in zip(found["columns"][-2:], unsized, strict=True):
        (head, *_) = csv.reader(io.StringIO(clients.get(path).text))
        assert [column["name"] for column in each["columns"]] == head


def rows_of(table: str, database: sqlite3.Connection) -> list[tuple[Any, ...]]:
    return database.execute(f'SELECT * FROM "{table}" ORDER BY 1, 2').fetchall()  # noqa: S608


def test_the_whole_dataset_opens_in_any_sqlite_tool(clients: Client, tmp_path: Path) -> None:
    path = tmp_path / "dataset.sqlite"
    path.write_bytes(clients.get("/v1/exports/dataset.sqlite").content)
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    for resource in RESOURCES:
        records = walk(clients, f"/v1/{resource.name}")
        own, *lists = RESOURCE_TABLES[resource.name]
        rows = rows_of(own.table.name, database)
        assert [row[1:] for row in rows] == [tuple(column.cell(record) for column in own.columns) for record in records]
        for each in lists:
            assert rows_of(each.table.name, database) == [
                (record["id"], position, *(column.cell(item) for column in each.columns))
                for record in sorted(records, key=lambda record: str(record["id"]))
                for position, item in enumerate(record[each.field], 1)
            ], each.table.name
    (total,) = database.execute(
        "SELECT sum(amount_jpy) FROM budget_lines WHERE id IN "
        "(SELECT budget_line_id FROM budget_line_ministries WHERE ministry_id IN ('mext', 'mhlw')) "
        "AND fiscal_year = 2025"
    ).fetchone()
    assert total == 265_800_000_000
    explained = set(database.execute('SELECT "table", "column" FROM "columns"').fetchall())
    for (table,) in database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall():
        if table not in ("columns", "dataset"):
            for column in database.execute(f'PRAGMA table_info("{table}")').fetchall():
                assert (table, column[1]) in explained
    facts = dict(database.execute('SELECT * FROM "dataset"').fetchall())
    assert facts["digest"] == answer(clients, "/v1")["dataset"]["digest"]
    database.close()


def test_negative_amounts_are_numbers_in_complete_downloads(cuts: Client, tmp_path: Path) -> None:
    amounts = {line["id"]: line["amount"]["jpy"] for line in walk(cuts, "/v1/budget-lines")}
    assert min(filter(None, amounts.values())) < 0
    path = tmp_path / "dataset.sqlite"
    path.write_bytes(cuts.get("/v1/exports/dataset.sqlite").content)
    with closing(sqlite3.connect(path)) as database:
        assert dict(database.execute("SELECT id, amount_jpy FROM budget_lines").fetchall()) == amounts
        kinds = database.execute("SELECT DISTINCT typeof(amount_jpy) FROM budget_lines WHERE amount_jpy < 0")
        assert kinds.fetchall() == [("integer",)]
    package = zipfile.ZipFile(io.BytesIO(cuts.get("/v1/exports/datapackage.zip").content))
    described = orjson.loads(package.read("datapackage.json"))
    (table,) = [each for each in described["resources"] if each["name"] == "budget-lines"]
    types = {field["name"]: field["type"] for field in table["schema"]["fields"]}
    rows = read("csv", package.read(table["path"]))
    assert {row["id"]: int(row["amount_jpy"]) if row["amount_jpy"] else None for row in rows} == amounts
    for name in ("amount_jpy", "amount_oku_yen"):
        assert all(VALID[types[name]](row[name]) for row in rows if row[name])
    assert (types["amount_jpy"], types["amount_oku_yen"]) == ("integer", "number")


def test_the_data_package_holds_the_downloads_and_describes_them(clients: Client) -> None:
    package = zipfile.ZipFile(io.BytesIO(clients.get("/v1/exports/datapackage.zip").content))
    assert package.testzip() is None
    described = orjson.loads(package.read("datapackage.json"))
    assert described["version"] == answer(clients, "/v1")["dataset"]["version"]
    assert all(source["title"].startswith("出典") for source in described["sources"])
    for resource, table in zip(RESOURCES, described["resources"], strict=True):
        content = package.read(table["path"])
        assert content == clients.get(f"/v1/exports/{resource.name}.csv").content
        assert (len(content), f"sha256:{sha256(content).hexdigest()}") == (table["bytes"], table["hash"])
        assert [field["name"] for field in table["schema"]["fields"]] == content.decode().split("\r\n")[0].split(",")
        for row in read("csv", content):
            for field in table["schema"]["fields"]:
                text = row[field["name"]]
                assert not text or VALID[field["type"]](text), (field, text)
    types = {each["name"]: each["type"] for each in described["resources"][4]["schema"]["fields"]}
    assert (types["amount_jpy"], types["amount_oku_yen"]) == ("integer", "number")
    keys = {table["name"]: table["schema"]["foreignKeys"] for table in described["resources"]}
    assert {"fields": ["measure_id"], "reference": {"resource": "measures", "fields": ["id"]}} in keys["budget-lines"]


@pytest.mark.parametrize("name", ["dataset.sqlite", "datapackage.zip", "measures.parquet"])
def test_a_file_can_be_downloaded_in_ranges(name: str, client: Client) -> None:
    url = f"/v1/exports/{name}"
    whole = client.get(url)
    assert whole.headers["Repr-Digest"] == f"sha-256=:{b64encode(sha256(whole.content).digest()).decode()}:"
    assert f"shisaku-1.0.0-{name}" in whole.headers["Content-Disposition"]
    part = client.get(url, headers={"Range": "bytes=0-99"})
    assert (part.status_code, part.content) == (206, whole.content[:100])
    assert part.headers["Content-Range"] == f"bytes 0-99/{len(whole.content)}"
    fresh = client.get(url, headers={"Range": "bytes=100-", "If-Range": whole.headers["ETag"]})
    assert (fresh.status_code, fresh.content) == (206, whole.content[100:])
    changed = client.get(url, headers={"Range": "bytes=100-", "If-Range": '"x"'})
    assert changed.status_code == 200
    beyond = client.get(url, headers={"Range": f"bytes={len(whole.content)}-"})
    assert (beyond.status_code, beyond.headers["Content-Type"]) == (416, "application/problem+json; charset=utf-8")
    assert beyond.headers["Content-Range"] == f"bytes */{len(whole.content)}"
    assert client.get(url, headers={"Range": "bytes=x"}).status_code == 400
    several = client.get(url, headers={"Range": "bytes=0-9,20-29"})
    assert (several.status_code, several.content) == (200, whole.content)
    assert client.get(url, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    headed = client.head(url)
    assert (headed.content, headed.headers["ETag"]) == (b"", whole.headers["ETag"])


def test_files_belong_to_their_database(first_seed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.query.snapshot.CHECK_SECONDS", 3600.0)
    path = tmp_path / "shisaku.sqlite"
    settings = Settings(database=path)
    first = build(check(ALONE), path)
    snapshots = Snapshots(settings, schema_version())
    second = build(check(first_seed), path)
    assert folder_of(path, first).is_dir()  # a service that has not seen the new build answers from it
    assert snapshots.current().dataset.version.digest == first
    assert build(check(first_seed), path) == second
    old = tmp_path / "shisaku.sqlite.0000000000000000"
    old.mkdir()
    build(check(first_seed), path)
    assert len([each for each in tmp_path.iterdir() if each.is_dir()]) == 2
    with serving(settings) as client:
        for file in folder_of(path, second).iterdir():
            file.unlink()
        refused = client.get("/v1/exports/dataset.sqlite")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")


def test_the_catalogue_entry_names_every_download(client: Client) -> None:
    response = client.get("/v1/exports/catalog.jsonld")
    assert response.headers["Content-Type"] == "application/ld+json; charset=utf-8"
    graph = response.json()["@graph"]
    distributions = {node["@id"]: node for node in graph if node["@type"] == "dcat:Distribution"}
    downloads = {each["path"]: each for each in answer(client, "/v1/exports")["data"] if each["sha256"]}
    assert set(distributions) == set(downloads)
    for path, node in distributions.items():
        assert node["spdx:checksum"]["spdx:checksumValue"]["@value"] == downloads[path]["sha256"]
    (dataset,) = (node for node in graph if node["@type"] == "dcat:Dataset")
    assert dataset["dcat:version"] == answer(client, "/v1")["dataset"]["version"]
    assert '<script type="application/ld+json">{"@context":"https://schema.org/"' in client.get("/").text


def test_a_folder_that_disappears_meanwhile_does_not_stop_the_removal_of_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.sqlite"
    for name in ("0" * 16, "1" * 16, "2" * 16):
        folder_of(path, name).mkdir()
    stat = Path.stat

    def going(self: Path, **more: Any) -> Any:
        if self.name.endswith("0" * 16):
            raise FileNotFoundError(self)
        return stat(self, **more)

    monkeypatch.setattr("pathlib.Path.stat", going)
    remove_old(path, folder_of(path, "2" * 16))
    monkeypatch.undo()
    assert sorted(each.name[-16:] for each in tmp_path.iterdir()) == ["1" * 16, "2" * 16]


def test_a_build_leaves_out_the_workbook_that_would_be_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.seeding.downloads.MAX_XLSX_ROWS", 3)
    build(check(ALONE), tmp_path / "s.sqlite")
    with serving(Settings(database=tmp_path / "s.sqlite")) as client:
        sizes = {each["path"]: each["bytes"] for each in answer(client, "/v1/exports")["data"]}
        assert sizes["/v1/exports/budget-lines.xlsx"] is None
        assert sizes["/v1/exports/pillars.xlsx"] > 0
        listed = client.get("/v1/exports/catalog.jsonld").json()["@graph"][0]["dcat:distribution"]
        assert {"@id": "/v1/exports/budget-lines.xlsx"} not in listed
