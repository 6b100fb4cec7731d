"""Downloads give the rows of the pages, in their order, with their values, in every format and at any size."""

import csv
import io
import socket
import time
import zipfile
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import openpyxl
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.db import Database
from app.db.postgres import Schema
from app.db.sqlite import File
from app.main import create_app
from app.query.columns import Column, columns
from app.reading.downloads import folder_of, sweep
from app.query.formats import Csv
from app.reading.resource import Resource
from app.reading.service import Service
from app.resources import RESOURCES
from app.seeding.build import SEED, build, check
from app.settings import Settings
from tests.conftest import ALONE, Client, answer, serving, walk

EVERY_DATABASE = True

EACH = pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
FORMATS = ("csv", "ndjson", "xlsx")


def questions(resource: Resource, client: Client) -> list[dict[str, str]]:
    """Everything, then each filter's fullest value, each sort, and a search."""
    asked: list[dict[str, str]] = [{}, {"q": "の"}, {"q": "no such words"}]
    if resource.facets:
        facets = answer(client, f"/v1/{resource.name}", facet=list(resource.facets), limit=0)["facets"]
        for name, facet in facets.items():
            if facet["buckets"]:
                asked.append({name: max(facet["buckets"], key=lambda bucket: bucket["count"])["value"]})
    asked.extend({"sort": sort, "order": "desc"} for sort in resource.sorts)
    return asked


def read(extension: str, content: bytes) -> list[dict[str, Any]]:
    """Rows of a download by column; of NDJSON, the records."""
    match extension:
        case "csv":
            return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
        case "ndjson":
            return [orjson.loads(line) for line in content.splitlines()]
        case _:
            names, *rows = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0].iter_rows(values_only=True)
            return [dict(zip(names, row, strict=True)) for row in rows]


@EACH
@pytest.mark.parametrize("extension", FORMATS)
def test_a_download_has_the_rows_of_the_pages_in_their_order(
    resource: Resource, extension: str, clients: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.reading.exports.BATCH", 3)
    for query in questions(resource, clients):
        response = clients.get(f"/v1/exports/{resource.name}.{extension}", params=query)
        assert response.status_code == 200, response.text
        expected = walk(clients, f"/v1/{resource.name}", **query)
        found = read(extension, response.content)
        assert [row["id"] for row in found] == [row["id"] for row in expected], query
        if extension == "ndjson":
            assert found == expected


@EACH
def test_every_value_of_a_record_is_in_its_columns(resource: Resource, clients: Client) -> None:
    records = walk(clients, f"/v1/{resource.name}")
    rows = read("csv", clients.get(f"/v1/exports/{resource.name}.csv").content)
    cells = read("xlsx", clients.get(f"/v1/exports/{resource.name}.xlsx").content)
    shown = columns(resource.record)
    assert len({column.name for column in shown}) == len(shown)
    for record, row, typed in zip(records, rows, cells, strict=True):
        values = {text.replace("\\;", ";").replace("\\\\", "\\") for text in row.values()}
        whole = "\n".join(values)
        for leaf in leaves(record):
            assert leaf in whole, leaf
        for column in shown:
            cell = column.cell(record)
            assert restored(row[column.name]) == ("" if cell is None else plain(cell))
            assert typed[column.name] == (None if cell == "" else cell)
            if column.kind == "integer" and cell is not None:
                assert isinstance(typed[column.name], int)


def leaves(value: Any) -> list[str]:
    """Every text of a record that is not the mark of an unofficial name."""
    if isinstance(value, dict):
        return [leaf for part in value.values() for leaf in leaves(part)]
    if isinstance(value, list):
        return [leaf for part in value for leaf in leaves(part)]
    return [value] if isinstance(value, str) else []


def plain(cell: Any) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def restored(cell: str) -> str:
    return cell.removeprefix("'")


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_any_text_survives_csv_and_runs_nowhere(texts: list[str]) -> None:
    column = Column("text", "string", "", ("text",))
    encoder = Csv([column])
    written = encoder.rows(encoder.line({"text": text}) for text in texts if not surrogate(text))
    rows = list(csv.reader(io.StringIO(written.decode(), newline="")))
    kept = [text for text in texts if not surrogate(text)]
    assert [restored("".join(row)) for row in rows if row] == [text for text in kept if text] or "" in kept
    assert all(not cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row)
    assert b"\n" not in written.replace(b"\r\n", b"") or any("\n" in text for text in kept)


def surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "'x", "''"])
def test_a_formula_comes_out_as_text(text: str) -> None:
    (row,) = csv.reader(io.StringIO(Csv([Column("a", "string", "", ("a",))]).line({"a": text}).decode(), newline=""))
    assert row == [f"'{text}"]


def test_lists_are_joined_so_that_they_can_be_parted() -> None:
    column = Column("also", "string", "", ("also",), many=True)
    assert column.cell({"also": ["a;b", "c\\d", "e"]}) == "a\\;b;c\\\\d;e"
    assert column.cell({"also": []}) == ""


def test_excel_is_told_that_it_is_utf8(client: Client) -> None:
    plain_, marked = (client.get("/v1/exports/organizations.csv", params=q).content for q in ({}, {"bom": "true"}))
    assert marked == b"\xef\xbb\xbf" + plain_
    assert "文部科学省" in plain_.decode()
    assert b"\r\n" in plain_
    assert plain_.count(b"\n") == plain_.count(b"\r\n")


def test_a_workbook_explains_itself(client: Client) -> None:
    response = client.get("/v1/exports/budget-lines.xlsx?section=4.3")
    book = openpyxl.load_workbook(io.BytesIO(response.content))
    first, about = book.worksheets
    assert (first.title, about.title) == ("budget-lines", "about")
    assert first.freeze_panes == "B2"
    amount = next(cell for cell in first[1] if cell.value == "amount_jpy").column
    assert first.cell(2, amount).value == 15_800_000_000
    told = {row[0]: row[1] for row in about.iter_rows(values_only=True) if row[0]}
    assert told["question"] == "section=hp3-4.3"
    assert told["attribution"].startswith("出典: 内閣府")
    assert "crosswalk" in told["section-through-crosswalk"]
    assert told["amount_jpy"].endswith("null where the document gives no amount.")
    assert set(told) >= {column.name for column in columns(RESOURCES[4].record)}


def test_a_workbook_is_made_only_for_who_wants_it(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "/v1/exports/stages.xlsx"
    tag = client.get(url).headers["ETag"]
    monkeypatch.setattr("app.reading.exports.Workbook", lambda *_: pytest.fail("made"))
    assert client.head(url).headers["ETag"] == tag
    assert client.get(url, headers={"If-None-Match": tag}).status_code == 304
    assert client.get(url, headers={"Accept": "text/html"}).status_code == 406


def test_a_workbook_that_cannot_be_made_is_a_problem(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object) -> None:
        raise FileNotFoundError("no usable temporary directory")

    with monkeypatch.context() as patch:
        patch.setattr("app.reading.exports.TemporaryDirectory", nowhere)
        refused = client.get("/v1/exports/stages.xlsx")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")
    monkeypatch.setattr("app.reading.exports.Workbook", nowhere)
    broken = client.get("/v1/exports/stages.xlsx")
    assert (broken.status_code, broken.json()["title"]) == (500, "Internal Server Error")


def test_an_old_folder_that_goes_meanwhile_is_swept_all_the_same(
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
    sweep(path, folder_of(path, "2" * 16))
    monkeypatch.undo()
    assert sorted(each.name[-16:] for each in tmp_path.iterdir()) == ["1" * 16, "2" * 16]


def test_a_workbook_that_would_be_too_large_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.reading.exports.MOST_XLSX_ROWS", 10)
    refused = answer(client, "/v1/exports/budget-lines.xlsx", 422)
    assert "take CSV" in refused["detail"]
    assert client.get("/v1/exports/budget-lines.xlsx?ministry=mext").status_code == 200


def test_a_build_leaves_out_the_workbook_that_would_be_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.seeding.artifacts.MOST_XLSX_ROWS", 3)
    build(check(ALONE), tmp_path / "s.sqlite")
    with serving(create_app(Settings(database=tmp_path / "s.sqlite"))) as client:
        sizes = {each["path"]: each["bytes"] for each in answer(client, "/v1/exports")["data"]}
        assert sizes["/v1/exports/budget-lines.xlsx"] is None
        assert sizes["/v1/exports/pillars.xlsx"] > 0
        listed = client.get("/v1/exports/catalog.jsonld").json()["@graph"][0]["dcat:distribution"]
        assert {"@id": "/v1/exports/budget-lines.xlsx"} not in listed


def test_a_download_can_be_asked_whether_it_changed(client: Client) -> None:
    url = "/v1/exports/budget-lines.csv"
    got = client.get(url)
    assert got.headers["Content-Disposition"] == 'attachment; filename="budget-lines.csv"'
    same = client.get(url, headers={"If-None-Match": got.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    others = {client.get(url, params=query).headers["ETag"] for query in ({"bom": "true"}, {"sort": "id"}, {"q": "薬"})}
    assert len(others | {got.headers["ETag"]}) == 4
    headed = client.head(url)
    assert (headed.status_code, headed.content, headed.headers["ETag"]) == (200, b"", got.headers["ETag"])


@pytest.mark.parametrize("query", ["limit=1", "facet=ministry", "cursor=x", "ministry=mhwl", "bom=yes"])
def test_a_download_ignores_nothing(client: Client, query: str) -> None:
    answer(client, f"/v1/exports/budget-lines.csv?{query}", 422)


def test_the_list_of_downloads_is_true(clients: Client) -> None:
    found = answer(clients, "/v1/exports")
    assert len(found["data"]) == 2 + 3 * len(RESOURCES)
    for each in found["data"]:
        response = clients.get(each["path"])
        assert response.headers["Content-Type"].partition(";")[0] == each["media_type"]
        assert (len(response.content), sha256(response.content).hexdigest()) == (each["bytes"], each["sha256"])
        if each["rows"] is not None:
            extension = each["path"].rpartition(".")[2]
            assert len(read(extension, response.content)) == each["rows"]
    assert [each["resource"] for each in found["columns"]] == [resource.name for resource in RESOURCES]


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
    keys = {table["name"]: table["schema"]["foreignKeys"] for table in described["resources"]}
    assert {"fields": ["measure_id"], "reference": {"resource": "measures", "fields": ["id"]}} in keys["budget-lines"]


@pytest.mark.parametrize("name", ["dataset.sqlite", "datapackage.zip"])
def test_a_file_can_be_taken_in_parts(name: str, client: Client) -> None:
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
    assert (beyond.status_code, beyond.headers["Content-Type"]) == (416, "application/problem+json")
    assert beyond.headers["Content-Range"] == f"bytes */{len(whole.content)}"
    assert client.get(url, headers={"Range": "bytes=x"}).headers["Content-Type"] == "application/problem+json"
    several = client.get(url, headers={"Range": "bytes=0-9,20-29"})
    assert (several.status_code, several.content) == (200, whole.content)
    assert client.get(url, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    headed = client.head(url)
    assert (headed.content, headed.headers["ETag"]) == (b"", whole.headers["ETag"])


def test_files_belong_to_their_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.reading.service.LOOK_EVERY", 3600.0)
    path = tmp_path / "shisaku.sqlite"
    settings = Settings(database=path)
    first = build(check(ALONE), path)
    service = Service(settings)
    second = build(check(SEED), path)
    assert folder_of(path, first).is_dir()  # a service that has not looked yet answers from it
    assert service.now().dataset.version.digest == first
    assert build(check(SEED), path) == second
    old = tmp_path / "shisaku.sqlite.0000000000000000"
    old.mkdir()
    build(check(SEED), path)
    assert len([each for each in tmp_path.iterdir() if each.is_dir()]) == 2
    with serving(create_app(settings)) as client:
        for file in folder_of(path, second).iterdir():
            file.unlink()
        refused = client.get("/v1/exports/dataset.sqlite")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")


def test_the_catalogue_entry_names_every_download(client: Client) -> None:
    response = client.get("/v1/exports/catalog.jsonld")
    assert response.headers["Content-Type"] == "application/ld+json"
    graph = response.json()["@graph"]
    distributions = {node["@id"]: node for node in graph if node["@type"] == "dcat:Distribution"}
    downloads = {each["path"]: each for each in answer(client, "/v1/exports")["data"]}
    assert set(distributions) == set(downloads)
    for path, node in distributions.items():
        assert node["spdx:checksum"]["spdx:checksumValue"]["@value"] == downloads[path]["sha256"]
    (dataset,) = (node for node in graph if node["@type"] == "dcat:Dataset")
    assert dataset["dcat:version"] == answer(client, "/v1")["dataset"]["version"]
    assert '<script type="application/ld+json">{"@context":"https://schema.org/"' in client.get("/docs").text


def test_a_client_that_hangs_up_frees_its_reader(first: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.reading.exports.BATCH", 1)
    asked: list[float] = []
    door: type[Database] = File if first.database_url is None else Schema
    ask = door.ask

    def slow(self: Database, question: Any) -> Any:
        asked.append(time.monotonic())
        time.sleep(0.05)
        return ask(self, question)

    app = create_app(first)
    monkeypatch.setattr(door, "ask", slow)
    with serving(app) as client:
        with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as connection:
            connection.sendall(b"GET /v1/exports/measures.ndjson HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        time.sleep(0.6)
        count = len(asked)
        assert count < 22
        time.sleep(0.3)
        assert len(asked) == count
        assert client.get("/v1/measures?limit=1").status_code == 200
