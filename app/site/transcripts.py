"""Transcripts as pages: the lines of a document with the facts that rest on each, and the lines that none rests on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Request
from markupsafe import Markup
from pyroaring import BitMap
from sqlalchemy import Text, bindparam, cast, func, literal_column, select
from starlette.responses import Response

from app.api import transcript
from app.api.parameters import VERSION, RecordId, by_name
from app.db.base import InList, Session, Statement
from app.errors import conflict
from app.query.columns import BETWEEN
from app.query.matching import Matcher
from app.query.parser import Query
from app.resources.documents import DOCUMENTS
from app.resources.facts import FACTS
from app.resources.tables import RESOURCE_TABLES
from app.site.labels import label
from app.site.pages import Item, item_page, read_item
from app.site.values import PER_PAGE, escape, html, line_address
from app.site.view import View, page_view

PARAMETERS = by_name(transcript.PARAMETERS["from"], transcript.PARAMETERS["to"], VERSION)
# Of a line: facts after the first ones are folded; the page of the line alone has more.
FIRST_FACTS, MOST_FACTS, MOST_ALONE = 3, 20, 1_000
COMMA: Any = literal_column("','")  # a plain text would be filled in when the statement runs, which is compiled once

router = APIRouter(include_in_schema=False)


class Statements(NamedTuple):
    """What finds the evidence of a resource's records in some lines of a document, with the keys of the records; all
    lines that it rests on; and records by their keys. Relational tables are read: whole records would have to be
    parsed, each for a few of its quotes. Hundreds of records rest on the same words: those are read once."""

    evidence: Statement
    lines: Statement
    records: Statement


def _statements(resource: Any) -> Statements:
    own, *lists = RESOURCE_TABLES[resource.name]
    evidence = next(each.table for each in lists if each.field == "evidence").c
    record = own.table.c
    of_document = evidence.document == bindparam("document")
    place = (evidence.lines_from, evidence.lines_to, evidence.quote, evidence.supports)
    words = (
        select(*place, func.aggregate_strings(cast(record.key, Text), COMMA))
        .join_from(own.table, evidence.quote.table, record.id == evidence[f"{resource.singular}_id"])
        .where(
            of_document,
            evidence.lines_from.between(bindparam("earliest"), bindparam("last")),
            evidence.lines_to >= bindparam("first"),
        )
        .group_by(*place)
        .order_by(func.min(evidence.position), evidence.supports)
    )
    lines = select(evidence.lines_from, evidence.lines_to).where(of_document, evidence.lines_from.is_not(None))
    records = select(record.key, record.id, record.name_ja, record.name_en).where(InList(record.key, "keys"))
    return Statements(Statement(words), Statement(lines.distinct()), Statement(records))


STATEMENTS = {resource.name: _statements(resource) for resource in FACTS}
NUMBER = transcript.LINES.number
TEXTS = select(NUMBER, transcript.LINES.text).where(transcript.OF_DOCUMENT).order_by(NUMBER)
ALL_TEXTS = Statement(TEXTS)
PAGE = Statement(TEXTS.where(NUMBER.between(bindparam("first"), bindparam("last"))))


Record = tuple[str, int]  # its resource and its key


class Evidence(NamedTuple):
    """Words of a document, the fields that they support, and of which records of a resource, by their keys. Without a
    quote, they are whole lines."""

    resource: str
    quote: str | None
    fields: tuple[str, ...]
    keys: set[int]


class Fact(NamedTuple):
    """A record that rests on a line, with the fields that do."""

    resource: str
    id: str
    ja: str
    en: str
    fields: tuple[str, ...]


@dataclass
class Line:
    """A line of a transcript, its quoted passages marked. `more` is how many facts rest on it beside `facts`."""

    number: int
    text: Markup
    blank: bool
    facts: Sequence[Fact]
    more: int


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


def facts_list(view: View, document: str, line: Line) -> Markup:
    """The facts of a line: each record, and the fields of it that rest on the line. Pages have hundreds of them: they
    are written here, as values are."""
    query = f"?lang={view.language}" if view.chosen else ""
    rows = []
    for each in line.facts:
        name = escape(each.ja if view.language == "ja" else each.en)
        address = f"{view.prefix}/{each.resource}/{each.id}{query}"
        about = _about(view.language, each.resource, *each.fields)
        rows.append(f'<li><a href="{address}">{name}</a> <span class="by">{about}</span></li>')
    folded = rows[FIRST_FACTS:]
    if folded:
        count = len(folded) + line.more
        summary = f"<summary>{view.tr(f'ほか{count}件', f'{count} more')}</summary>"
        is_alone = len(line.facts) > MOST_FACTS
        if line.more and is_alone:
            listed = view.tr("文書全体の事実の一覧へ", "To the lists of all facts of the document")
            folded.append(f'<li><a href="#referring">{listed}</a></li>')
        elif line.more:
            alone = escape(view.url(f"/documents/{document}", f"from={line.number}&to={line.number}"))
            folded.append(f'<li><a href="{alone}">{view.tr("さらに表示", "Show more")}</a></li>')
        is_open = " open" if is_alone else ""
        folded = [f"<li><details{is_open}>{summary}<ul>", *folded, "</ul></details></li>"]
    return html(f'<ul class="facts" lang="{view.language}">{"".join((*rows[:FIRST_FACTS], *folded))}</ul>')


def _coverage(document: str, view: View, session: Session) -> Coverage:
    """The coverage of a document, which one snapshot of the data finds once: it needs every line."""
    key = f"coverage/{document}"
    found: Coverage | None = view.snapshot.index.get(key)
    if found is None:
        written = BitMap(number for number, text in session.query(ALL_TEXTS, document=document) if text.strip())
        resting, longest = BitMap(), 0
        for statements in STATEMENTS.values():
            for first, last in session.query(statements.lines, document=document):
                resting.add_range(first, last + 1)
                longest = max(longest, last - first)
        found = view.snapshot.index[key] = Coverage(written, written & resting, longest)
    return found


@lru_cache(10_000)  # as `_about`
def _fields(supports: str) -> tuple[str, ...]:
    """The fields of a record whose parts a quote supports, each once, in their order."""
    return tuple(dict.fromkeys(name.partition(".")[0] for name in supports.split(BETWEEN)))


def _shown(query: Query) -> tuple[int, int]:
    """The first and the last line of a page: those asked for, or, without `to`, the page of lines that has `from`."""
    first, last = transcript.lines_asked(query)
    if not query.get("to"):
        first -= (first - 1) % PER_PAGE
    return first, min(last, first + PER_PAGE - 1)


def read(document: str, view: View, matcher: Matcher) -> Transcript:
    """A page of a document's lines."""
    session = matcher.session
    coverage = _coverage(document, view, session)
    first, last = _shown(view.query)
    place = {"document": document, "first": first, "last": last}
    texts: dict[int, str] = dict(session.query(PAGE, **place))
    resting: dict[int, list[Evidence]] = defaultdict(list)  # by line
    for resource, statements in STATEMENTS.items():
        rows = session.query(statements.evidence, earliest=first - coverage.longest, **place)
        for from_, to, quote, supports, keys in rows:
            each = Evidence(resource, quote, _fields(supports or ""), set(map(int, keys.split(","))))
            for number in range(max(from_, first), min(to, last) + 1):
                resting[number].append(each)
    facts = {number: _facts(resting[number], MOST_FACTS if last > first else MOST_ALONE) for number in texts}
    names = _names((record for shown, _ in facts.values() for record in shown), session)
    return Transcript(
        [
            Line(
                number,
                marked(text, {each.quote or text for each in resting[number]}),
                not text.strip(),
                [Fact(record[0], *names[record], tuple(fields)) for record, fields in facts[number][0].items()],
                facts[number][1],
            )
            for number, text in texts.items()
        ],
        len(coverage.written),
        len(coverage.covered),
        list(_passages(coverage.written, coverage.written - coverage.covered)),
    )


def _facts(resting: Iterable[Evidence], most: int) -> tuple[Mapping[Record, Iterable[str]], int]:
    """The first records that rest on a line, each with the fields that do, and how many more there are."""
    keys: dict[str, set[int]] = defaultdict(set)
    for each in resting:
        keys[each.resource] |= each.keys
    records = [(resource, key) for resource, of_resource in keys.items() for key in sorted(of_resource)]
    shown: dict[Record, dict[str, None]] = {record: {} for record in records[:most]}
    for each in resting:
        for key in each.keys:
            if (each.resource, key) in shown:
                shown[each.resource, key] |= dict.fromkeys(each.fields)
    return shown, len(records) - len(shown)


def _names(records: Iterable[Record], session: Session) -> Mapping[Record, tuple[str, str, str]]:
    """The id of each record, and its name in Japanese and English."""
    keys: dict[str, list[int]] = defaultdict(list)
    for resource, key in records:
        keys[resource].append(key)
    return {
        (resource, key): (id_, ja, en)
        for resource, of_resource in keys.items()
        for key, id_, ja, en in session.query(STATEMENTS[resource].records, keys=of_resource)
    }


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
    """Of an earlier version, the record alone."""
    if view.older:
        if view.query.get("from") or view.query.get("to"):
            message = "`from` and `to` take lines of the newest version alone. Leave them out, or `version`."
            raise conflict("version", message)
        earlier = await view.snapshot.run(partial(read_item, DOCUMENTS, id_, view), light=True)
        return item_page(view, DOCUMENTS.name, earlier, "item.html")

    def answers(matcher: Matcher) -> tuple[Item, Transcript]:
        return read_item(DOCUMENTS, id_, view, matcher), read(id_, view, matcher)

    item, shown = await view.snapshot.run(answers)
    return item_page(
        view,
        DOCUMENTS.name,
        item,
        "document.html",
        transcript=shown,
        shown=partial(facts_list, view, id_),
        per_page=PER_PAGE,
        address=partial(line_address, view, id_),
        path=f"/documents/{id_}/lines",
    )
