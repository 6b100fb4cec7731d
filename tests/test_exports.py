"""Exports: the rows of a list as CSV, NDJSON and XLSX, in their order, with their values, at any size."""

import ast
import asyncio
import csv
import io
import os
import re
import socket
import threading
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Annotated, Any

import anyio.to_thread
import openpyxl
import orjson
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, create_model

from app.api.answer_exports import ANSWER_EXPORTS, AnswerExport
from app.api.budget_summary import BudgetGroupRow
from app.db.base import Database
from app.http.representation import compressed_stream
from app.query.columns import Column, columns, row_of
from app.query.formats import FORMATS, Csv
from app.query.resource import Resource
from app.resources import RESOURCES
from app.schemas import Basis, DecimalText, Int64, Schema
from app.settings import Settings
from tests.conftest import Client, answer, serving, some, walk
from tests.test_openapi import DOCUMENT
from tests.test_readme import RECIPES, blocks

EVERY_DATABASE = True

EACH = pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
EXTENSIONS = [extension for extension, each in FORMATS.items() if not each.is_file]


def questions(resource: Resource, client: Client) -> list[dict[str, str]]:
    """Everything, searches, the fullest values of filters, and sorts."""
    asked: list[dict[str, str]] = [{}, {"q": "の"}, {"q": "no such words"}]
    for name in some(list(resource.facets), 1):
        buckets = answer(client, f"/v1/{resource.name}", facet=name, limit=0)["facets"][name]["buckets"]
        if buckets:
            asked.append({name: max(buckets, key=lambda bucket: bucket["count"])["value"]})
    return [*asked, *({"sort": sort, "order": "desc"} for sort in some(list(resource.sorts), 1))]


def read(extension: str, content: bytes) -> list[dict[str, Any]]:
    """Rows of a download by column; of NDJSON, the records."""
    match extension:
        case "csv":
            return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
        case "ndjson":
            return [orjson.loads(line) for line in content.splitlines()]
        case "parquet":
            found: list[dict[str, Any]] = pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist()
            return found
        case _:
            names, *rows = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0].iter_rows(values_only=True)
            return [dict(zip(names, row, strict=True)) for row in rows]


@EACH
def test_an_export_has_the_rows_of_the_list_in_their_order(
    resource: Resource, clients: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.api.exports.BATCH", 10)
    asked = questions(resource, clients)
    for query in asked:
        expected = walk(clients, f"/v1/{resource.name}", limit=500, **query)
        # A workbook, which takes long to read, is made of the same rows: of all, of none, and of a sort.
        for extension in EXTENSIONS if query in ({}, {"q": "no such words"}, asked[-1]) else ("csv", "ndjson"):
            response = clients.get(f"/v1/exports/{resource.name}.{extension}", params=query)
            assert response.status_code == 200, response.text
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
            (cell,) = row_of([column])(record)
            assert restored(row[column.name]) == ("" if cell is None else plain(cell))
            if column.kind == "string" or cell is None:
                assert typed[column.name] == (None if cell == "" else cell)
            else:
                number = typed[column.name]
                assert isinstance(number, bool if column.kind == "boolean" else int | float)
                assert number == (float(cell) if column.kind == "number" else cell)


NUMBER = re.compile(r"-?\d+(\.\d+)?")
CODES = {"number", "code"}  # of sections, wherever one is shown: `4.10` is another than `4.1`


@EACH
def test_a_column_of_numbers_is_declared_so(resource: Resource, clients: Client) -> None:
    """A column that holds a number in every row is one of numbers, in the Data Package too, unless it is a code."""
    rows = read("csv", clients.get(f"/v1/exports/{resource.name}.csv").content)
    for column in columns(resource.record):
        texts = [row[column.name] for row in rows if row[column.name]]
        if texts and not column.many and all(map(NUMBER.fullmatch, texts)):
            assert column.kind in ("integer", "number") or column.path[-1] in CODES, column.name
        elif texts:
            assert column.kind in ("string", "boolean"), column.name


def test_amounts_add_up_in_a_workbook(clients: Client) -> None:
    """As SUM over the column does: the cells are numbers, and the sheet's own type of each is that of a number."""
    content = clients.get("/v1/exports/budget-lines.xlsx").content
    sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    names = [cell.value for cell in sheet[1]]
    expected = answer(clients, "/v1/budget-summary", group_by="ministry", fiscal_year=2025)["total"]
    year = names.index("fiscal_year")
    for name, total in (("amount_jpy", expected["jpy"]), ("amount_oku_yen", float(expected["oku_yen"]))):
        place = names.index(name)
        cells = [row[place] for row in sheet.iter_rows(min_row=2) if row[year].value == 2025]
        assert {cell.data_type for cell in cells} == {"n"}
        assert sum(cell.value or 0 for cell in cells) == pytest.approx(total)


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, "integer"), (int | None, "integer"), (Int64 | None, "integer"), (bool, "boolean"), (str, "string"),
        (DecimalText, "number"), (DecimalText | None, "number"), (Annotated[DecimalText | None, Field()], "number"),
        (Basis, "string"), (Annotated[str, Field(max_length=3)] | None, "string"),
    ],
)  # fmt: skip
def test_the_kind_of_a_column_is_derived_from_its_type(annotation: Any, expected: str) -> None:
    model = create_model("Made", __base__=Schema, value=(annotation, Field(description="It.")))
    (column,) = columns(model)
    assert column.kind == expected


def test_a_negative_number_is_no_formula() -> None:
    shown = [Column(name, kind, "", (name,)) for name, kind in KINDS.items()]  # type: ignore[arg-type]
    (row,) = csv.reader(io.StringIO(Csv(shown).line({"a": -3, "b": "-0.5", "c": "-x"}).decode(), newline=""))
    assert row == ["-3", "-0.5", "'-x"]


def test_negative_amounts_are_numbers_and_printed_signs_are_texts(cuts: Client) -> None:
    lines = walk(cuts, "/v1/budget-lines")
    assert len([line for line in lines if (line["amount"]["jpy"] or 0) < 0]) > 50
    rows = read("csv", cuts.get("/v1/exports/budget-lines.csv").content)
    book = openpyxl.load_workbook(io.BytesIO(cuts.get("/v1/exports/budget-lines.xlsx").content))
    names, *cells = book.worksheets[0].iter_rows()
    for line, row, typed in zip(lines, rows, cells, strict=True):
        amount, cell = line["amount"], {name.value: each for name, each in zip(names, typed, strict=True)}
        if amount["jpy"] is None:
            assert row["amount_jpy"] == row["amount_oku_yen"] == row["amount_text"] == ""
            continue
        assert (row["amount_jpy"], row["amount_oku_yen"]) == (str(amount["jpy"]), amount["oku_yen"])
        printed = amount["text"]
        assert row["amount_text"] == (f"'{printed}" if printed.startswith("-") else printed)
        assert (cell["amount_jpy"].data_type, cell["amount_jpy"].value) == ("n", amount["jpy"])
        assert (cell["amount_oku_yen"].data_type, cell["amount_oku_yen"].value) == ("n", float(amount["oku_yen"]))
        assert (cell["amount_text"].data_type, cell["amount_text"].value) == ("s", printed)


KINDS = {"a": "integer", "b": "number", "c": "string"}


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
def test_any_text_can_be_restored_from_csv_and_is_no_formula(texts: list[str]) -> None:
    column = Column("text", "string", "", ("text",))
    encoder = Csv([column])
    written = b"".join([encoder.head(), *(encoder.line({"text": text}) for text in texts if not surrogate(text))])
    _, *rows = csv.reader(io.StringIO(written.decode(), newline=""))
    kept = [text for text in texts if not surrogate(text)]
    assert [restored("".join(row)) for row in rows if row] == [text for text in kept if text] or "" in kept
    assert all(not cell.lstrip().startswith(tuple("=+-@＝＋－＠")) for row in rows for cell in row)
    assert all(not cell.startswith(("\t", "\r", "\n")) for row in rows for cell in row)
    assert b"\n" not in written.replace(b"\r\n", b"") or any("\n" in text for text in kept)


def surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "'x", "''", "＝1+1", "＋1", "－1", "＠x", "﹦1",
     "  =1", "\u3000＝1", "\nx", "\n=1",
     "\u00a0-1", "\ufeff=1", "\u200b@x"],
)  # fmt: skip
def test_a_formula_is_neutralised(text: str) -> None:
    (row,) = csv.reader(io.StringIO(Csv([Column("a", "string", "", ("a",))]).line({"a": text}).decode(), newline=""))
    assert row == [f"'{text}"]


ALSO = Column("also", "string", "", ("also",), many=True)


def test_lists_are_joined_with_an_escape() -> None:
    assert row_of([ALSO])({"also": ["a;b", "c\\d", "e"]}) == ["a\\;b;c\\\\d;e"]
    assert row_of([ALSO])({"also": []}) == [""]


def recipe_split() -> Callable[[str], list[str]]:
    """The function of the recipe for pandas, without the rest of it."""
    (recipe,) = [text for text in blocks(RECIPES, "python") if "read_csv" in text]
    (function,) = [node for node in ast.parse(recipe).body if isinstance(node, ast.FunctionDef)]
    names: dict[str, Any] = {"re": re}
    exec(ast.unparse(function), names)  # noqa: S102 - the documentation's own
    split: Callable[[str], list[str]] = names["split"]
    return split


@given(st.lists(st.text(st.sampled_from("ab;\\'=,\"\n薬"), max_size=6), max_size=5).filter(lambda texts: texts != [""]))
def test_the_recipe_splits_a_list_of_any_texts(texts: list[str]) -> None:
    line = Csv([ALSO, replace(ALSO, name="more", path=("more",))]).line({"also": texts, "more": texts})
    ((cell, same),) = csv.reader(io.StringIO(line.decode(), newline=""))
    assert recipe_split()(cell) == recipe_split()(same) == texts


def test_how_lists_are_joined_is_told_wherever_columns_are_explained(clients: Client) -> None:
    told = r"joined by `;`: within a value, `;` is written `\;`, and `\` is written `\\`."
    package = zipfile.ZipFile(io.BytesIO(clients.get("/v1/exports/datapackage.zip").content))
    described = orjson.loads(package.read("datapackage.json"))
    assert told in described["description"]
    listed = {each["resource"]: each["columns"] for each in answer(clients, "/v1/exports")["columns"]}
    for resource, table in zip(RESOURCES, described["resources"], strict=True):
        book = openpyxl.load_workbook(io.BytesIO(clients.get(f"/v1/exports/{resource.name}.xlsx").content))
        about = {row[0]: row[1] for row in book["about"].iter_rows(values_only=True)}
        assert told in about["lists"]
        meanings = {field["name"]: field["description"] for field in table["schema"]["fields"]}
        for column, shown in zip(columns(resource.record), listed[resource.name], strict=True):
            texts = (meanings[column.name], about[column.name], shown["meaning"])
            assert all((told in text) == column.many for text in texts), column.name
    assert all(
        told in each["meaning"] for each in answer(clients, "/v1/exports")["data"] if each["path"].endswith("csv")
    )


def test_bom_marks_utf8_for_excel(client: Client) -> None:
    plain_, marked = (client.get("/v1/exports/organizations.csv", params=q).content for q in ({}, {"bom": "true"}))
    assert marked == b"\xef\xbb\xbf" + plain_
    assert "文部科学省" in plain_.decode()
    assert b"\r\n" in plain_
    assert plain_.count(b"\n") == plain_.count(b"\r\n")


def test_a_workbook_explains_its_columns_and_query(client: Client) -> None:
    response = client.get("/v1/exports/budget-lines.xlsx?section=4.3")
    book = openpyxl.load_workbook(io.BytesIO(response.content))
    first, about = book.worksheets
    assert (first.title, about.title) == ("budget-lines", "about")
    assert first.freeze_panes == "B2"
    amount = next(cell for cell in first[1] if cell.value == "amount_jpy").column
    assert first.cell(2, amount).value == 15_800_000_000
    explained = {row[0]: row[1] for row in about.iter_rows(values_only=True) if row[0]}
    assert explained["question"] == "section=hp3-4.3"
    assert explained["attribution"].startswith("出典: 内閣府")
    assert "crosswalk" in explained["section-through-crosswalk"]
    assert explained["amount_jpy"].endswith("null where there is no amount.")
    assert set(explained) >= {column.name for column in columns(RESOURCES[4].record)}


@pytest.mark.parametrize("file", ["budget-lines.csv", "measures.ndjson", "packages.csv"])
def test_a_text_is_compressed_part_by_part(file: str, clients: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"/v1/exports/{file}"
    for batch, threshold in ((1_000, 1 << 17), (2, 1)):  # rows at once, and bytes that are compressed on a thread
        monkeypatch.setattr("app.api.exports.BATCH", batch)
        monkeypatch.setattr("app.http.representation.GZIP_IN_THREAD", threshold)
        plain, compressed = (clients.get(url, headers={"Accept-Encoding": each}) for each in ("identity", "gzip"))
        assert "Content-Encoding" not in plain.headers
        assert compressed.headers["Content-Encoding"] == "gzip"
        assert compressed.content == plain.content
        assert compressed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
        tag = compressed.headers["ETag"]
        assert tag != plain.headers["ETag"]
        for accepted, status in (("gzip", 304), ("identity", 200)):
            same = clients.get(url, headers={"Accept-Encoding": accepted, "If-None-Match": tag})
            assert same.status_code == status
        # A part of one coding would never fit one of the other: neither takes Range.
        part = clients.get(url, headers={"Accept-Encoding": "gzip", "Range": "bytes=0-9", "If-Range": tag})
        assert (part.status_code, part.content) == (200, plain.content)


def test_compression_holds_back_little() -> None:
    """What cannot be compressed leaves as fast as it comes, whatever its size."""
    part, given_, sent = os.urandom(1 << 18), 0, 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal given_
        for _ in range(40):
            given_ += len(part)
            yield part

    async def run() -> None:
        nonlocal sent
        decompressor = zlib.decompressobj(31)
        async for piece in compressed_stream(parts()):
            sent += len(decompressor.decompress(piece))
            assert given_ - sent < 1 << 18
        assert sent == given_ == 40 << 18

    asyncio.run(run())


def test_a_workbook_is_not_made_for_a_response_without_a_body(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "/v1/exports/stages.xlsx"
    tag = client.get(url).headers["ETag"]
    monkeypatch.setattr("app.api.exports.Workbook", lambda *_: pytest.fail("made"))
    assert client.head(url).headers["ETag"] == tag
    assert client.get(url, headers={"If-None-Match": tag}).status_code == 304


def test_a_workbook_that_cannot_be_written_is_a_problem(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object) -> None:
        raise FileNotFoundError("no usable temporary directory")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    url = "/v1/exports/stages.xlsx"
    small = client.get(url)
    with monkeypatch.context() as patch:
        patch.setattr("app.api.exports.TemporaryDirectory", nowhere)
        assert client.get(url).content == small.content  # is made without a file
        patch.setattr("app.api.exports.IN_MEMORY_ROWS", 0)
        refused = client.get(url)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")
    monkeypatch.setattr("app.api.exports.IN_MEMORY_ROWS", 0)
    assert client.get(url).status_code == 200
    with monkeypatch.context() as patch:
        patch.setattr("app.query.formats.Workbook.add", full)
        refused = client.get(url)
        assert (refused.status_code, "no room" in refused.json()["detail"]) == (503, True)
        patch.setattr("app.query.formats.Workbook.add", lambda *_: 1 / 0)
        assert client.get(url).status_code == 500
        patch.setattr("app.api.exports.IN_MEMORY_ROWS", 1_000)
        assert client.get(url).status_code == 500
    assert client.get(url).status_code == 200


def test_a_workbook_whose_end_cannot_be_written_is_told_as_the_system_tells_it(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.api.exports.IN_MEMORY_ROWS", 0)
    monkeypatch.setattr("xlsxwriter.workbook.ZipFile", full)
    assert client.get("/v1/exports/stages.xlsx").status_code == 503
    assert "no workbook can be made: [Errno 28] No space left on device" in caplog.text


def test_a_workbook_that_would_be_too_large_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.exports.MAX_XLSX_ROWS", 10)
    refused = answer(client, "/v1/exports/budget-lines.xlsx", 422)
    assert "take CSV" in refused["detail"]
    assert client.get("/v1/exports/budget-lines.xlsx?ministry=mext").status_code == 200


def test_an_export_has_a_validator(client: Client) -> None:
    url = "/v1/exports/budget-lines.csv"
    got = client.get(url)
    assert got.headers["Content-Disposition"] == 'attachment; filename="budget-lines.csv"'
    same = client.get(url, headers={"If-None-Match": got.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    others = {client.get(url, params=query).headers["ETag"] for query in ({"bom": "true"}, {"sort": "id"}, {"q": "薬"})}
    assert len(others | {got.headers["ETag"]}) == 4
    headed = client.head(url)
    assert (headed.status_code, headed.content, headed.headers["ETag"]) == (200, b"", got.headers["ETag"])


@pytest.mark.parametrize("query", ["limit=1", "facet=ministry", "cursor=x", "ministry=mhwl", "bom=maybe"])
def test_an_export_ignores_no_parameter(client: Client, query: str) -> None:
    answer(client, f"/v1/exports/budget-lines.csv?{query}", 422)


def test_a_client_that_hangs_up_stops_the_export(first: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.exports.BATCH", 1)
    hung_up, reads = threading.Event(), list[int]()
    run_for_download = Database.run_for_download
    ended = threading.Semaphore(0)

    async def counted(self: Database, work: Any) -> Any:
        reads.append(len(reads))
        if len(reads) > 2:  # the response has begun: wait until nobody reads it
            await anyio.to_thread.run_sync(hung_up.wait)
        try:
            return await run_for_download(self, work)
        finally:
            ended.release()

    monkeypatch.setattr(Database, "run_for_download", counted)
    with serving(first) as client:
        total = answer(client, "/v1/measures?limit=0")["meta"]["total"]
        with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as connection:
            connection.sendall(b"GET /v1/exports/measures.ndjson HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        for _ in range(3):  # the server has seen the end of the connection when it has answered these
            assert client.get("/healthz").status_code == 200
        hung_up.set()
        assert client.get("/v1/exports/stages.ndjson").status_code == 200
        assert len(reads) < total


def test_sums_are_a_table_too(clients: Client) -> None:
    for query in (
        "group_by=pillar",
        "group_by=ministry&sort=involved&order=desc&limit=2",
        "group_by=ministry,document",
    ):
        expected = answer(clients, f"/v1/budget-summary?{query}")
        response = clients.get(f"/v1/exports/budget-summary.csv?{query}")
        assert response.headers["Content-Disposition"] == 'attachment; filename="budget-summary.csv"'
        rows = read("csv", response.content)
        shown = columns(BudgetGroupRow)
        assert list(rows[0])[-1] == "notes"
        told = {"additive": expected["additive"], "notes": [note["code"] for note in expected["notes"]]}
        assert told["notes"]
        kinds = [{**group, **each} for group in expected["groups"] for each in group["totals"] or [group]]
        for row, kind in zip(rows, kinds, strict=True):
            cells = row_of(shown)({**kind, **told})
            for column, cell in zip(shown, cells, strict=True):
                assert restored(row[column.name]) == ("" if cell is None else plain(cell))
    (fifth,) = (row for row in read("csv", clients.get("/v1/exports/budget-summary.csv?group_by=pillar").content)
                if row["key"] == "fy2025-supplementary-drug-discovery-5")  # fmt: skip
    assert (fifth["lines"], fifth["involved_jpy"], fifth["involved_basis_reason"]) == ("0", "", "not_stated")


def test_the_crosswalk_is_a_table_too(clients: Client) -> None:
    for query in ("", "section=4.2,4.3&ministry=mhlw"):
        sections = answer(clients, f"/v1/crosswalk?{query}")["data"]
        rows = read("csv", clients.get(f"/v1/exports/crosswalk.csv?{query}").content)
        assert [row["section_id"] for row in rows] == [entry["section"]["id"] for entry in sections]
        for row, entry in zip(rows, sections, strict=True):
            assert row["amount_jpy"] == plain(entry["amount"]["jpy"] if entry["amount"]["jpy"] is not None else "")
            assert row["measure_ids"].split(";") == ([measure["id"] for measure in entry["measures"]] or [""])
            whole = "\n".join(unjoined(cell) for cell in row.values())
            for leaf in leaves(entry):
                assert leaf in whole, leaf
    marked = clients.get("/v1/exports/crosswalk.csv?bom=true").content
    assert marked == b"\xef\xbb\xbf" + clients.get("/v1/exports/crosswalk.csv").content


def unjoined(cell: str) -> str:
    """A cell without the escapes of lists within lists."""
    while "\\;" in cell:
        cell = cell.replace("\\\\", "\\").replace("\\;", ";")
    return cell


@pytest.mark.parametrize("export", ANSWER_EXPORTS, ids=lambda export: export.name)
def test_an_answer_takes_the_same_parameters_as_a_table(export: AnswerExport, clients: Client) -> None:
    as_json, as_csv = (DOCUMENT["paths"][path]["get"]["parameters"] for path in (f"/v1/{export.name}", export.path))
    assert as_csv == [*as_json, next(each for each in as_csv if each["name"] == "bom")]
    for query in ("ministry=mhwl", "limti=5", "bom=maybe", "group_by=ministry,pillar,package"):
        assert clients.get(f"{export.path}?{query}").status_code == 422
    got = clients.get(export.example)
    again = clients.get(export.example, headers={"If-None-Match": got.headers["ETag"]})
    assert (got.status_code, again.status_code, again.content) == (200, 304, b"")


def test_json_that_is_too_long_for_a_cell_is_left_out(whole: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    query = {"type": "pillars,measures", "since": "1.0.0"}
    monkeypatch.setattr("app.query.formats.MAX_CELL", 3_000)
    book = openpyxl.load_workbook(io.BytesIO(whole.get("/v1/exports/changes.xlsx", params=query).content))
    names, *rows = book.worksheets[0].iter_rows(values_only=True)
    shown = [row[names.index("patch")] for row in rows]
    patches = [row["patch"] for row in walk(whole, "/v1/changes", limit=500, **query)]
    assert [each is None for each in shown] == [len(orjson.dumps(each).decode()) > 3_000 for each in patches]
    assert None in shown
    assert [orjson.loads(each) for each in shown if each] == [
        patch for each, patch in zip(shown, patches, strict=True) if each
    ]
