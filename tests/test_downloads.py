"""Complete downloads: the whole dataset as SQLite and as a Data Package, and the list of everything to download."""

import csv
import io
import re
import shutil
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
from click.testing import CliRunner

from app.api.answer_exports import ANSWER_EXPORTS
from app.cli import main
from app.db.sqlite import FileIdentity
from app.query.columns import row_of
from app.query.dataset import Download
from app.query.downloads import folder_of, is_intact, remove_old
from app.query.formats import FORMATS, content_type
from app.query.snapshot import Snapshot, Snapshots
from app.resources import RESOURCES
from app.resources.schema import schema_version
from app.resources.tables import RESOURCE_TABLES
from app.seeding.build import build, check
from app.settings import Settings
from tests.conftest import ALONE, Client, answer, built_once, copied, eventually, serving, walk
from tests.test_exports import read
from tests.test_integrity import flip

EVERY_DATABASE = True

VALID: dict[str, Callable[[str], object]] = {  # what a text has to be for a type of a Data Package
    "string": str,
    "boolean": {"true", "false"}.__contains__,
    "integer": re.compile(r"-?\d+").fullmatch,
    "number": re.compile(r"-?\d+(\.\d+)?").fullmatch,
}

# Of the taxonomy of budgets of the Fiscal Data Package 1.0: the types in use, and the type of data that each asks for.
COLUMN_TYPES = {
    "value": "number",
    "value-kind:code": "string",
    "value-currency:code": "string",
    "date:fiscal-year": "integer",
    "functional-classification:generic:code": "string",
    "functional-classification:generic:label": "string",
    "administrative-classification:generic:code": "string",
    "administrative-classification:generic:label": "string",
    "activity:generic:program:code": "string",
    "activity:generic:program:label": "string",
    "budget-line-id": "string",
    "direction": "string",
    "phase:id": "string",
}


@pytest.mark.parametrize("extension", FORMATS)
def test_a_format_is_told_wherever_formats_are(extension: str, client: Client) -> None:
    path = f"/v1/exports/stages.{extension}"
    assert client.head(path).headers["Content-Type"].startswith(content_type(FORMATS[extension].media_type))
    (listed,) = (each for each in answer(client, "/v1/exports")["data"] if each["path"] == path)
    assert (listed["media_type"], listed["meaning"]) == FORMATS[extension][:2]
    assert f"`/v1/exports/budget-lines.{extension}`?" in answer(client, f"/v1/budgets.{extension}", 404)["detail"]
    assert (path in client.get("/stages").text) is not FORMATS[extension].is_file


def test_the_list_of_downloads_is_true(clients: Client) -> None:
    found = answer(clients, "/v1/exports")
    assert len(found["data"]) == 2 + len(FORMATS) * len(RESOURCES) + len(ANSWER_EXPORTS)
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
        assert [row[1:] for row in rows] == [tuple(row_of(own.columns)(record)) for record in records]
        for each in lists:
            assert rows_of(each.table.name, database) == [
                (record["id"], position, *row_of(each.columns)(item))
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
    # Data Package v2 has no empty list of keys, and a reference to the table itself does not name it.
    keys = {table["name"]: table["schema"].get("foreignKeys") for table in described["resources"]}
    assert {"fields": ["measure_id"], "reference": {"resource": "measures", "fields": ["id"]}} in keys["budget-lines"]
    assert keys["organizations"] == [{"fields": ["parent_id"], "reference": {"fields": ["id"]}}]
    assert keys["stages"] is None


def described_tables(client: Client) -> dict[str, dict[str, Any]]:
    """The schemas of datapackage.json, their fields by name."""
    package = zipfile.ZipFile(io.BytesIO(client.get("/v1/exports/datapackage.zip").content))
    described = orjson.loads(package.read("datapackage.json"))
    assert described["columnTypes"] == ["https://specs.frictionlessdata.io/taxonomies/fiscal/budgets.json"]
    return {
        table["name"]: {**table["schema"], "fields": {each["name"]: each for each in table["schema"]["fields"]}}
        for table in described["resources"]
    }


def test_budget_lines_are_fiscal_data(client: Client) -> None:
    tables = described_tables(client)
    used: set[str] = set()
    for name, table in tables.items():
        columns = [*table["fields"].values(), *table.get("extraFields", [])]
        types = {each["columnType"]: each for each in columns if "columnType" in each}
        assert len(types) == sum("columnType" in each for each in columns), name  # one column of each type
        for type_, column in types.items():
            # Whole yen are numbers, and are declared as what they are.
            assert column["type"] == COLUMN_TYPES[type_] or (type_, column["type"]) == ("value", "integer")
            assert not type_.endswith(":label") or type_.replace(":label", ":code") in types
        used |= types.keys()
    assert used == COLUMN_TYPES.keys()
    lines = tables["budget-lines"]
    amounts = [name for name, field in lines["fields"].items() if field.get("columnType") == "value"]
    assert amounts == ["amount_jpy"]  # no amount that is said of a line in another way is added to it
    assert {each["columnType"]: each["constant"] for each in lines["extraFields"]} == {
        "value-currency:code": "JPY",
        "direction": "expenditure",
    }
    assert not any(field.get("columnType") == "value" for field in tables["measures"]["fields"].values())


def test_the_data_package_tells_addresses_and_what_ids_stand_for(client: Client) -> None:
    tables = described_tables(client)
    addresses = {
        f"{name}.{field['name']}"
        for name, table in tables.items()
        for field in table["fields"].values()
        if field.get("format") == "uri"
    }
    assert addresses == {"documents.url", "budget-lines.national_expenditure_url"}
    organization = "http://xmlns.com/foaf/0.1/Organization"
    assert tables["documents"]["fields"]["issuer_id"]["rdfType"] == organization
    assert tables["organizations"]["fields"]["id"]["rdfType"] == organization
    assert "rdfType" not in tables["budget-lines"]["fields"]["ministry_ids"]  # a list of ids is no id
    assert "rdfType" not in tables["budget-lines"]["fields"]["id"]


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
    headed = client.head(url, headers={"Range": "bytes=0-99"})
    assert (headed.status_code, headed.headers["Content-Length"]) == (200, str(len(whole.content)))
    assert (headed.content, headed.headers["ETag"]) == (b"", whole.headers["ETag"])


@pytest.fixture
def own(shared: Path, tmp_path: Path) -> Path:
    """The invented document in a SQLite database of the test's own."""
    return copied(built_once(shared / "second", lambda: check(ALONE)), tmp_path)


def test_files_belong_to_their_database(
    own: Path, first_seed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.query.snapshot.POLL_SECONDS", 3600.0)
    settings = Settings(database=own, cache_bytes=0)
    dataset = Snapshots(settings, schema_version()).current().dataset
    checked = check(first_seed)
    digest = build(checked, own)
    # A service that has not seen the new build answers from the old one's.
    assert folder_of(own, dataset.about.digest).is_dir()
    assert dataset.version.digest != digest
    (tmp_path / "shisaku.sqlite.0000000000000000").mkdir()
    assert build(checked, own) == digest
    assert len([each for each in tmp_path.iterdir() if each.is_dir()]) == 2
    with serving(settings) as client:
        folder = folder_of(own, Snapshot.open(settings, schema_version()).dataset.about.digest)
        for file in folder.iterdir():
            file.unlink()
        refused = client.get("/v1/exports/dataset.sqlite")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")


def test_a_file_that_is_not_what_was_built_is_never_sent(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SHISAKU_DATABASE", str(own))
    (folder,) = (each for each in tmp_path.iterdir() if each.is_dir())
    urls = {file: f"/v1/exports/{file.name}" for file in folder.iterdir()}
    assert len(urls) == 2 + len(RESOURCES)
    with serving(Settings(database=own, cache_bytes=0)) as client:
        for file, url in urls.items():
            good = file.read_bytes()
            file.write_bytes(good[:-1])
            assert client.get(url).status_code == 503, "truncated before it was asked for"
            file.write_bytes(good)
            whole = client.get(url)
            assert whole.content == good
            assert whole.headers["Repr-Digest"] == f"sha-256=:{b64encode(sha256(good).digest()).decode()}:"
            file.write_bytes(bytes([good[0] ^ 1]) + good[1:])
            assert client.get(url, headers={"Range": "bytes=5-9"}).status_code == 503, "flipped after it was sent"
            file.unlink()
            assert client.get(url).status_code == 503
            file.write_bytes(good)
            assert client.get(url).content == good
        assert "not what was built" in caplog.text
        # A disk that fails leaves the times as they were: a file is looked at again after a while.
        monkeypatch.setattr("app.query.downloads.FILE_SECONDS", 0.0)
        file, url = next(iter(urls.items()))
        flip(file, 5)
        assert client.get(url).status_code == 503
        told = CliRunner().invoke(main, ["verify"])
        assert (told.exit_code, f"not what was built: {file.name}." in told.output) == (1, True)


def test_a_file_that_cannot_be_read_is_not_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.query.downloads.file_identity", lambda _: FileIdentity(1, 1, 1, 9))
    download = Download(path="/v1/exports/x.parquet", media_type="", rows=None, bytes=9, sha256="")
    assert not is_intact(tmp_path, download, {})


@pytest.mark.slow
def test_a_build_of_another_name_alone_has_files_of_its_own(own: Path, tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    shutil.copytree(ALONE, seed)
    with serving(Settings(database=own, cache_bytes=0)) as client:
        digest = answer(client, "/v1")["dataset"]["digest"]
        before = client.get("/v1/exports/dataset.sqlite")
        about = seed / "dataset.yaml"
        about.write_text(about.read_text().replace("An invented document", "Another name"))
        assert build(check(seed), own) == digest  # of the records, which are the same
        for name in ("dataset.sqlite", "datapackage.zip"):
            sent = client.get(f"/v1/exports/{name}")  # before or after the service has changed over
            assert sent.headers["Repr-Digest"] == f"sha-256=:{b64encode(sha256(sent.content).digest()).decode()}:"
        eventually(lambda: answer(client, "/v1")["name"]["en"] == "Another name")
        after = client.get("/v1/exports/dataset.sqlite")
        assert after.headers["Repr-Digest"] != before.headers["Repr-Digest"]
        assert after.headers["Repr-Digest"] == f"sha-256=:{b64encode(sha256(after.content).digest()).decode()}:"


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


def addresses_of(record: dict[str, Any]) -> list[str]:
    return [each["url"] for each in record["same_as"] if each["url"]]


def test_the_catalogue_entry_leads_from_organizations_and_modalities_to_other_registers(whole: Client) -> None:
    documents, organizations, modalities = (
        walk(whole, f"/v1/{name}") for name in ("documents", "organizations", "modalities")
    )
    graph = whole.get("/v1/exports/catalog.jsonld").json()["@graph"]
    nodes = {node["@id"]: node for node in graph}
    assert len(nodes) == len(graph)
    dataset = nodes["/v1#dataset"]
    published = {node["@id"]: node["dct:publisher"]["@id"] for node in dataset["prov:wasDerivedFrom"]}
    assert published == {
        f"/v1/documents/{each['id']}": f"/v1/organizations/{each['issuer']['id']}" for each in documents
    }
    for path, records, leads, same, above in (
        ("/v1/organizations/", organizations, "dct:subject", "owl:sameAs", ("org:subOrganizationOf", "parent")),
        ("/v1/modalities/", modalities, "dcat:theme", "skos:exactMatch", ("skos:broader", "broader")),
    ):
        assert {each["@id"] for each in dataset[leads]} == {f"{path}{each['id']}" for each in records}
        for record in records:
            node, broader = nodes[f"{path}{record['id']}"], record[above[1]]
            assert [each["@id"] for each in node[same]] == addresses_of(record)
            assert [each["@id"] for each in node[above[0]]] == ([f"{path}{broader['id']}"] if broader else [])
    assert [each["@id"] for each in nodes["/v1/organizations/amed"]["owl:sameAs"]] == [
        "https://www.houjin-bangou.nta.go.jp/henkorireki-johoto.html?selHouzinNo=9010005023796",
        "https://ror.org/004rtk039",
        "http://www.wikidata.org/entity/Q23010232",
    ]
    assert nodes["/v1/modalities/cell-therapy"]["skos:exactMatch"] == [{"@id": "http://id.nlm.nih.gov/mesh/D064987"}]

    described = orjson.loads(whole.get("/docs").text.partition('<script type="application/ld+json">')[2].split("<")[0])
    assert {each["@id"]: each["publisher"]["@id"] for each in described["isBasedOn"]} == published
    for name, records in (("about", modalities), ("mentions", organizations)):
        same_as = {each["@id"].rpartition("/")[2]: each["sameAs"] for each in described[name]}
        assert same_as == {each["id"]: addresses_of(each) for each in records}
    assert described["creator"]["name"] == "Shisaku"  # as the citation of the dataset has it


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
    with serving(Settings(database=tmp_path / "s.sqlite", cache_bytes=0)) as client:
        sizes = {each["path"]: each["bytes"] for each in answer(client, "/v1/exports")["data"]}
        assert sizes["/v1/exports/budget-lines.xlsx"] is None
        assert sizes["/v1/exports/pillars.xlsx"] > 0
        listed = client.get("/v1/exports/catalog.jsonld").json()["@graph"][0]["dcat:distribution"]
        assert {"@id": "/v1/exports/budget-lines.xlsx"} not in listed
