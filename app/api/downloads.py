"""GET /v1/exports and the whole dataset's files: what a build made, served with ranges; nothing is made here."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import anyio.to_thread
import orjson
from pydantic import Field
from starlette.responses import FileResponse, Response

from app import dcat
from app.errors import Problem
from app.facts.shapes import Int32, Int64, Sentence, Shape
from app.reading.answers import AnswerMeta
from app.reading.columns import columns
from app.reading.downloads import DATABASE, PACKAGE, Download, folder_of, sweep
from app.reading.exports import MEANINGS
from app.reading.operations import Operation, respond
from app.reading.question import Question
from app.reading.resource import Resource
from app.reading.service import Service, Snapshot

WHOLE = {
    DATABASE: "The whole dataset as a plain SQLite database: a table for each resource, one for each of its lists, "
    "and `columns`, which explains them.",
    PACKAGE: "The whole dataset as a Data Package (v2): a CSV file of each resource, and datapackage.json with "
    "their schemas, keys and sources.",
}


class Export(Shape):
    """Something to download."""

    path: str = Field(description="Where it is; a collection's takes the collection's own filters and sorts.")
    media_type: str
    meaning: Sentence
    rows: Int32 | None = Field(description="Records in it, of a collection.")
    bytes: Int64 | None = Field(description="Its size when nothing is asked; null where it is too large to be made.")
    sha256: str | None = Field(description="The digest of those bytes, hexadecimal.")


class ExportColumn(Shape):
    """A column of a CSV file or a workbook."""

    name: str
    type: str = Field(description="string, integer or boolean.")
    meaning: Sentence


class ColumnSet(Shape):
    """The columns of a resource, the same in CSV and XLSX."""

    resource: str
    columns: list[ExportColumn]


class ExportList(Shape):
    """Everything that can be downloaded."""

    data: list[Export]
    columns: list[ColumnSet]
    meta: AnswerMeta


def listed(resources: Sequence[Resource], snapshot: Snapshot, prefix: str) -> ExportList:
    """What there is to download, as the build measured it."""
    return ExportList(
        data=[
            Export(
                path=f"{prefix}{each.path}",
                media_type=each.media_type,
                meaning=_meaning(each),
                rows=each.rows,
                bytes=each.bytes,
                sha256=each.sha256,
            )
            for each in snapshot.dataset.downloads
        ],
        columns=[
            ColumnSet(
                resource=resource.name,
                columns=[
                    ExportColumn(name=column.name, type=column.kind, meaning=column.meaning)
                    for column in columns(resource.record)
                ],
            )
            for resource in resources
        ],
        meta=AnswerMeta(dataset=snapshot.dataset.version, attribution=snapshot.dataset.attribution),
    )


def _meaning(download: Download) -> str:
    name = download.path.rpartition("/")[2]
    return WHOLE[name] if name in WHOLE else MEANINGS[name.rpartition(".")[2]]


def operations(service: Service, resources: Sequence[Resource]) -> list[Operation]:
    """The list, and the files of the whole."""
    prefix = service.settings.prefix

    def list_exports(snapshot: Snapshot, _: Question, __: str) -> Response:
        return respond(orjson.dumps(listed(resources, snapshot, prefix).model_dump(mode="json")))

    def get_catalog_entry(snapshot: Snapshot, _: Question, __: str) -> Response:
        return respond(orjson.dumps(dcat.entry(snapshot.dataset, prefix)), media_type=dcat.MEDIA_TYPE)

    return [
        Operation(
            path="/v1/exports",
            answer=list_exports,
            name="list_exports",
            summary="List what can be downloaded",
            description="Every download with its size and digest, and the columns of each resource.",
            tag="exports",
            shape=ExportList,
        ),
        Operation(
            path=dcat.PATH,
            answer=get_catalog_entry,
            name="export_catalog_entry",
            summary="Download the catalogue entry",
            description="The dataset, this service and every download as DCAT 3, in JSON-LD with its context inline.",
            tag="exports",
            media_type=dcat.MEDIA_TYPE,
        ),
        _file(service, DATABASE, "export_dataset_sqlite", "application/vnd.sqlite3"),
        _file(service, PACKAGE, "export_dataset_package", "application/zip"),
    ]


def _file(service: Service, name: str, operation: str, media_type: str) -> Operation:
    path = f"/v1/exports/{name}"

    async def export(snapshot: Snapshot, _: Question, __: str) -> Response:
        download = next(each for each in snapshot.dataset.downloads if each.path == path)
        folder = folder_of(service.settings.database, snapshot.dataset.version.digest)
        file = folder / name
        if await snapshot.database.bring(name, file, download.sha256 or ""):
            await anyio.to_thread.run_sync(sweep, service.settings.database, folder)
        if not file.is_file():
            detail = "The file is not beside the database. Run `shisaku build`."
            raise Problem(503, detail, headers={"Retry-After": "60"})
        return FileResponse(file, media_type=download.media_type, headers=_headers(download, snapshot))

    return Operation(
        path=path,
        answer=export,
        name=operation,
        summary=f"Download {name}",
        description=f"{WHOLE[name]} Takes `Range`; `Repr-Digest` is of the whole file.",
        tag="exports",
        media_type=media_type,
    )


def _headers(download: Download, snapshot: Snapshot) -> dict[str, Any]:
    name = download.path.rpartition("/")[2]
    digest = bytes.fromhex(download.sha256 or "")
    version = snapshot.dataset.version.version
    return {
        "Content-Disposition": f'attachment; filename="shisaku-{version}-{name}"',
        "ETag": f'"{digest.hex()[:32]}"',
        "Repr-Digest": f"sha-256=:{b64encode(digest).decode()}:",
    }
