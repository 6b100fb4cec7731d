"""Transcripts as pages: the lines of a document with the facts that rest on each, and the lines that none rests on."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import groupby, starmap
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter
from markupsafe import Markup
from pyroaring import BitMap
from sqlalchemy import Text, bindparam, cast, func, literal_column, select, union, union_all
from starlette.responses import Response

from app.api import transcript
from app.api.parameters import VERSION, RecordId, by_name
from app.db.base import InList, Statement
from app.errors import conflict
from app.query.columns import BETWEEN
from app.query.names import label
from app.query.resource import Resource
from app.query.searcher import Searcher
from app.resources.documents import DOCUMENTS
from app.resources.facts import FACTS
from app.resources.tables import RESOURCE_TABLES
from app.site.context import read_item
from app.site.markup import escape, html
from app.site.render import page
from app.site.view import LINES_PER_PAGE, PageRoute, View, page_of

PARAMETERS = by_name(transcript.PARAMETERS["from"], transcript.PARAMETERS["to"], VERSION)
# Of a line: facts after the first ones are folded; the page of the line alone has more.
FIRST_FACTS, MAX_FACTS, MAX_ALONE = 3, 20, 1_000
COMMA: Any = literal_column("','")  # a plain text would be filled in when the statement runs, which is compiled once

router = APIRouter(include_in_schema=False, route_class=PageRoute)


# Of each resource, the columns of its table and of its evidence's: whole records would be parsed for a few quotes.
TABLES = [
    (resource, own.table.c, next(each.table.c for each in lists if each.field == "evidence"))
    for resource in FACTS
    for own, *lists in [RESOURCE_TABLES[resource.name]]
]


def _resting(resource: Resource, record: Any, evidence: Any) -> Any:
    """What rests on some lines of a document, with the keys of the records: hundreds rest on the same words, which are
    read once."""
    words = (evidence.lines_from, evidence.lines_to, evidence.quote, evidence.supports)
    keys = func.aggregate_strings(cast(record.key, Text), COMMA)
    return (
        select(*words, keys, func.min(evidence.position).label("place"))
        .join_from(record.key.table, evidence.quote.table, record.id == evidence[f"{resource.singular}_id"])
        .where(
            evidence.document == bindparam("document"),
            evidence.lines_from.between(bindparam("earliest"), bindparam("last")),
            evidence.lines_to >= bindparam("first"),
        )
        .group_by(*words)
    )


def _covered(_: Resource, __: Any, evidence: Any) -> Any:
    """The lines of a document that something rests on."""
    of_lines = (evidence.document == bindparam("document"), evidence.lines_from.is_not(None))
    return select(evidence.lines_from, evidence.lines_to).where(*of_lines)


RESTING = Statement(union_all(*starmap(_resting, TABLES)).order_by("place", "supports"))
COVERED = Statement(union(*starmap(_covered, TABLES)))
NAMED = {  # a statement a resource: in a union, each part would look for the keys of all resources
    resource.name: Statement(
        select(record.key, record.id, record.name_ja, record.name_en).where(InList(record.key, "keys"))
    )
    for resource, record, _ in TABLES
}
ALL_TEXTS = Statement(select(transcript.LINES.number, transcript.LINES.text).where(transcript.OF_DOCUMENT))


class Evidence(NamedTuple):
    """Words of a document, the fields that they support, and of which records, by their keys. Without a quote, they are
    whole lines."""

    quote: str | None
    fields: tuple[str, ...]
    keys: set[int]


class Line(NamedTuple):
    """A line of a transcript, its quoted passages marked, and the list of the facts that rest on it, empty if none."""

    number: int
    text: Markup
    blank: bool
    facts: Markup


class Coverage(NamedTuple):
    """Of a document, how many lines have words, on how many of these a fact rests, and the first and the last line of
    each passage that none rests on. Evidence is of at most `longest` lines after its first."""

    written: int
    covered: int
    bare: Sequence[tuple[int, int]]
    longest: int


def coverage_of(document: str, searcher: Searcher) -> Coverage:
    """The coverage of a document, which one snapshot of the data finds once: it needs every line."""

    def find() -> Coverage:
        texts = searcher.session.query(ALL_TEXTS, document=document)
        written = BitMap(number for number, text in texts if text.strip())
        resting, longest = BitMap(), 0
        for first, last in searcher.session.query(COVERED, document=document):
            resting.add_range(first, last + 1)
            longest = max(longest, last - first)
        return Coverage(len(written), len(written & resting), list(_passages(written, written - resting)), longest)

    return searcher.index.derived(f"coverage/{document}", find)


def _passages(written: BitMap, bare: BitMap) -> Iterable[tuple[int, int]]:
    """The bare lines as passages: lines without words between two of them part nothing."""
    for is_bare, run in groupby(written, bare.__contains__):
        if is_bare:
            first, *others = run
            yield first, others[-1] if others else first


def marked(text: str, quotes: Iterable[str]) -> Markup:
    """A line with its quoted passages marked: the whole line, if a quote is of several and is written otherwise."""
    quoted = bytearray(b"-" * len(text))  # with a `q` for each character that stands in a quote
    for quote in quotes:
        parts = filter(None, map(str.strip, quote.split("\n")))
        places = [place for part in parts for place in _places(part, text)]
        for first, last in places or [(0, len(text))]:
            quoted[first:last] = b"q" * (last - first)
    shown = []
    for run in re.finditer(rb"q+|-+", quoted):
        passage = escape(text[run.start() : run.end()])
        shown.append(f"<mark>{passage}</mark>" if run[0].startswith(b"q") else passage)
    return html("".join(shown))


def _places(part: str, text: str) -> Iterable[tuple[int, int]]:
    """Where a part of a quote stands in a text."""
    start = text.find(part)
    while start >= 0:
        yield start, start + len(part)
        start = text.find(part, start + len(part))


@lru_cache(10_000)  # the same few combinations recur on every line
def _about(language: str, *names: str) -> str:
    """The labels of a resource and of some of its fields, as HTML."""
    resource, *fields = (label(name, language) for name in names)
    return escape(f"{resource}: {('、' if language == 'ja' else ', ').join(fields)}")


@lru_cache(10_000)  # as `_about`
def _fields(supports: str) -> tuple[str, ...]:
    """The fields of a record whose parts a quote supports, each once, in their order."""
    return tuple(dict.fromkeys(name.partition(".")[0] for name in supports.split(BETWEEN)))


def read(document: str, view: View, coverage: Coverage, searcher: Searcher) -> Sequence[Line]:
    """The lines of a page: those asked for, or, without `to`, the page of lines that has `from`."""
    first, last = transcript.lines_asked(view.query)
    if not view.query.get("to"):
        first -= (first - 1) % LINES_PER_PAGE
    last = min(last, first + LINES_PER_PAGE - 1)
    texts = sorted(searcher.session.query(transcript.TEXTS, document=document, numbers=list(range(first, last + 1))))
    resting: dict[int, list[Evidence]] = defaultdict(list)  # by line
    place = {"document": document, "earliest": first - coverage.longest, "first": first, "last": last}
    for from_, to, quote, supports, keys, _ in searcher.session.query(RESTING, **place):
        each = Evidence(quote, _fields(supports or ""), set(map(int, keys.split(","))))
        for number in range(max(from_, first), min(to, last) + 1):
            resting[number].append(each)
    facts = {number: _facts(resting[number], MAX_FACTS if last > first else MAX_ALONE) for number, _ in texts}
    shown_keys = BitMap(key for shown, _ in facts.values() for key in shown)
    records = {
        key: (resource, *record)
        for resource, statement in NAMED.items()
        if (found := shown_keys & searcher.index.rows(resource))
        for key, *record in searcher.session.query(statement, keys=list(found))
    }
    path = f"/documents/{document}"
    return [
        Line(
            number,
            marked(text, {each.quote or text for each in resting[number]}),
            not text.strip(),
            _facts_list(view, view.url(path, f"from={number}&to={number}"), *facts[number], records),
        )
        for number, text in texts
    ]


def _facts(resting: Iterable[Evidence], most: int) -> tuple[Mapping[int, Iterable[str]], int]:
    """The keys of the first records that rest on a line, each with the fields that do, and how many more there are."""
    keys = sorted(set[int]().union(*(each.keys for each in resting)))  # resource by resource
    shown: dict[int, dict[str, None]] = {key: {} for key in keys[:most]}
    for each in resting:
        for key in each.keys & shown.keys():
            shown[key] |= dict.fromkeys(each.fields)
    return shown, len(keys) - len(shown)


def _facts_list(
    view: View,
    alone: str,
    facts: Mapping[int, Iterable[str]],
    more: int,
    records: Mapping[int, Sequence[str]],
) -> Markup:
    """The facts of a line, each with the fields that rest on it; `alone` is the page that has the `more` of them, and
    `records` have the resource, the id and both names by key. Pages have hundreds of them: they are written here, as
    values are."""
    suffix = view.suffix
    rows = []
    for key, fields in facts.items():
        resource, id_, ja, en = records[key]
        about = _about(view.language, resource, *fields)
        link = f'<a href="{view.prefix}/{resource}/{id_}{suffix}">{escape(view.tr(ja, en))}</a>'
        rows.append(f'<li>{link} <span class="by">{about}</span></li>')
    folded = rows[FIRST_FACTS:]
    if folded:
        count = len(folded) + more
        summary = f"<summary>{view.tr(f'ほか{count}件', f'{count} more')}</summary>"
        is_alone = len(facts) > MAX_FACTS
        if more and is_alone:
            listed = view.tr("文書全体の事実の一覧へ", "To the lists of all facts of the document")
            folded.append(f'<li><a href="#referring">{listed}</a></li>')
        elif more:
            folded.append(f'<li><a href="{escape(alone)}">{view.tr("さらに表示", "Show more")}</a></li>')
        is_open = " open" if is_alone else ""
        folded = [f"<li><details{is_open}>{summary}<ul>", *folded, "</ul></details></li>"]
    shown = "".join((*rows[:FIRST_FACTS], *folded))
    return html(f'<ul class="facts" lang="{view.language}">{shown}</ul>' if shown else "")


@router.get("/documents/{id}")
async def document(id_: RecordId, view: Annotated[View, page_of(PARAMETERS)]) -> Response:
    """Of an earlier version, the record alone."""
    if view.older:
        if view.query.get("from") or view.query.get("to"):
            message = "`from` and `to` take lines of the newest version alone. Leave them out, or `version`."
            raise conflict("version", message)
        earlier = await view.snapshot.run(read_item, DOCUMENTS, id_, view, light=True)
        return page(view, "item.html", **earlier)

    def answers(searcher: Searcher) -> tuple[dict[str, Any], Coverage, Sequence[Line]]:
        item = read_item(DOCUMENTS, id_, view, searcher, f"/documents/{id_}/lines")
        coverage = coverage_of(id_, searcher)
        return item, coverage, read(id_, view, coverage, searcher)

    item, coverage, lines = await view.snapshot.run(answers)
    address = partial(view.line_url, id_)
    return page(view, "document.html", coverage=coverage, lines=lines, per_page=LINES_PER_PAGE, address=address, **item)
