"""Transcripts as pages: the lines of a document with the facts that rest on each, and the lines that none rests on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Request
from markupsafe import Markup
from pyroaring import BitMap
from sqlalchemy import bindparam, select
from starlette.responses import Response

from app.api import transcript
from app.api.parameters import RecordId, by_name
from app.db.base import Session, Statement
from app.query.columns import BETWEEN
from app.query.matching import Matcher
from app.resources.documents import DOCUMENTS
from app.resources.facts import FACTS
from app.resources.tables import RESOURCE_TABLES
from app.site.labels import label
from app.site.pages import Item, item_page, read_item
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
        .where(
            of_document,
            evidence.lines_from.between(bindparam("earliest"), bindparam("last")),
            evidence.lines_to >= bindparam("first"),
        )
        .order_by(record.key, evidence.position)
    )
    lines = select(evidence.lines_from, evidence.lines_to).where(of_document, evidence.lines_from.is_not(None))
    return Statement(facts), Statement(lines.distinct())


STATEMENTS = {resource.name: _statements(resource) for resource in FACTS}
NUMBER = transcript.LINES.c.number
TEXTS = select(NUMBER, transcript.LINES.c.text).where(transcript.OF_DOCUMENT).order_by(NUMBER)
ALL_TEXTS = Statement(TEXTS)
PAGE = Statement(TEXTS.where(NUMBER.between(bindparam("first"), bindparam("last"))))


class Fact(NamedTuple):
    """A record that rests on a line."""

    resource: str
    id: str
    ja: str
    en: str


Facts = Mapping[Fact, tuple[str, ...]]  # with the fields that do


@dataclass
class Line:
    """A line of a transcript, its quoted passages marked."""

    number: int
    text: Markup
    blank: bool
    facts: Facts


@dataclass(frozen=True)
class Transcript:
    """Some lines of a document, and how many of all its lines that have words a fact rests on. `bare` are the first
    and the last line of each passage that none rests on."""

    lines: Sequence[Line]
    written: int
    covered: int
    bare: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Coverage:
    """The lines of a document that have words, and those of them that facts rest on. Evidence is of at most `longest`
    lines after its first."""

    written: BitMap
    covered: BitMap
    longest: int


def marked(text: str, quotes: Iterable[str]) -> Markup:
    """A line with its quoted passages marked: the whole line, if a quote is of several and is written otherwise."""
    places: list[tuple[int, int]] = []
    for quote in quotes if text else ():
        parts = filter(None, map(str.strip, quote.split("\n")))
        found = [place for part in parts for place in _places(part, text)]
        places += found or [(0, len(text))]
    shown, end = [], 0
    for first, last in _united(places):
        shown += [escape(text[end:first]), f"<mark>{escape(text[first:last])}</mark>"]
        end = last
    return html("".join((*shown, escape(text[end:]))))


def _places(part: str, text: str) -> Iterable[tuple[int, int]]:
    """Where a part of a quote stands in a text."""
    start = text.find(part)
    while start >= 0:
        yield start, start + len(part)
        start = text.find(part, start + len(part))


def _united(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Intervals in their order, those that touch as one."""
    united: list[tuple[int, int]] = []
    for first, last in sorted(places):
        if united and first <= united[-1][1]:
            united[-1] = united[-1][0], max(united[-1][1], last)
        else:
            united.append((first, last))
    return united


@lru_cache(10_000)  # the same few combinations recur on every line
def _about(language: str, *names: str) -> str:
    """The labels of a resource and of some of its fields, as HTML."""
    resource, *fields = (label(name, language) for name in names)
    return escape(f"{resource}: {('、' if language == 'ja' else ', ').join(fields)}")


def facts_list(view: View, facts: Facts) -> Markup:
    """The facts of a line: each record, and the fields of it that rest on the line. Lines have hundreds of them: they
    are written here, as values are."""
    query = f"?lang={view.language}" if view.chosen else ""
    rows = []
    for each, fields in facts.items():
        name = escape(each.ja if view.language == "ja" else each.en)
        address = f"{view.prefix}/{each.resource}/{each.id}{query}"
        about = _about(view.language, each.resource, *fields)
        rows.append(f'<li><a href="{address}">{name}</a> <span class="by">{about}</span></li>')
    folded = ""
    if rows[FIRST_FACTS:]:
        more = view.tr(f"ほか{len(rows) - FIRST_FACTS}件", f"{len(rows) - FIRST_FACTS} more")
        folded = f"<li><details><summary>{more}</summary><ul>{''.join(rows[FIRST_FACTS:])}</ul></details></li>"
    return html(f'<ul class="facts" lang="{view.language}">{"".join(rows[:FIRST_FACTS])}{folded}</ul>')


def _coverage(document: str, view: View, session: Session) -> Coverage:
    """The coverage of a document, which one snapshot of the data finds once: it needs every line."""
    key = f"coverage/{document}"
    found: Coverage | None = view.snapshot.index.get(key)
    if found is None:
        written = BitMap(number for number, text in session.query(ALL_TEXTS, document=document) if text.strip())
        resting, longest = BitMap(), 0
        for _, of_lines in STATEMENTS.values():
            for first, last in session.query(of_lines, document=document):
                resting.add_range(first, last + 1)
                longest = max(longest, last - first)
        found = view.snapshot.index[key] = Coverage(written, written & resting, longest)
    return found


@lru_cache(10_000)  # as `_about`
def _fields(supports: str) -> tuple[str, ...]:
    """The fields of a record whose parts a quote supports, each once, in their order."""
    return tuple(dict.fromkeys(name.partition(".")[0] for name in supports.split(BETWEEN)))


def read(document: str, view: View, matcher: Matcher) -> Transcript:
    """A page of a document's lines: those from the parameter `from` on, or rather from the first of its page."""
    session = matcher.session
    coverage = _coverage(document, view, session)
    first = ((view.query.number("from") or 1) - 1) // PER_PAGE * PER_PAGE + 1
    last = first + PER_PAGE - 1
    place = {"first": first, "last": last}
    texts: dict[int, str] = dict(session.query(PAGE, document=document, **place))
    facts: dict[int, dict[Fact, tuple[str, ...]]] = defaultdict(dict)
    quotes: dict[int, dict[str, None]] = defaultdict(dict)
    for resource, (of_page, _) in STATEMENTS.items():
        rows = session.query(of_page, document=document, earliest=first - coverage.longest, **place)
        for id_, ja, en, from_, to, quote, supports in rows:
            fact, fields = Fact(resource, id_, ja, en), _fields(supports or "")
            for number in range(max(from_, first), min(to, last) + 1):
                before = facts[number].get(fact, ())
                facts[number][fact] = tuple(dict.fromkeys((*before, *fields))) if before else fields
                quotes[number][quote or texts[number]] = None
    return Transcript(
        [Line(number, marked(text, quotes[number]), not text.strip(), facts[number]) for number, text in texts.items()],
        len(coverage.written),
        len(coverage.covered),
        list(_passages(coverage.written, coverage.written - coverage.covered)),
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
    def answers(matcher: Matcher) -> tuple[Item, Transcript]:
        return read_item(DOCUMENTS, id_, view, matcher), read(id_, view, matcher)

    item, shown = await view.snapshot.run(answers)
    return item_page(
        view,
        DOCUMENTS.name,
        item,
        "document.html",
        transcript=shown,
        shown=partial(facts_list, view),
        per_page=PER_PAGE,
        address=partial(line_address, view, id_),
        path=f"/documents/{id_}/lines",
    )
