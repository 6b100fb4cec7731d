"""Exports: a collection as a download, under the filters of its list. Rows are read in batches, each on its own
session, so that a download of any size takes constant memory and holds no connection."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Annotated, Any

import anyio.to_thread
import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from app import __version__
from app.api.parameters import Context, Parameters, by_name, context_of, described, fields, selection
from app.api.responses import attachment, described_response
from app.db.base import Session, Statement
from app.errors import Problem, unavailable
from app.http.representation import (
    compressed_stream,
    conditional_status,
    gzip_etag,
    is_compressed,
    request_headers,
)
from app.index import Keyset, Row
from app.query.columns import LISTS, Column
from app.query.fields import chosen_columns, column_paths, field_paths, project
from app.query.filters import YES_NO, Parameter
from app.query.formats import (
    IN_MEMORY_ROWS,
    MAX_XLSX_ROWS,
    MEDIA_TYPES,
    Csv,
    Workbook,
    content_type,
    export_path,
    ndjson,
)
from app.query.notes import query_notes
from app.query.parser import Query
from app.query.records import CSV_LINES, RECORDS, read_rows
from app.query.resource import Resource
from app.query.snapshot import Snapshot
from app.schemas import Note

BATCH = 100  # rows
CHUNK = 1 << 16  # bytes

logger = logging.getLogger("shisaku")

MEANINGS = {
    "csv": f"UTF-8, CRLF, a header row. Lists are {LISTS} A text that a spreadsheet would run as a formula has "
    "an apostrophe before it; take one off each text that begins with one to restore it.",
    "ndjson": "One record a line, as lists have it.",
    "xlsx": f"A workbook of at most {MAX_XLSX_ROWS} rows: numbers are numbers, and a second sheet has the "
    "attribution, the notes and what each column means.",
    "parquet": "The whole collection in the columns of its CSV, with their types: whole numbers are int64, others "
    "decimal, yes or no is boolean, a list is a list of its items, and what a record does not have is null. Lists "
    "whose columns begin with the same word, such as `evidence_bases` and `evidence_quotes`, have an item each for one "
    "thing.",
}
TEXT = {"type": "string"}
BINARY = {**TEXT, "format": "binary"}

BOM = Parameter(
    "bom",
    "Begin with a byte order mark, by which Excel knows UTF-8.",
    "boolean",
    choices=YES_NO,
    default="false",
)

NO_ROOM = "There is no room here to make so large a workbook. Narrow the question, or take CSV."


def exports_router(resources: Iterable[Resource]) -> APIRouter:
    """The downloads of all collections."""
    router = APIRouter(tags=["exports"])
    for resource in resources:
        with_columns = fields(column_paths(resource.record))
        _add_export(router, resource, "csv", _csv, TEXT, with_columns, BOM)
        _add_export(router, resource, "ndjson", _ndjson, TEXT, fields(field_paths(resource.record)))
        _add_export(router, resource, "xlsx", _xlsx, BINARY, with_columns)
    return router


@dataclass(frozen=True)
class ExportRequest:
    """A request for a download."""

    resource: Resource
    query: Query
    snapshot: Snapshot

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that are chosen; empty for all."""
        return self.query.get("fields")

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of those fields."""
        return chosen_columns(self.resource.record, self.fields)

    async def rows(self) -> Keyset:
        """The rows of the list under the same filters, in its order."""
        resource, query = self.resource, self.query
        return await self.snapshot.run(lambda matcher: matcher.keyset(resource, query, matcher.match(resource, query)))

    async def notes(self) -> list[Note]:
        """The notes that the list has."""
        resource, query = self.resource, self.query
        return await self.snapshot.run(
            lambda matcher: query_notes(query, [resource], matcher.match(resource, query), matcher)
        )

    async def batches(self, rows: Keyset, statement: Statement) -> AsyncIterator[list[bytes]]:
        """What the statement gives of these rows, a batch at a time: one at least, which may be empty."""
        after: Row | None = None

        def read(session: Session) -> tuple[list[bytes], Row | None]:
            page = rows.page(after and after.at, BATCH + 1)
            last = page[BATCH - 1] if len(page) > BATCH else None
            return read_rows(statement, page[:BATCH], session), last

        while True:
            batch, after = await self.snapshot.database.run_for_download(read)
            yield batch
            if after is None:
                break


Content = Callable[[ExportRequest], Awaitable[AsyncIterator[bytes]]]


def _add_export(
    router: APIRouter,
    resource: Resource,
    extension: str,
    content: Content,
    schema: Mapping[str, Any],
    *own: Parameter,
) -> None:
    parameters: Parameters = by_name(*selection(resource), *own)
    media_type = content_type(MEDIA_TYPES[extension])

    @router.get(
        export_path(resource, extension),
        operation_id=f"export_{resource.plural}_{extension}",
        summary=f"Download {resource.plural.replace('_', ' ')} as {extension.upper()}",
        description=f"The rows of the list under the same filters, in the same order. {MEANINGS[extension]}",
        openapi_extra=described(parameters),
        **described_response(media_type, schema),
    )
    async def download(request: Request, context: Annotated[Context, context_of(parameters)]) -> Response:
        export = ExportRequest(resource, context.query, context.snapshot)
        sent, etag = request_headers(request.scope), _etag(export, extension)
        headers = attachment(f"{resource.name}.{extension}")
        compressed = is_compressed(sent, media_type)
        if compressed:
            etag = gzip_etag(etag)
            headers["Content-Encoding"] = "gzip"
        headers["ETag"] = etag.decode()
        status = conditional_status(sent, etag)
        if status != 200 or request.scope["state"].get("method") == "HEAD":
            return StreamingResponse([], headers=headers, media_type=media_type)  # the body is not made for nothing
        parts = await content(export)
        return StreamingResponse(
            compressed_stream(parts) if compressed else parts, headers=headers, media_type=media_type
        )


def _etag(export: ExportRequest, extension: str) -> bytes:
    """Identifies the bytes by all that they are made from, so that they need not be made to be compared."""
    dataset = export.snapshot.dataset
    made_from = [
        __version__,
        dataset.version.model_dump(),
        dataset.attribution,
        [(column.name, column.meaning) for column in export.columns],
        f"{export.resource.name}.{extension}?{export.query.encode()}",
    ]
    return f'"{sha256(orjson.dumps(made_from)).hexdigest()[:24]}"'.encode()


async def _csv(export: ExportRequest) -> AsyncIterator[bytes]:
    csv = Csv(export.columns)
    head = csv.head(bom=export.query.text("bom") == "true")
    if not export.fields:
        return await _streamed(export, CSV_LINES, head, b"".join)
    return await _streamed(export, RECORDS, head, lambda records: b"".join(map(csv.line, map(orjson.loads, records))))


async def _ndjson(export: ExportRequest) -> AsyncIterator[bytes]:
    return await _streamed(export, RECORDS, b"", lambda records: ndjson(project(records, export.fields)))


async def _streamed(
    export: ExportRequest, statement: Statement, head: bytes, encode: Callable[[list[bytes]], bytes]
) -> AsyncIterator[bytes]:
    """The first batch is read before the response begins, so that an error is still answered as one. Batches are
    encoded on a thread, because to choose fields takes long."""
    batches = export.batches(await export.rows(), statement)
    first = await anext(batches)

    async def stream() -> AsyncIterator[bytes]:
        yield head + await anyio.to_thread.run_sync(encode, first)
        async for batch in batches:
            yield await anyio.to_thread.run_sync(encode, batch)

    return stream()


async def _xlsx(export: ExportRequest) -> AsyncIterator[bytes]:
    rows = await export.rows()
    if len(rows) > MAX_XLSX_ROWS:
        detail = f"{len(rows)} rows are more than a workbook here takes ({MAX_XLSX_ROWS})."
        raise Problem(422, f"{detail} Narrow the question, or take CSV.")
    try:
        with ExitStack() as stack:
            folder = None if len(rows) <= IN_MEMORY_ROWS else Path(stack.enter_context(TemporaryDirectory()))
            file: IO[bytes] = (folder / "workbook").open("w+b") if folder else BytesIO()
            stack.enter_context(file)
            await _write_workbook(export, rows, file, folder)
            file.seek(0)
            return _chunks(file, stack.pop_all())
    except OSError as error:
        logger.warning("no workbook can be made: %s", error)
        raise unavailable(NO_ROOM, 60) from error


async def _write_workbook(export: ExportRequest, rows: Keyset, file: IO[bytes], folder: Path | None) -> None:
    dataset, query = export.snapshot.dataset, export.query
    notes = await export.notes()
    workbook = Workbook(file, export.resource, dataset.about, query.encode(), notes, folder, export.columns)
    try:
        async for records in export.batches(rows, RECORDS):
            await anyio.to_thread.run_sync(workbook.add, records)
        await anyio.to_thread.run_sync(workbook.close)
    except BaseException:
        workbook.discard()
        raise


async def _chunks(file: IO[bytes], stack: ExitStack) -> AsyncIterator[bytes]:
    """The rest of a file, whose stack closes it."""
    with stack:
        while chunk := await anyio.to_thread.run_sync(file.read, CHUNK):
            yield chunk
