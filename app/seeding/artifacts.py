"""Makes the downloads of the whole dataset from its drafts; they are served as they are, and never changed."""

import sqlite3
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import orjson

from app.reading.answers import DatasetVersion
from app.reading.columns import Column, columns, list_columns, own_columns
from app.reading.downloads import DATABASE, PACKAGE, Download
from app.reading.exports import MEDIA_TYPES, MOST_XLSX_ROWS, about_workbook, export_path
from app.reading.formats import Csv, Workbook
from app.reading.resource import Resource
from app.resources import RESOURCES
from app.resources.documents import DOCUMENTS, LINE
from app.seeding.draft import Drafts

TYPES = {"string": "TEXT", "integer": "INTEGER", "boolean": "INTEGER"}


class Artifacts:
    """The downloads of one dataset, made side by side: none needs another."""

    def __init__(
        self,
        drafts: Drafts,
        version: DatasetVersion,
        about: Mapping[str, Any],
        transcripts: Mapping[str, Sequence[str]],
        folder: Path,
    ) -> None:
        self._drafts = drafts
        self._version = version
        self._about = about
        self._transcripts = transcripts
        self._folder = folder

    def pieces(self) -> list[Callable[[], list[Download]]]:
        """The work, the longest first; each piece returns what it made, with its size and digest."""
        return [
            self._database,
            self._package,
            *(partial(self._workbook, resource) for resource in RESOURCES),
            *(partial(self._ndjson, resource) for resource in RESOURCES),
        ]

    @staticmethod
    def listed(made: Iterable[Download]) -> list[Download]:
        """In the order in which they are shown."""
        paths = [f"/v1/exports/{name}" for name in FILES]
        paths.extend(export_path(resource, extension) for resource in RESOURCES for extension in MEDIA_TYPES)
        return sorted(made, key=lambda download: paths.index(download.path))

    def _ndjson(self, resource: Resource) -> list[Download]:
        return [self._measured(resource, "ndjson", (piece.records() for piece in self._drafts.of(resource)))]

    def _measured(self, resource: Resource, extension: str, texts: Iterable[bytes]) -> Download:
        """A whole collection: the bytes that its export answers when nothing is asked of it."""
        digest, size = sha256(), 0
        for text in texts:
            digest.update(text)
            size += len(text)
        count = self._drafts.count(resource)
        return Download(export_path(resource, extension), MEDIA_TYPES[extension], count, size, digest.hexdigest())

    def _workbook(self, resource: Resource) -> list[Download]:
        path, count = export_path(resource, "xlsx"), self._drafts.count(resource)
        if count > MOST_XLSX_ROWS:
            return [Download(path, MEDIA_TYPES["xlsx"], count, None, None)]
        with TemporaryFile() as file:
            about = about_workbook(resource, "", self._version, self._about["attribution"], [])
            book = Workbook(file, columns(resource.record), about)
            for piece in self._drafts.of(resource):
                book.rows(piece.records().splitlines())
            book.close()
            file.seek(0)
            data = file.read()
        return [Download(path, MEDIA_TYPES["xlsx"], count, len(data), sha256(data).hexdigest())]

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
                with package.open(entry(f"{resource.name}.csv"), "w", force_zip64=True) as file:
                    tables.append(self._measured(resource, "csv", _written(self._csv(resource), file)))
            described = orjson.dumps(self._descriptor(tables), option=orjson.OPT_INDENT_2)
            package.writestr(entry("datapackage.json"), described)
        return [self._file(PACKAGE), *tables]

    def _csv(self, resource: Resource) -> Iterator[bytes]:
        yield Csv(columns(resource.record)).head()
        yield from (piece.csv() for piece in self._drafts.of(resource))

    def _descriptor(self, tables: list[Download]) -> dict[str, Any]:
        about, version = self._about, self._version
        sources = [
            {"title": attribution, **({"path": url} if url else {})}
            for attribution, url in (
                (record["attribution"], record["url"])
                for piece in self._drafts.of(DOCUMENTS)
                for record in map(orjson.loads, piece.records().splitlines())
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

    def _database(self) -> list[Download]:
        """A plain database: tables of the resources and of their lists, and `columns`, which explains them."""
        with closing(sqlite3.connect(self._folder / DATABASE, isolation_level=None)) as target:
            for pragma in (
                "journal_mode = OFF",
                "synchronous = OFF",
                "locking_mode = EXCLUSIVE",
                "cache_size = -65536",
            ):
                target.execute(f"PRAGMA {pragma}")
            target.execute("BEGIN")
            target.execute('CREATE TABLE "columns" ("table" TEXT, "column" TEXT, "type" TEXT, "meaning" TEXT)')
            target.execute('CREATE TABLE "dataset" ("fact" TEXT PRIMARY KEY, "value" TEXT)')
            about = {f"{name}_{language}": self._about[name][language] for name in TOLD for language in ("ja", "en")}
            facts = {**self._version.model_dump(), **about, "attribution": self._about["attribution"]}
            _insert(target, "dataset", facts.items())
            for resource in RESOURCES:
                self._tables(target, resource)
            self._lines(target)
            target.execute("COMMIT")
        return [self._file(DATABASE)]

    def _tables(self, target: sqlite3.Connection, resource: Resource) -> None:
        own = own_columns(resource.record)
        _create(target, resource.plural, own, 'PRIMARY KEY ("id")')
        holder = Column(f"{resource.singular}_id", "string", f"The {resource.singular}.", ("id",), to=resource.name)
        place = Column("position", "integer", "Its place in the list, from 1.", ())
        lists = list_columns(resource.record)
        names = [resource.plural, *(_list_table(resource, name) for name in lists)]
        for name, inner in zip(names[1:], lists.values(), strict=True):
            _create(target, name, (holder, place, *inner), f'PRIMARY KEY ("{holder.name}", "position")')
        for piece in self._drafts.of(resource):
            for name, rows in zip(names, piece.tables(), strict=True):
                _insert(target, name, rows)

    def _lines(self, target: sqlite3.Connection) -> None:
        fields = (
            Column("document_id", "string", "The document.", (), to=DOCUMENTS.name),
            Column("number", "integer", "The line's number, from 1.", ()),
            Column("text", "string", "Its words.", ()),
        )
        _create(target, LINE.name, fields, 'PRIMARY KEY ("document_id", "number")')
        for document, lines in self._transcripts.items():
            _insert(target, LINE.name, ((document, number, text) for number, text in enumerate(lines, 1)))


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


def _insert(target: sqlite3.Connection, table: str, rows: Iterable[Sequence[Any]]) -> None:
    shown = target.execute(f'SELECT * FROM "{table}" LIMIT 0').description  # noqa: S608 - names are the models' own
    marks = ", ".join("?" * len(shown))
    target.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)  # noqa: S608 - names are the models' own
