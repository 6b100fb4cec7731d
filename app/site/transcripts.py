"""Transcripts as pages: the lines of a document with the facts that rest on each, and the lines that none rests on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from markupsafe import Markup
from pyroaring import BitMap
from sqlalchemy import bindparam, select
from starlette.responses import Response

from app.api import transcript
from app.api.parameters import RecordId, by_name
from app.db.base import Statement
from app.query.columns import BETWEEN
from app.query.matching import Matcher
from app.resources import RESOURCES
from app.resources.documents import DOCUMENTS
from app.resources.tables import RESOURCE_TABLES
from app.site.pages import item_page, read_item
from app.site.values import PER_PAGE, escape, html, line_address
from app.site.view import View, page_view

PARAMETERS = by_name(transcript.PARAMETERS["from"])
FIRST_FACTS = 3  # of a line; the others are folded

router = APIRouter(include_in_schema=False)


def _statements(resource: Any) -> tuple[Statement, Statement]:
    """What finds the evidence of a resource's records in some lines of a document, and all lines that it rests on.
    Relational tables are read: whole records would have to be parsed, each for a few of its quotes."""
    own, *lists = RESOURCE_TABLES[resource.name]
    evidence = next(each.table for each in lists if each.field == "evidence").c
    record = own.table.c
    of_document = evidence.document == bindparam("document")
    facts = (
        select(
            record.id,
            record.name_ja,
            record.name_en,
            evidence.lines_from,
            evidence.lines_to,
            evidence.quote,
            evidence.supports,
        )
        .join_from(own.table, evidence.quote.table, record.id == evidence[f"{resource.singular}_id"])
        .where(of_document, evidence.lines_from <= bindparam("last"), evidence.lines_to >= bindparam("first"))
        .order_by(record.key, evidence.position)
    )
    lines = select(evidence.lines_from, evidence.lines_to).where(of_document, evidence.lines_from.is_not(None))
    return Statement(facts), Statement(lines.distinct())


STATEMENTS = {resource.name: _statements(resource) for resource in RESOURCES}
TEXTS = Statement(
    select(transcript.LINES.c.number, transcript.LINES.c.text)
    .where(transcript.OF_DOCUMENT)
    .order_by(transcript.LINES.c.number)
)


@dataclass
class Fact:
    """A record that rests on a line, and the fields that do."""

    resource: str
    id: str
    name: Mapping[str, str]
    supports: dict[str, None] = field(default_factory=dict)


@dataclass
class Line:
    """A line of a transcript, its quoted passages marked."""

    number: int
    text: Markup
    blank: bool
    facts: Sequence[Fact]


@dataclass(frozen=True)
class Transcript:
    """Some lines of a document, and how many of all its lines that have words a fact rests on. `bare` are the first
    and the last line of each passage that none rests on."""

    lines: Sequence[Line]
    written: int
    covered: int
    bare: Sequence[tuple[int, int]]
    places: Sequence[int]  # the first line of each page


def marked(text: str, quotes: Iterable[str]) -> Markup:
    """A line with its quoted passages marked: the whole line, if a quote is of several and is written otherwise."""
    quoted = bytearray(len(text))
    for quote in quotes:
        found = False
        for part in filter(None, map(str.strip, quote.split("\n"))):
            start = text.find(part)
            while start >= 0:
                quoted[start : start + len(part)] = b"\1" * len(part)
                found, start = True, text.find(part, start + len(part))
        if not found:
            quoted = bytearray(b"\1" * len(text))
    shown = []
    for is_quoted, places in groupby(range(len(text)), quoted.__getitem__):
        part = escape("".join(text[place] for place in places))
        shown.append(f"<mark>{part}</mark>" if is_quoted else part)
    return html("".join(shown))


def read(document: str, first: int, matcher: Matcher) -> Transcript:
    """A page of a document's lines, from the one that `first` is on."""
    session = matcher.session
    texts: dict[int, str] = dict(session.query(TEXTS, document=document))
    start = (first - 1) // PER_PAGE * PER_PAGE + 1
    end = min(start + PER_PAGE - 1, len(texts))
    facts: dict[int, dict[tuple[str, str], Fact]] = defaultdict(dict)
    quotes: dict[int, dict[str, None]] = defaultdict(dict)
    resting = BitMap()
    for resource, (of_lines, all_lines) in STATEMENTS.items():
        for from_, to in session.query(all_lines, document=document):
            resting.add_range(from_, to + 1)
        for id_, ja, en, from_, to, quote, supports in session.query(
            of_lines, document=document, first=start, last=end
        ):
            for number in range(max(from_, start), min(to, end) + 1):
                fact = facts[number].setdefault((resource, id_), Fact(resource, id_, {"ja": ja, "en": en}))
                fact.supports |= dict.fromkeys(name.partition(".")[0] for name in (supports or "").split(BETWEEN))
                quotes[number][quote or texts[number]] = None
    written = BitMap(number for number, text in texts.items() if text.strip())
    return Transcript(
        [
            Line(number, marked(texts[number], quotes[number]), not texts[number].strip(), [*facts[number].values()])
            for number in range(start, end + 1)
        ],
        len(written),
        len(written & resting),
        list(_passages(written, written - resting)),
        range(1, len(texts) + 1, PER_PAGE),
    )


def _passages(written: BitMap, bare: BitMap) -> Iterable[tuple[int, int]]:
    """The bare lines as passages: lines without words between two of them part nothing."""
    passage: list[int] = []
    for number in written:
        if number in bare:
            passage.append(number)
        elif passage:
            yield passage[0], passage[-1]
            passage = []
    if passage:
        yield passage[0], passage[-1]


async def _view(request: Request) -> View:
    return page_view(request, PARAMETERS)


@router.get("/documents/{id}")
async def document(id_: RecordId, view: Annotated[View, Depends(_view)]) -> Response:
    def answers(matcher: Matcher) -> tuple[Any, Any, Transcript]:
        record, refer = read_item(DOCUMENTS, id_, view, matcher)
        return record, refer, read(id_, view.query.number("from") or 1, matcher)

    record, refer, shown = await view.snapshot.run(answers)
    return item_page(
        view,
        DOCUMENTS.name,
        record,
        refer,
        "document.html",
        transcript=shown,
        first_facts=FIRST_FACTS,
        per_page=PER_PAGE,
        address=partial(line_address, view, id_),
        path=f"/documents/{id_}/lines",
    )
