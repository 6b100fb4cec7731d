"""Complete downloads: the list of everything that can be downloaded, and the files that a build made of the dataset."""

import logging
from base64 import b64encode
from functools import partial
from typing import Annotated

import anyio.to_thread
import orjson
from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import FileResponse, Response
from starlette.types import Message, Receive, Scope, Send

from app.api import dcat
from app.api.answer_exports import ANSWER_EXPORTS
from app.api.parameters import Context, NoParameters, context_of
from app.api.responses import BINARY, attachment, described_response, json_response
from app.errors import Problem, unavailable
from app.http.representation import conditional_status, request_headers
from app.query.columns import columns
from app.query.downloads import DATABASE, PACKAGE, folder_of, format_of, is_intact, remove_old
from app.query.formats import BINARY_TYPE, FORMATS, export_path
from app.query.responses import AnswerMeta
from app.resources import RESOURCES
from app.schemas import Int32, Int64, Schema, Sentence, to_json


class Export(Schema):
    """Something to download."""

    path: str = Field(
        description="Where it is; a collection's takes the collection's own filters and sorts, but for Parquet, and an "
        "answer's the answer's own parameters."
    )
    media_type: str = Field(description=f"What it is; what is not text is sent as `{BINARY_TYPE}`.")
    meaning: Sentence
    rows: Int32 | None = Field(description="Records in it, of a collection.")
    bytes: Int64 | None = Field(
        description="Its size when nothing is asked; null where it is too large to be made, or made of an answer."
    )
    sha256: str | None = Field(description="The digest of those bytes, hexadecimal.")


class ExportColumn(Schema):
    """A column of a CSV file or a workbook, or of a Parquet file, where a list is not joined."""

    name: str
    type: str = Field(description="string, integer, number or boolean.")
    meaning: Sentence


class ColumnSet(Schema):
    """The columns of a resource, the same in CSV, XLSX and Parquet, or of an answer."""

    resource: str = Field(description="Its name, or the answer's.")
    columns: list[ExportColumn]


class ExportList(Schema):
    """Everything that can be downloaded."""

    data: list[Export]
    columns: list[ColumnSet]
    meta: AnswerMeta


logger = logging.getLogger("shisaku")

router = APIRouter(tags=["exports"])


@router.get(
    "/v1/exports",
    operation_id="list_exports",
    summary="List what can be downloaded",
    description="Every download with its size and digest, and the columns of each resource and answer.",
    response_model=ExportList,
)
async def list_exports(context: NoParameters) -> Response:
    dataset, prefix = context.snapshot.dataset, context.prefix
    exports = []
    for each in dataset.about.downloads:
        meaning = format_of(each.path.rpartition("/")[2]).meaning
        exports.append(Export(**{**each.model_dump(), "path": f"{prefix}{each.path}", "meaning": meaning}))
    for answered in ANSWER_EXPORTS:
        path, meaning = f"{prefix}{answered.example}", f"{answered.meaning} {FORMATS['csv'].meaning}"
        exports.append(
            Export(path=path, media_type=FORMATS["csv"].media_type, meaning=meaning, rows=None, bytes=None, sha256=None)
        )
    rows = {resource.name: resource.record for resource in RESOURCES} | {each.name: each.row for each in ANSWER_EXPORTS}
    answer = {
        "data": exports,
        "columns": [
            {
                "resource": name,
                "columns": [{"name": each.name, "type": each.kind, "meaning": each.meaning} for each in columns(row)],
            }
            for name, row in rows.items()
        ],
        "meta": dataset.meta,
    }
    return json_response(to_json(answer))


@router.get(
    dcat.PATH,
    operation_id="export_catalog_entry",
    summary="Download the catalogue entry",
    description="The dataset, this service and every download as DCAT 3, in JSON-LD with its context inline.",
    **described_response(dcat.MEDIA_TYPE, {"type": "object", "additionalProperties": True}),
)
async def export_catalog_entry(context: NoParameters) -> Response:
    entry = dcat.entry(context.snapshot.dataset, context.prefix)
    return json_response(orjson.dumps(entry), media_type=dcat.MEDIA_TYPE)


def _add_file(name: str, operation_id: str, advice: str = "") -> None:
    @router.get(
        f"/v1/exports/{name}",
        operation_id=operation_id,
        summary=f"Download {name}",
        description=f"{format_of(name).meaning} Takes `Range`; `Repr-Digest` is of the whole file.",
        **described_response(BINARY_TYPE, BINARY),
    )
    async def export_file(request: Request, context: Annotated[Context, context_of({}, advice=advice)]) -> Response:
        snapshot, database = context.snapshot, request.app.state.settings.database
        download, version = snapshot.dataset.download(f"/v1/exports/{name}"), snapshot.dataset.version
        digest = download.sha256 or ""
        folder = folder_of(database, snapshot.dataset.about.digest)
        verified = partial(is_intact, folder / name, download, snapshot.files)
        if not await anyio.to_thread.run_sync(verified, limiter=snapshot.database.file_thread):
            if not await snapshot.database.fetch_file(name, folder / name, digest):
                logger.warning("%s: the file is missing, or not what was built. Run `shisaku build`.", folder / name)
                raise unavailable("This file is missing here, or damaged. Try again later.", 60)
            await anyio.to_thread.run_sync(remove_old, database, folder)
        headers = {
            **attachment(f"shisaku-{version.version}-{name}"),
            "ETag": f'"{digest[:32]}"',
            "Repr-Digest": f"sha-256=:{b64encode(bytes.fromhex(digest)).decode()}:",
        }
        return RangeFileResponse(folder / name, media_type=BINARY_TYPE, headers=headers)


_add_file(DATABASE, "export_dataset_sqlite")
_add_file(PACKAGE, "export_dataset_package")
for _resource in RESOURCES:
    _add_file(
        f"{_resource.name}.parquet",
        f"export_{_resource.plural}_parquet",
        f"This file is the whole collection; `{export_path(_resource, 'csv')}` takes its filters and sorts.",
    )


class RangeFileResponse(FileResponse):
    """A file, or one range of it. A range that cannot be sent is a Problem."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = scope["headers"]
        if not self._takes_range(scope):
            headers = [each for each in headers if each[0] != b"range"]

        async def send_or_refuse(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                size = dict(message["headers"]).get(b"content-range", b"").decode("latin-1")
                detail = "The Range of this request cannot be given. Leave it out, or ask within the file."
                raise Problem(message["status"], detail, headers={"Content-Range": size} if size else {})
            await send(message)

        await super().__call__({**scope, "headers": headers}, receive, send_or_refuse)

    def _takes_range(self, scope: Scope) -> bool:
        """Whether the Range of a request is heeded: of GET alone (RFC 9110, section 14.2). Preconditions come
        first (section 13.2.2), and a unit other than bytes is ignored (section 14.2). Several ranges would be separated
        by a random boundary: the whole file is sent instead, so that the same request gives the same bytes."""
        request, etag = request_headers(scope), self.headers["etag"].encode()
        unit, _, ranges = request.get(b"range", b"").partition(b"=")
        return (
            scope.get("state", {}).get("method") != "HEAD"
            and unit.strip().lower() == b"bytes"
            and b"," not in ranges
            and request.get(b"if-range", etag) == etag  # a date is none of ours
            and conditional_status(request, etag) == 200
        )
