"""Documents: the sources, their parts and, line by line, the words that every fact leads back to."""

from collections.abc import Iterator, Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pyroaring import BitMap
from sqlalchemy import Column, ForeignKey, Integer, Table, Text, bindparam, func, select
from starlette.responses import Response

from app.db import Among, Rows, Statement
from app.errors import Problem, conflict
from app.facts.entry import Entry, NameEntry, To, Written, line_range
from app.facts.library import Library, Published
from app.facts.shapes import Derived, Id, Int32, LineRange, Name, Record, Ref, Sentence, Shape
from app.facts.tables import Row, metadata, word
from app.reading.filters import Parameter
from app.reading.operations import Operation, respond
from app.reading.page import Listing, answer, page_of
from app.reading.question import Question
from app.reading.resource import Lists, Resource
from app.reading.routes import CURSOR, OFFSET, by_name, limit_to, missing
from app.reading.service import Service, Snapshot
from app.reading.terms import Term
from app.reading.views import Found, Keys, View
from app.resources.dates import Day, day
from app.resources.organizations import organization_ref

Lines = Annotated[LineRange, BeforeValidator(line_range, json_schema_input_type=int | str)]


class Transcribed(StrEnum):
    """Whether a part's words are in the transcript."""

    FULL = "full"
    MISSING = "missing"


class PartEntry(Written):
    """A part of the document, such as one slide."""

    title: NameEntry
    lines: Lines
    transcript: Transcribed


class DocumentEntry(Entry):
    """A source document; its transcript, `transcript.md`, stands beside this file."""

    name: NameEntry
    issuer: Annotated[Id, To("organizations")]
    issued: date
    attribution: Annotated[Sentence, Field(min_length=1)]
    licence: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    parts: Annotated[list[PartEntry], Field(min_length=1)]

    def faults(self, library: Library) -> Iterator[tuple[str, str]]:
        count = len(library.transcripts[self.id])
        end = 0
        for part in self.parts:
            if not end < part.lines.from_ <= part.lines.to <= count:
                told = f"lines {part.lines.from_}-{part.lines.to} of `{part.title.ja}`"
                yield "parts", f"{told} do not follow the part before, within the transcript's {count} lines"
            end = part.lines.to
        era = day(self.issued).era
        if not any(era in (piece.quote or "") for piece in self.evidence if "issued" in piece.supports):
            yield (
                "issued",
                f"{self.issued.isoformat()} is {era}, which stands in no quote that supports `issued`",
            )
        if era not in self.attribution:
            yield "attribution", f"it does not say when the document was issued: write {era} in it"


class DocumentPart(Shape):
    """A part of the document, such as one slide."""

    title: Name
    lines: LineRange
    transcript: Transcribed


class Document(Record):
    """A source document."""

    name: Name
    issuer: Annotated[Ref, To("organizations")]
    issued: Day
    attribution: Annotated[Sentence, Derived()] = Field(description="How to cite it, in the customary form.")
    licence: Sentence | None
    url: Sentence | None
    sha256: Annotated[str, Derived()] = Field(description="Of the transcript's file.")
    line_count: Annotated[Int32, Derived()]
    parts: list[DocumentPart]


class DocumentRow(Row, table=True):
    __tablename__ = "document"

    issued: str = word()


LINE = Table(
    "transcript_line",
    metadata,
    Column("document", Integer, ForeignKey("document.key"), primary_key=True),
    Column("key", Integer, primary_key=True, comment="The line's number, from 1."),
    Column("text", Text, nullable=False),
    sqlite_with_rowid=False,
)


def _publish(entry: DocumentEntry, library: Library) -> Published:
    lines = library.transcripts[entry.id]
    key = library.key(DocumentEntry, entry.id)
    record = Document(
        **library.common("documents", entry),
        name=entry.name.published(),
        issuer=organization_ref(library, entry.issuer),
        issued=day(entry.issued),
        attribution=entry.attribution,
        licence=entry.licence,
        url=entry.url,
        sha256=entry.sha256,
        line_count=len(lines),
        parts=[
            DocumentPart(title=part.title.published(), lines=part.lines, transcript=part.transcript)
            for part in entry.parts
        ],
    )
    texts = [{"document": key, "key": number, "text": text} for number, text in enumerate(lines, 1)]
    return Published(record, {"issued": entry.issued.isoformat()}, aside=((LINE, texts),))


def _term(record: Document, key: int) -> Term:
    return Term(record.id, key, record.name, (record.name.ja, record.name.en))


DOCUMENTS = Resource(
    name="documents",
    singular="document",
    meaning="The source documents and their parts.",
    record=Document,
    row=DocumentRow,
    entry=DocumentEntry,
    publish=_publish,
    own_sorts=("issued",),
    lists=(Lists("document", _term),),
)


class TranscriptLine(Shape):
    """One line of a transcript."""

    number: Int32 = Field(description="From 1.")
    text: Sentence


def _end(name: str, meaning: str) -> Parameter:
    return Parameter(name=name, meaning=meaning, kind="integer", minimum=1, maximum=10_000_000)


LAST_LINE = Statement(select(func.max(LINE.c.key)).where(LINE.c.document == bindparam("document")))
TEXTS = Statement(
    select(LINE.c.key, LINE.c.text).where(LINE.c.document == bindparam("document"), Among(LINE.c.key, "keys"))
)


def _lines(document: int, found: Sequence[Found], rows: Rows) -> list[dict[str, Any]]:
    keys = [row.key for row in found]
    by_number = dict(rows(TEXTS, document=document, keys=keys))
    return [{"number": number, "text": by_number[number]} for number in keys]


LINES = by_name(
    _end("from", "First line; the transcript's first when left out."),
    _end("to", "Last line, included; the transcript's last when left out."),
    limit_to(500),
    OFFSET,
    CURSOR,
)


def operations(service: Service) -> list[Operation]:
    """The lines of a document."""

    async def list_document_lines(snapshot: Snapshot, question: Question, id_: str) -> Response:
        first, last = question.number("from") or 1, question.number("to") or LINES["to"].maximum
        if first > last:
            message = "`from` is after `to`. Swap them."
            raise Problem(422, message, errors=[conflict("from", message)])

        def listing(rows: Rows) -> Listing:
            found = rows(DOCUMENTS.reads.key, id=id_)
            if not found:
                raise missing(DOCUMENTS, id_, rows)
            ((document,),) = found
            ((count,),) = rows(LAST_LINE, document=document)
            lines = Keys(BitMap(range(first, min(last, count) + 1)))
            return Listing(f"documents/{id_}/lines", View((lines,)), lambda found, rows: _lines(document, found, rows))

        body, links = await snapshot.database.answer(
            lambda rows: answer(
                listing(rows),
                question,
                snapshot.dataset,
                f"{service.settings.prefix}/v1/documents/{id_}/lines",
                rows,
            )
        )
        return respond(body, links)

    return [
        Operation(
            path="/v1/documents/{id}/lines",
            answer=list_document_lines,
            name="list_document_lines",
            summary="List the lines of a document's transcript",
            description="The words as they were read, line by line; evidence names these numbers.",
            tag="documents",
            shape=page_of(TranscriptLine),
            parameters=LINES,
        )
    ]
