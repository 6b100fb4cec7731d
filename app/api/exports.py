"""Exports: a collection as a download, under the filters of its list. Rows are read in batches, each on its own
session, so that a download of any size takes constant memory and holds no connection."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Annotated, TypeVar

import anyio.to_thread
import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from app import __version__
from app.api.parameters import Context, Parameters, by_name, context_of, described, fields, selection
from app.api.responses import BINARY, TEXT, attachment, described_response
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
from app.query.columns import Column
from app.query.fields import chosen_columns, column_paths, field_paths, project
from app.query.filters import YES_NO, Parameter
from app.query.formats import (
    BINARY_TYPE,
    FORMATS,
    IN_MEMORY_ROWS,
    MAX_XLSX_ROWS,
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
from app.query.searcher import Searcher
from app.resources import RESOURCES
from app.schemas import Note

T = TypeVar("T")

BATCH = 300  # rows: fewer cost more switches between threads, more take memory while a client reads slowly
CHUNK = 1 << 16  # bytes

logger = logging.getLogger("shisaku")

BOM = Parameter(
    "bom",
    "Begin with a byte order mark, by which Excel knows UTF-8.",
    "boolean",
    choices=YES_NO,
    default="false",
)

NO_ROOM = "There is no room here to make so large a workbook. Narrow the question, or take CSV."


router = APIRouter(tags=["exports"])

# Makes the body of a download of a resource: what it refuses, it refuses before the body begins.
Content = Callable[[Resource, Context], Awaitable[AsyncIterator[bytes]]]


def _add_export(resource: Resource, extension: str, content: Content, *own: Parameter) -> None:
    parameters: Parameters = by_name(*selection(resource), *own)
    format_ = FORMATS[extension]
    media_type = content_type(format_.media_type)

    @router.get(
        export_path(resource, extension),
        operation_id=f"export_{resource.plural}_{extension}",
        summary=f"Download {resource.plural.replace('_', ' ')} as {extension.upper()}",
        description=f"The rows of the list under the same filters, in the same order. {format_.meaning}",
        openapi_extra=described(parameters),
        **described_response(media_type, BINARY if media_type == BINARY_TYPE else TEXT),
    )
    async def download(request: Request, context: Annotated[Context, context_of(parameters)]) -> Response:
        sent, etag = request_headers(request.scope), _etag(resource, extension, context)
        headers = attachment(f"{resource.name}.{extension}")
        compressed = is_compressed(sent, media_type)
        if compressed:
            etag = gzip_etag(etag)
            headers["Content-Encoding"] = "gzip"
        headers["ETag"] = etag.decode()
        status = conditional_status(sent, etag)
        if status != 200 or request.scope["state"].get("method") == "HEAD":
            return StreamingResponse([], headers=headers, media_type=media_type)  # the body is not made for nothing
        parts = await content(resource, context)
        return StreamingResponse(
            compressed_stream(parts) if compressed else parts, headers=headers, media_type=media_type
        )


def _etag(resource: Resource, extension: str, context: Context) -> bytes:
    """Identifies the bytes by all that they are made from, so that they need not be made to be compared."""
    dataset = context.snapshot.dataset
    made_from = [
        __version__,
        dataset.version.model_dump(),
        dataset.attribution,
        [(column.name, column.meaning) for column in _columns(resource, context)],
        f"{resource.name}.{extension}?{context.query.encode()}",
    ]
    return f'"{sha256(orjson.dumps(made_from)).hexdigest()[:24]}"'.encode()


def _columns(resource: Resource, context: Context) -> Sequence[Column]:
    return chosen_columns(resource.record, context.query.get("fields"))


def _rows(resource: Resource, query: Query, searcher: Searcher) -> Keyset:
    """The rows of the list under the same filters, in its order."""
    return searcher.keyset(resource, query, searcher.match(resource, query))


async def _batches(
    rows: Keyset, statement: Statement, encode: Callable[[list[bytes]], T], context: Context
) -> AsyncIterator[T]:
    """What is made of these rows as the statement gives them, a batch at a time: one at least, which may be empty."""
    after: Row | None = None

    def read(session: Session) -> tuple[T, Row | None]:
        page = rows.page(after and after.at, BATCH + 1)
        last = page[BATCH - 1] if len(page) > BATCH else None
        return encode(read_rows(statement, page[:BATCH], session)), last

    while True:
        batch, after = await context.snapshot.database.run_for_download(read)
        yield batch
        if after is None:
            break


async def _streamed(
    rows: Keyset, statement: Statement, encode: Callable[[list[bytes]], bytes], context: Context, head: bytes = b""
) -> AsyncIterator[bytes]:
    """The first batch is read before the response begins, so that an error is still answered as one."""
    batches = _batches(rows, statement, encode, context)
    first = await anext(batches)

    async def stream() -> AsyncIterator[bytes]:
        yield head + first
        async for batch in batches:
            yield batch

    return stream()


async def _csv(resource: Resource, context: Context) -> AsyncIterator[bytes]:
    rows = await context.snapshot.run(_rows, resource, context.query)
    csv = Csv(_columns(resource, context))
    head = csv.head(bom=context.query.text("bom") == "true")
    if not context.query.get("fields"):
        return await _streamed(rows, CSV_LINES, b"".join, context, head)

    def lines(records: list[bytes]) -> bytes:
        return b"".join(map(csv.line, map(orjson.loads, records)))

    return await _streamed(rows, RECORDS, lines, context, head)


async def _ndjson(resource: Resource, context: Context) -> AsyncIterator[bytes]:
    chosen = context.query.get("fields")
    rows = await context.snapshot.run(_rows, resource, context.query)
    return await _streamed(rows, RECORDS, lambda records: ndjson(project(records, chosen)), context)


def _rows_and_notes(resource: Resource, query: Query, searcher: Searcher) -> tuple[Keyset, list[Note]]:
    rows = searcher.match(resource, query)
    return searcher.keyset(resource, query, rows), query_notes(query, [resource], rows, searcher)


async def _xlsx(resource: Resource, context: Context) -> AsyncIterator[bytes]:
    rows, notes = await context.snapshot.run(_rows_and_notes, resource, context.query)
    if len(rows) > MAX_XLSX_ROWS:
        detail = f"{len(rows)} rows are more than a workbook here takes ({MAX_XLSX_ROWS})."
        raise Problem(422, f"{detail} Narrow the question, or take CSV.")
    try:
        with ExitStack() as stack:
            folder = None if len(rows) <= IN_MEMORY_ROWS else Path(stack.enter_context(TemporaryDirectory()))
            file: IO[bytes] = (folder / "workbook").open("w+b") if folder else BytesIO()
            stack.enter_context(file)
            about, shown = context.snapshot.dataset.about, _columns(resource, context)
            workbook = Workbook(file, resource, about, context.query.encode(), notes, folder, shown)
            await _write(workbook, rows, context)
            file.seek(0)
            return _chunks(file, stack.pop_all())
    except OSError as error:
        logger.warning("no workbook can be made: %s", error)
        raise unavailable(NO_ROOM, 60) from error


async def _write(workbook: Workbook, rows: Keyset, context: Context) -> None:
    try:
        async for _ in _batches(rows, RECORDS, workbook.add, context):
            pass
        await anyio.to_thread.run_sync(workbook.close)
    except BaseException:
        workbook.discard()
        raise


async def _chunks(file: IO[bytes], stack: ExitStack) -> AsyncIterator[bytes]:
    """The rest of a file, whose stack closes it."""
    with stack:
        while chunk := await anyio.to_thread.run_sync(file.read, CHUNK):
            yield chunk


for _resource in RESOURCES:
    _with_columns = fields(column_paths(_resource.record))
    _add_export(_resource, "csv", _csv, _with_columns, BOM)
    _add_export(_resource, "ndjson", _ndjson, fields(field_paths(_resource.record)))
    _add_export(_resource, "xlsx", _xlsx, _with_columns)
