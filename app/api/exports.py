"""Exports: a collection as a download, from the question of its pages; a reader is held for a batch, not longer."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio.to_thread
from starlette.responses import Response, StreamingResponse

from app import __version__
from app.db import Rows, Statement
from app.errors import Problem
from app.facts.shapes import Note
from app.reading import sql
from app.reading.answers import DatasetVersion
from app.reading.columns import columns
from app.reading.filters import FLAG, Parameter
from app.reading.formats import About, Csv, Encoder, Ndjson, Workbook
from app.reading.operations import Operation
from app.reading.question import Question, told
from app.reading.resource import Resource
from app.reading.routes import by_name, ordering
from app.reading.service import Snapshot
from app.reading.views import At, View

BATCH = 1_000
CHUNK = 1 << 16
MOST_XLSX_ROWS = 50_000  # a workbook is whole before its first byte leaves

NO_ROOM = "There is no folder here to make a workbook in. Take CSV, or tell whoever runs this service."

MEDIA_TYPES = {
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
MEANINGS = {
    "csv": "UTF-8, CRLF, a header row. Lists are joined by `;`. A text that a spreadsheet would run as a formula has "
    "an apostrophe before it; take one off each text that begins with one to restore it.",
    "ndjson": "One record a line, as lists have it.",
    "xlsx": f"A workbook of at most {MOST_XLSX_ROWS} rows: numbers are numbers, and a second sheet has the "
    "attribution, the notes and what each column means.",
}

BOM = Parameter(
    name="bom",
    meaning="Begin with a byte order mark, by which Excel knows UTF-8.",
    kind="boolean",
    choices=FLAG,
    default="false",
)


def export_path(resource: Resource, extension: str) -> str:
    return f"/v1/exports/{resource.name}.{extension}"


def export_operations(resource: Resource) -> list[Operation]:
    """The downloads of one resource."""
    return [
        _operation(resource, "csv", _csv, BOM),
        _operation(resource, "ndjson", _ndjson),
        _operation(resource, "xlsx", _xlsx),
    ]


def _operation(
    resource: Resource,
    extension: str,
    respond: Callable[[Resource, Question, Snapshot], Any],
    *own: Parameter,
) -> Operation:
    noun = resource.plural.replace("_", " ")

    async def export(snapshot: Snapshot, question: Question, _: str) -> Response:
        content = await respond(resource, question, snapshot)
        headers = {
            "Content-Disposition": f'attachment; filename="{resource.name}.{extension}"',
            "ETag": _tag(resource, extension, question, snapshot),
        }
        return StreamingResponse(content, headers=headers, media_type=MEDIA_TYPES[extension])

    return Operation(
        path=export_path(resource, extension),
        answer=export,
        parameters=by_name(*ordering(resource), *own),
        name=f"export_{resource.plural}_{extension}",
        summary=f"Download {noun} as {extension.upper()}",
        description=f"The rows of the list under the same filters, in the same order. {MEANINGS[extension]}",
        tag="exports",
        media_type=MEDIA_TYPES[extension],
    )


def _tag(resource: Resource, extension: str, question: Question, snapshot: Snapshot) -> str:
    """Names the bytes by all that they are made from, so that they need not be made to be compared."""
    made_from = (
        snapshot.dataset.version.model_dump(),
        snapshot.dataset.attribution,
        columns(resource.record),
        f"{resource.name}.{extension}?{question.query()}",
        __version__,
    )
    return f'"{sha256(repr(made_from).encode()).hexdigest()[:24]}"'


async def _csv(resource: Resource, question: Question, snapshot: Snapshot) -> AsyncIterator[bytes]:
    encoder = Csv(columns(resource.record), bom=question.text("bom") == "true")
    return await _streamed(resource, question, snapshot, resource.reads.some_lines, encoder)


async def _ndjson(resource: Resource, question: Question, snapshot: Snapshot) -> AsyncIterator[bytes]:
    return await _streamed(resource, question, snapshot, resource.reads.some_records, Ndjson())


Batch = tuple[list[bytes], At | None]


async def _streamed(
    resource: Resource, question: Question, snapshot: Snapshot, statement: Statement, encoder: Encoder
) -> AsyncIterator[bytes]:
    """The first batch is read before the answer begins, so that what goes wrong with it is still told as a Problem."""
    view = await snapshot.database.answer(partial(_view, resource, question, snapshot))
    read = _reader(view, snapshot, statement)
    texts, following = await read(None)

    async def stream() -> AsyncIterator[bytes]:
        yield encoder.head() + encoder.rows(texts)
        at = following
        while at is not None:
            more, at = await read(at)
            yield encoder.rows(more)

    return stream()


def _reader(view: View, snapshot: Snapshot, statement: Statement) -> Callable[[At | None], Awaitable[Batch]]:
    """Reads what a statement by keys says of the rows after a place, and the place after them when there are more."""

    def batch(at: At | None, rows: Rows) -> Batch:
        found = view.page(at, BATCH + 1)
        following = found[BATCH - 1].at if len(found) > BATCH else None
        return sql.texts(statement, found[:BATCH], rows), following

    return lambda at: snapshot.database.batch(partial(batch, at))


def _view(resource: Resource, question: Question, snapshot: Snapshot, rows: Rows) -> View:
    return snapshot.sets.view(resource, question, snapshot.sets.matching(resource, question, rows))


async def _xlsx(resource: Resource, question: Question, snapshot: Snapshot) -> AsyncIterator[bytes]:
    view = await snapshot.database.answer(partial(_view, resource, question, snapshot))
    if len(view) > MOST_XLSX_ROWS:
        more = f"{len(view)} rows are more than a workbook here takes ({MOST_XLSX_ROWS})."
        detail = f"{more} Narrow the question, or take CSV."
        raise Problem(422, detail)
    return _workbook(resource, question, snapshot, _reader(view, snapshot, resource.reads.some_records))


async def _workbook(
    resource: Resource, question: Question, snapshot: Snapshot, read: Callable[[At | None], Awaitable[Batch]]
) -> AsyncIterator[bytes]:
    """Made when its first byte is wanted: whoever has it already wants none."""
    dataset = snapshot.dataset
    notes = told(question, dataset.vocabularies)
    about = about_workbook(resource, question.query(), dataset.version, dataset.attribution, notes)
    try:
        folder = TemporaryDirectory()
    except OSError as error:
        raise Problem(503, NO_ROOM, headers={"Retry-After": "60"}) from error
    with folder as name, (Path(name) / "workbook").open("w+b") as file:
        book = Workbook(file, columns(resource.record), about, Path(name))
        at: At | None = None
        while True:
            found, at = await read(at)
            await anyio.to_thread.run_sync(book.rows, found)
            if at is None:
                break
        await anyio.to_thread.run_sync(book.close)
        file.seek(0)
        while chunk := await anyio.to_thread.run_sync(file.read, CHUNK):
            yield chunk


def about_workbook(
    resource: Resource, query: str, version: DatasetVersion, attribution: str, notes: Iterable[Note]
) -> About:
    """What a workbook's second sheet says of it."""
    return About(
        name=resource.name,
        created=datetime.fromisoformat(version.released).replace(tzinfo=UTC),
        lines=[
            ("contents", resource.meaning),
            ("question", query or "everything"),
            ("version", f"{version.version}, released {version.released}"),
            ("digest", version.digest),
            ("attribution", attribution),
            *((note.code, f"{note.ja}\n{note.en}") for note in notes),
        ],
    )
