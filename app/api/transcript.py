"""The lines of a document's transcript."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from pyroaring import BitMap
from sqlalchemy import bindparam, func, select
from starlette.responses import Response

from app.api.parameters import CURSOR, NEWEST, OFFSET, Context, RecordId, by_name, context_of, described, limit
from app.api.responses import json_response
from app.db.base import InList, Statement
from app.errors import conflict
from app.index import Keyset, Row
from app.query.filters import Parameter
from app.query.page import Links, Listing, page_model, render_page
from app.query.parser import Query
from app.query.records import read_record
from app.query.searcher import Searcher
from app.resources.documents import DOCUMENTS
from app.resources.tables import TRANSCRIPT_LINES
from app.schemas import Int32, Schema, Sentence

LINES = TRANSCRIPT_LINES.c
OF_DOCUMENT = LINES.document_id == bindparam("document")
LINE_COUNT = Statement(select(func.count()).select_from(TRANSCRIPT_LINES).where(OF_DOCUMENT))
TEXTS = Statement(select(LINES.number, LINES.text).where(OF_DOCUMENT, InList(LINES.number, "numbers")))


class TranscriptLine(Schema):
    """One line of a transcript."""

    number: Int32 = Field(description="From 1.")
    text: Sentence


def _end(name: str, meaning: str) -> Parameter:
    return Parameter(name, meaning, "integer", minimum=1, maximum=10_000_000)


PARAMETERS = by_name(
    _end("from", "First line; the transcript's first when left out."),
    _end("to", "Last line, included; the transcript's last when left out."),
    limit(500),
    OFFSET,
    CURSOR,
    NEWEST,
)

router = APIRouter(tags=[DOCUMENTS.name])


@router.get(
    "/v1/documents/{id}/lines",
    operation_id="list_document_lines",
    summary="List the lines of a document's transcript",
    description="The words as they were read, line by line; evidence names these numbers.",
    response_model=page_model(TranscriptLine),
    openapi_extra=described(PARAMETERS),
)
async def list_document_lines(id_: RecordId, context: Annotated[Context, context_of(PARAMETERS)]) -> Response:
    first, last = lines_asked(context.query)
    body, links = await context.snapshot.run(_page, id_, first, last, context)
    return json_response(body, links)


def lines_asked(query: Query) -> tuple[int, int]:
    """The first and the last line that a request is for. Raises a 422 Problem where they are the other way round."""
    first, last = query.number("from") or 1, query.number("to") or PARAMETERS["to"].maximum
    if first > last:
        raise conflict("from", "`from` is after `to`. Swap them.")
    return first, last


def _page(id_: str, first: int, last: int, context: Context, searcher: Searcher) -> tuple[bytes, Links]:
    session = searcher.session
    read_record(DOCUMENTS, id_, session)  # raises a 404 Problem if there is no such document
    ((count,),) = session.query(LINE_COUNT, document=id_)

    def render(rows: Sequence[Row]) -> list[Any]:
        numbers = [row.key for row in rows]
        texts = dict(session.query(TEXTS, document=id_, numbers=numbers))
        return [{"number": number, "text": texts[number]} for number in numbers]

    lines = Keyset.by_key(BitMap(range(first, min(last, count) + 1)))
    path = f"{context.prefix}/v1/documents/{id_}/lines"
    return render_page(Listing(f"documents/{id_}/lines", lines, render), context.query, path, searcher)
