"""Complete downloads: the Data Package, Parquet, and the size and digest of what an export of a whole collection
answers."""

import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import orjson

from app.query.columns import LISTS, Column, columns
from app.query.dataset import About, Download
from app.query.downloads import DATASET_FILES, PACKAGE, format_of
from app.query.formats import FORMATS, IN_MEMORY_ROWS, MAX_XLSX_ROWS, Workbook, export_path
from app.query.resource import Resource
from app.resources import RESOURCES
from app.resources.documents import DOCUMENTS
from app.seeding.parquet import write_parquet
from app.seeding.rendering import RenderedRecords

LICENCE = (
    "Licence: each document's own, in the column `licence` of documents.csv; where that is empty, the document states "
    "none. English names, readings, classifications and the crosswalk are Shisaku's, and marked so."
)

# The Fiscal Data Package (1.0): what a column is in its taxonomy of budgets. Where no type fits, a column has none.
TAXONOMY = "https://specs.frictionlessdata.io/taxonomies/fiscal/budgets.json"
COLUMN_TYPES: Mapping[str, Mapping[str, str]] = {
    "budget-lines": {
        "id": "budget-line-id",
        "measure_id": "activity:generic:program:code",
        "measure_name_ja": "activity:generic:program:label",
        "pillar_id": "functional-classification:generic:code",
        "pillar_name_ja": "functional-classification:generic:label",
        "fiscal_year": "date:fiscal-year",
        # Ministries that pay together are one value, so that no sum by it splits their line or counts it twice.
        "ministry_ids": "administrative-classification:generic:code",
        "ministry_names_ja": "administrative-classification:generic:label",
        # The only amount with a type: the others of a row state the same money again, in another unit or relation.
        "amount_jpy": "value",
        "amount_basis": "value-kind:code",
        "amount_phase": "phase:id",
    },
    "measures": {"id": "activity:generic:program:code", "name_ja": "activity:generic:program:label"},
    "pillars": {"id": "functional-classification:generic:code", "name_ja": "functional-classification:generic:label"},
    "organizations": {
        "id": "administrative-classification:generic:code",
        "name_ja": "administrative-classification:generic:label",
    },
}
# What is the same in every row, and therefore no column.
CONSTANTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "budget-lines": {"currency": ("value-currency:code", "JPY"), "direction": ("direction", "expenditure")},
}
# The classes of what ids stand for.
RDF_TYPES = {
    "documents": "http://xmlns.com/foaf/0.1/Document",
    "organizations": "http://xmlns.com/foaf/0.1/Organization",
    "modalities": "http://www.w3.org/2004/02/skos/core#Concept",
}


@dataclass(frozen=True)
class Downloads:
    """Makes the downloads of one dataset. `about` has no downloads yet."""

    rendered: RenderedRecords
    about: About
    folder: Path

    def ndjson(self, resource: Resource) -> Download:
        return self._export(resource, "ndjson", (b"%b\n" % record for record in self.rendered.records(resource)))

    def workbook(self, resource: Resource) -> Download:
        """Size and digest are unknown if there are too many rows for a workbook."""
        path, count = export_path(resource, "xlsx"), self.rendered.counts[resource.name]
        if count > MAX_XLSX_ROWS:
            return Download(path=path, media_type=FORMATS["xlsx"].media_type, rows=count, bytes=None, sha256=None)
        with TemporaryFile(dir=self.folder) as file:
            book = Workbook(file, resource, self.about, folder=self.folder if count > IN_MEMORY_ROWS else None)
            book.add(self.rendered.records(resource))
            book.close()
            file.seek(0)
            return self._export(resource, "xlsx", file)

    def parquet(self, resource: Resource) -> Download:
        name = f"{resource.name}.parquet"
        write_parquet(self.folder / name, resource, self.about, self.rendered.records(resource))
        return self.file(name, self.rendered.counts[resource.name])

    def package(self) -> list[Download]:
        """A Data Package (v2) that is a Fiscal Data Package too: the CSV files of all resources, and datapackage.json,
        which describes them."""
        day = tuple(map(int, self.about.version.released.split("-")))

        def entry(name: str) -> zipfile.ZipInfo:
            info = zipfile.ZipInfo(name, date_time=(*day, 0, 0, 0))  # type: ignore[arg-type]
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            return info

        tables = []
        with zipfile.ZipFile(self.folder / PACKAGE, "w", zipfile.ZIP_DEFLATED) as package:
            for resource in RESOURCES:
                with package.open(entry(f"{resource.name}.csv"), "w", force_zip64=True) as file:
                    for text in self.rendered.csv(resource):
                        file.write(text)
                tables.append(self._export(resource, "csv", self.rendered.csv(resource)))
            described = orjson.dumps(self._descriptor(tables), option=orjson.OPT_INDENT_2)
            package.writestr(entry("datapackage.json"), described)
        return [self.file(PACKAGE), *tables]

    def file(self, name: str, rows: int | None = None) -> Download:
        """A file of the folder: a collection of so many rows, or the whole dataset."""
        media_type = format_of(name).media_type
        with (self.folder / name).open("rb") as file:
            digest, size = file_digest(file, "sha256").hexdigest(), file.tell()
        return Download(path=f"/v1/exports/{name}", media_type=media_type, rows=rows, bytes=size, sha256=digest)

    def _export(self, resource: Resource, extension: str, texts: Iterable[bytes]) -> Download:
        digest, size = sha256(), 0
        for text in texts:
            digest.update(text)
            size += len(text)
        return Download(
            path=export_path(resource, extension),
            media_type=FORMATS[extension].media_type,
            rows=self.rendered.counts[resource.name],
            bytes=size,
            sha256=digest.hexdigest(),
        )

    def _descriptor(self, tables: list[Download]) -> dict[str, Any]:
        about, version = self.about, self.about.version
        documents = map(orjson.loads, self.rendered.records(DOCUMENTS))
        return {
            "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
            "name": "shisaku",
            "title": about.name.en,
            "description": f"{about.description.en}\n\nLists are {LISTS}\n\n{LICENCE}\n\n{about.attribution}",
            "version": version.version,
            "created": f"{version.released}T00:00:00Z",
            "columnTypes": [TAXONOMY],
            "sources": [
                {"title": document["attribution"], **({"path": document["url"]} if document["url"] else {})}
                for document in documents
            ],
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


def in_order(made: Iterable[Download]) -> list[Download]:
    """Downloads in the order in which they are listed."""
    paths = [f"/v1/exports/{name}" for name in DATASET_FILES]
    paths.extend(export_path(resource, extension) for resource in RESOURCES for extension in FORMATS)
    return sorted(made, key=lambda download: paths.index(download.path))


def _table_schema(resource: Resource) -> Mapping[str, Any]:
    shown = columns(resource.record)
    names = {other.name for other in RESOURCES}
    constants = [
        {"name": name, "type": "string", "columnType": column_type, "constant": value}
        for name, (column_type, value) in CONSTANTS.get(resource.name, {}).items()
    ]
    keys = [
        # A reference to the table itself does not name it.
        {"fields": [column.name], "reference": {"fields": ["id"]} | ({"resource": to} if to != resource.name else {})}
        for column in shown
        if (to := column.references) in names and not column.many
    ]
    return {
        "fields": [_field(column, resource) for column in shown],
        **({"extraFields": constants} if constants else {}),
        "missingValues": [""],
        "primaryKey": ["id"],
        **({"foreignKeys": keys} if keys else {}),
    }


def _field(column: Column, resource: Resource) -> Mapping[str, Any]:
    """A column as Table Schema describes it. A list in one cell is neither an address nor an id."""
    field: dict[str, Any] = {"name": column.name, "type": column.kind, "description": column.meaning}
    if column.required:
        field["constraints"] = {"required": True}
    if column.path[-1] == "url" and not column.many:
        field["format"] = "uri"
    identified = resource.name if column.name == "id" else column.references
    if identified in RDF_TYPES and not column.many:
        field["rdfType"] = RDF_TYPES[identified]
    column_type = COLUMN_TYPES.get(resource.name, {}).get(column.name)
    return {**field, "columnType": column_type} if column_type else field
