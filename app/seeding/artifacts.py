"""Makes the downloads of the whole from a finished database of any kind; they are served as they are, and never
changed."""

import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import orjson
from sqlalchemy import Column as Column_
from sqlalchemy import Connection, func, select

from app.reading.answers import DatasetVersion
from app.reading.columns import Column, columns, list_columns, own_columns
from app.reading.dataset import DATASET
from app.reading.downloads import DATABASE, PACKAGE, Download
from app.reading.exports import MEDIA_TYPES, MOST_XLSX_ROWS, about_workbook, export_path
from app.reading.formats import Csv, Ndjson, Workbook
from app.reading.resource import Resource
from app.resources import RESOURCES
from app.resources.documents import DOCUMENTS, LINE

BATCH = 1_000
TYPES = {"string": "TEXT", "integer": "INTEGER", "boolean": "INTEGER"}


class Artifacts:
    """The downloads of one database."""

    def __init__(self, source: Connection, folder: Path) -> None:
        self._source = source
        self._folder = folder
        facts = self._source.execute(select(DATASET)).one()
        self._version = DatasetVersion(version=facts.version, released=facts.released, digest=facts.digest)
        self._about = orjson.loads(facts.about)

    def make(self) -> list[Download]:
        """Writes the files, and returns what there is to download with its size and digest."""
        tables = self._package()
        self._database()
        collections = [
            download
            for resource, table in zip(RESOURCES, tables, strict=True)
            for download in (table, self._ndjson(resource), self._workbook(resource))
        ]
        return [self._file(DATABASE), self._file(PACKAGE), *collections]

    def _records(self, resource: Resource) -> Iterator[list[bytes]]:
        yield from self._texts(resource.reads.records.c.record)

    def _texts(self, column: Column_[bytes]) -> Iterator[list[bytes]]:
        read = select(column).order_by(column.table.c.key).execution_options(yield_per=BATCH)
        for rows in self._source.execute(read).partitions():
            yield [row[0] for row in rows]

    def _ndjson(self, resource: Resource) -> Download:
        return self._measured(resource, "ndjson", self._encoded(resource.reads.records.c.record, Ndjson()))

    def _measured(self, resource: Resource, extension: str, texts: Iterator[bytes]) -> Download:
        """A whole collection: the bytes that its export answers when nothing is asked of it."""
        digest, size = sha256(), 0
        for text in texts:
            digest.update(text)
            size += len(text)
        path = export_path(resource, extension)
        return Download(path, MEDIA_TYPES[extension], self._count(resource), size, digest.hexdigest())

    def _count(self, resource: Resource) -> int:
        return int(self._source.execute(select(func.count()).select_from(resource.table)).scalar_one())

    def _encoded(self, column: Column_[bytes], encoder: Csv | Ndjson) -> Iterator[bytes]:
        yield encoder.head()
        for texts in self._texts(column):
            yield encoder.rows(texts)

    def _workbook(self, resource: Resource) -> Download:
        path, count = export_path(resource, "xlsx"), self._count(resource)
        if count > MOST_XLSX_ROWS:
            return Download(path, MEDIA_TYPES["xlsx"], count, None, None)
        with TemporaryFile() as file:
            about = about_workbook(resource, "", self._version, self._about["attribution"], [])
            book = Workbook(file, columns(resource.record), about)
            for records in self._records(resource):
                book.rows(records)
            book.close()
            file.seek(0)
            data = file.read()
        return Download(path, MEDIA_TYPES["xlsx"], count, len(data), sha256(data).hexdigest())

    def _file(self, name: str) -> Download:
        digest, size = sha256(), 0
        with (self._folder / name).open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
                size += len(chunk)
        return Download(f"/v1/exports/{name}", FILES[name], None, size, digest.hexdigest())

    def _package(self) -> list[Download]:
        """A Data Package (v2): a CSV file of each resource, and datapackage.json with their schemas."""
        day = tuple(map(int, self._version.released.split("-")))
        tables = []
        with zipfile.ZipFile(self._folder / PACKAGE, "w", zipfile.ZIP_DEFLATED) as package:

            def entry(name: str) -> zipfile.ZipInfo:
                info = zipfile.ZipInfo(name, date_time=(*day, 0, 0, 0))  # type: ignore[arg-type]
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o644 << 16
                return info

            for resource in RESOURCES:
                texts = self._encoded(resource.reads.cells.c.line, Csv(columns(resource.record)))
                with package.open(entry(f"{resource.name}.csv"), "w", force_zip64=True) as file:
                    tables.append(self._measured(resource, "csv", _written(texts, file)))
            described = orjson.dumps(self._descriptor(tables), option=orjson.OPT_INDENT_2)
            package.writestr(entry("datapackage.json"), described)
        return tables

    def _descriptor(self, tables: list[Download]) -> dict[str, Any]:
        about, version = self._about, self._version
        sources = [
            {"title": attribution, **({"path": url} if url else {})}
            for attribution, url in (
                (record["attribution"], record["url"])
                for records in self._records(DOCUMENTS)
                for record in map(orjson.loads, records)
            )
        ]
        return {
            "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
            "name": "shisaku",
            "title": about["name"]["en"],
            "description": f"{about['description']['en']}\n\n{LICENCE}\n\n{about['attribution']}",
            "version": version.version,
            "created": f"{version.released}T00:00:00Z",
            "sources": sources,
            "resources": [
                {
                    "name": resource.name,
                    "type": "table",
                    "path": f"{resource.name}.csv",
                    "title": resource.meaning,
                    "format": "csv",
                    "mediatype": "text/csv",
                    "encoding": "utf-8",
                    "bytes": table.bytes,
                    "hash": f"sha256:{table.sha256}",
                    "dialect": {"delimiter": ",", "lineTerminator": "\r\n"},
                    "schema": _table_schema(resource),
                }
                for resource, table in zip(RESOURCES, tables, strict=True)
            ],
        }

    def _database(self) -> None:
        """A plain database: tables of the resources and of their lists, and `columns`, which explains them."""
        path = self._folder / DATABASE
        with closing(sqlite3.connect(path, isolation_level=None)) as target:
            target.execute("PRAGMA journal_mode = OFF")
            target.execute("BEGIN")
            target.execute('CREATE TABLE "columns" ("table" TEXT, "column" TEXT, "type" TEXT, "meaning" TEXT)')
            target.execute('CREATE TABLE "dataset" ("fact" TEXT PRIMARY KEY, "value" TEXT)')
            about = {f"{name}_{language}": self._about[name][language] for name in TOLD for language in ("ja", "en")}
            facts = {**self._version.model_dump(), **about, "attribution": self._about["attribution"]}
            target.executemany('INSERT INTO "dataset" VALUES (?, ?)', facts.items())
            for resource in RESOURCES:
                self._tables(target, resource)
            self._transcripts(target)
            target.execute("COMMIT")
            target.execute("VACUUM")

    def _tables(self, target: sqlite3.Connection, resource: Resource) -> None:
        own = own_columns(resource.record)
        _create(target, resource.plural, own, 'PRIMARY KEY ("id")')
        holder = Column(f"{resource.singular}_id", "string", f"The {resource.singular}.", ("id",), to=resource.name)
        place = Column("position", "integer", "Its place in the list, from 1.", ())
        lists = list_columns(resource.record)
        for name, inner in lists.items():
            keys = f'PRIMARY KEY ("{holder.name}", "position")'
            _create(target, _list_table(resource, name), (holder, place, *inner), keys)
        for records in self._records(resource):
            for record in map(orjson.loads, records):
                _insert(target, resource.plural, [column.cell(record) for column in own])
                for name, inner in lists.items():
                    for position, item in enumerate(record[name], 1):
                        row = [record["id"], position, *(column.cell(item) for column in inner)]
                        _insert(target, _list_table(resource, name), row)

    def _transcripts(self, target: sqlite3.Connection) -> None:
        fields = (
            Column("document_id", "string", "The document.", (), to=DOCUMENTS.name),
            Column("number", "integer", "The line's number, from 1.", ()),
            Column("text", "string", "Its words.", ()),
        )
        _create(target, LINE.name, fields, 'PRIMARY KEY ("document_id", "number")')
        lines = (
            select(DOCUMENTS.table.c.id, LINE.c.key, LINE.c.text)
            .join_from(LINE, DOCUMENTS.table, DOCUMENTS.table.c.key == LINE.c.document)
            .order_by(LINE.c.document, LINE.c.key)
            .execution_options(yield_per=BATCH)
        )
        for line in self._source.execute(lines):
            _insert(target, LINE.name, list(line))


TOLD = ("name", "description")


def _written(texts: Iterator[bytes], file: IO[bytes]) -> Iterator[bytes]:
    """The same texts, each written on its way."""
    for text in texts:
        file.write(text)
        yield text


FILES = {DATABASE: "application/vnd.sqlite3", PACKAGE: "application/zip"}
LICENCE = (
    "Licence: each document's own, in the column `licence` of documents.csv; where that is empty, the document states "
    "none. English names, readings, classifications and the crosswalk are Shisaku's, and marked so."
)


def _list_table(resource: Resource, name: str) -> str:
    return f"{resource.singular}_{name}"


def _table_schema(resource: Resource) -> dict[str, Any]:
    shown = columns(resource.record)
    names = {other.name for other in RESOURCES}
    return {
        "fields": [
            {"name": column.name, "type": column.kind, "description": column.meaning}
            | ({"constraints": {"required": True}} if column.required else {})
            for column in shown
        ],
        "missingValues": [""],
        "primaryKey": ["id"],
        "foreignKeys": [
            {"fields": [column.name], "reference": {"resource": column.to, "fields": ["id"]}}
            for column in shown
            if column.to in names and not column.many
        ],
    }


def _create(target: sqlite3.Connection, table: str, fields: tuple[Column, ...], keys: str) -> None:
    tables = {resource.name: resource.plural for resource in RESOURCES}
    parts = [f'"{column.name}" {TYPES[column.kind]}{" NOT NULL" if column.required else ""}' for column in fields]
    parts.append(keys)
    parts.extend(
        f'FOREIGN KEY ("{column.name}") REFERENCES "{tables[column.to]}" ("id")'
        for column in fields
        if column.to in tables
    )
    target.execute(f'CREATE TABLE "{table}" ({", ".join(parts)})')
    told = [(table, column.name, column.kind, column.meaning) for column in fields]
    target.executemany('INSERT INTO "columns" VALUES (?, ?, ?, ?)', told)


def _insert(target: sqlite3.Connection, table: str, values: list[Any]) -> None:
    marks = ", ".join("?" * len(values))
    target.execute(f'INSERT INTO "{table}" VALUES ({marks})', values)  # noqa: S608 - names are the models' own
