"""Crosswalk: from the sections of a strategy to their measures, to linked programmes, and to their budget lines."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Annotated, Any

import orjson
from fastapi import APIRouter
from pydantic import Field
from pyroaring import BitMap
from sqlalchemy import select
from starlette.responses import Response

from app.api.parameters import NEWEST, Context, by_name, context_of, described
from app.api.responses import json_response
from app.db.base import InList, Session, Statement
from app.query.dataset import read_values
from app.query.filters import Parameter, one_of, with_operators
from app.query.notes import filter_notes
from app.query.parser import Query
from app.query.records import read_records
from app.query.responses import AnswerMeta
from app.query.searcher import Searcher
from app.resources.amount import Amount
from app.resources.budget_lines import BUDGET_LINES, STRATEGY, THROUGH_CROSSWALK
from app.resources.measures import LINKED, MEASURES, LineRef, MeasureKind, Related
from app.resources.sections import SECTIONS, SectionRef
from app.resources.tables import RESOURCE_TABLES
from app.schemas import Basis, Id, Int32, Name, Note, Ref, Schema, to_json
from app.sums.groups import is_known
from app.sums.line_sums import DistinctLines, LineSums, Totals, amount_notes, kinds_note, unstated_note, years_note
from app.sums.missing import missing_notes
from app.sums.overlaps import MAX_LISTED, OverlappingLine, overlaps_of

MAX_LINES = 50  # listed of one programme; all are counted
MAX_MEASURES = 100  # listed of one strategy

# The relational tables are read: whole records would take several times as long to parse.
MEASURE, LINE = (RESOURCE_TABLES[each.name][0].table.c for each in (MEASURES, BUDGET_LINES))
AMOUNT = tuple(Amount.model_fields)
NAMES = Statement(
    select(MEASURE.key, MEASURE.id, MEASURE.name_ja, MEASURE.name_en, MEASURE.name_en_official)
    .where(InList(MEASURE.key, "keys"))
    .order_by(MEASURE.key)
)
LINES = Statement(
    select(LINE.key, LINE.id, *(LINE[f"amount_{name}"] for name in AMOUNT)).where(InList(LINE.key, "keys"))
)

# The walk begins at sections, so `none` means nothing here.
SECTION = replace(
    BUDGET_LINES.filters["section"],
    optional=False,
    meaning="Sections to begin from; the top ones when left out.",
)
LINE_FILTERS = (
    BUDGET_LINES.filters[name] for name in ("pillar", "ministry", "modality", "fiscal_year", "phase", "document")
)
BASIS = Parameter(
    "basis",
    "Grounds of the links to follow: `external` and `stated` are those that a source states, `editorial` are ours.",
    "choice",
    many=True,
    choices=one_of(*Basis),
    component="Basis",
    example="editorial",
)
PARAMETERS = by_name(SECTION, BASIS, *with_operators(LINE_FILTERS), NEWEST)

UNLINKED = Note(
    code="no-linked-programme",
    ja="この節の施策に対応付けられた予算事業はない。",
    en="No budget programme is linked to a measure of this section.",
)

NONE_ON_THESE_GROUNDS = Note(
    code="no-link-on-these-grounds",
    ja="この節の施策に、basis で選んだ根拠による対応付けはない。",
    en="No budget programme is linked to a measure of this section on the grounds that `basis` chooses.",
)


class LinkedProgramme(Related):
    """A programme that the crosswalk links to a measure of the strategy, with its money."""

    lines: list[LineRef] = Field(description="Its budget lines under the filters, the first 50.")


class CrosswalkMeasure(Schema):
    """A measure of the strategy."""

    id: Id
    name: Name
    related: list[LinkedProgramme]


class CrosswalkSection(Schema):
    """A section, and the money that the crosswalk finds behind it."""

    section: SectionRef
    measures: list[CrosswalkMeasure]
    lines: DistinctLines
    amount: Amount = Field(description="Of those lines; null where they are of several kinds: see `totals`.")
    totals: Totals
    notes: list[Note]


class ServingMeasure(Schema):
    """A measure that serves a strategy as a whole, and on which ground that is known."""

    id: Id
    name: Name
    basis: Basis


class CrosswalkStrategy(Schema):
    """A strategy, and the measures that documents say serve it, by no section of it."""

    strategy: Ref
    measures: Annotated[list[ServingMeasure], Field(max_length=MAX_MEASURES)] = Field(description="The first 100.")
    measure_count: Int32
    lines: Int32 = Field(description="The distinct lines of those measures under the filters.")
    amount: Amount = Field(description="Of those lines; null where they are of several kinds: see `totals`.")
    totals: Totals


class Crosswalk(Schema):
    """Sections, each with its measures; `total` counts each line once, whatever sections it stands under. `strategies`
    are apart: their measures are linked to no section, and are not in `total`."""

    data: list[CrosswalkSection]
    strategies: list[CrosswalkStrategy] = Field(
        description="Where no `section` is asked for: what documents say of the strategies as a whole."
    )
    total: Amount
    totals: Totals
    lines: DistinctLines
    overlaps: Annotated[list[OverlappingLine], Field(max_length=MAX_LISTED)] = Field(
        description="Lines that are not counted, since others say the same money; the first 100."
    )
    notes: list[Note]
    meta: AnswerMeta


router = APIRouter(tags=["crosswalk"])


@router.get(
    "/v1/crosswalk",
    operation_id="get_crosswalk",
    summary="Walk from the strategy's sections to the money behind them",
    description=(
        "For each section: its measures, the programmes that are linked to them, and those programmes' budget lines. "
        "Each link says whether a source states it or it is ours; `basis` follows either. The filters decide which "
        "lines are counted; `total` counts each line once."
    ),
    response_model=Crosswalk,
    openapi_extra=described(PARAMETERS),
)
async def get_crosswalk(context: Annotated[Context, context_of(PARAMETERS)]) -> Response:
    return json_response(await context.snapshot.run(walk, context.query))


def walk(query: Query, searcher: Searcher) -> bytes:
    """A query of PARAMETERS answered in the schema of Crosswalk. Takes a few statements for any number of sections."""
    sums, session = LineSums(searcher.index, searcher.vocabularies), searcher.session
    concepts = searcher.vocabularies["section"].concepts
    named, bases = query.get("section"), query.get(BASIS.name)
    ids = [concept.id for concept in concepts.values() if (concept.id in named if named else concept.broader is None)]
    sections = map(orjson.loads, read_records(SECTIONS, ids, session))
    directions = _directions(ids, searcher)
    measures = _measures(BitMap().union(*directions.values()), bases, session)
    linked = {key: [related["lines"] for related in measure["related"]] for key, measure in measures.items()}
    under = {id_: BitMap(chain(*(keys for key in of for keys in linked[key]))) for id_, of in directions.items()}
    behind = BitMap().union(*under.values())
    matched = searcher.match(BUDGET_LINES, query.without("section"))
    rows = matched & behind
    # A sum without lines is zero, not null, if there are lines behind the sections and for the filters' values.
    known = bool(rows) or (bool(behind) and is_known(query, searcher))
    _show_lines(measures.values(), rows, session)
    data = []
    for section in sections:
        lines = under[section["id"]]
        of_section = sums.sum(rows & lines)._replace(known=known and bool(lines))
        found = [measures[key] for key in directions[section["id"]]]
        notes = [*concepts[section["id"]].notes, *amount_notes(rows & lines, searcher), *unstated_note(of_section)]
        if not any(measure["related"] for measure in found):
            notes.append(NONE_ON_THESE_GROUNDS if bases else UNLINKED)
        data.append(
            {
                "section": {name: section[name] for name in SectionRef.model_fields},
                "measures": found,
                "lines": of_section.lines,
                "amount": of_section.amount("involved"),
                "totals": of_section.totals(),
                "notes": notes,
            }
        )
    total = sums.sum(rows)._replace(known=known)
    overlaps, overlap_notes = overlaps_of(rows, searcher)
    notes = [
        *filter_notes(query, searcher.vocabularies),
        *missing_notes(query, (), searcher, behind),
        *amount_notes(rows, searcher),
        *kinds_note(total),
        *years_note(total, rows, searcher),
        *overlap_notes,
    ]
    answer = {
        "data": data,
        "strategies": [] if named else _strategies(bases, matched, sums, searcher),
        "total": total.amount("involved"),
        "totals": total.totals(),
        "lines": total.lines,
        "overlaps": overlaps,
        "notes": [THROUGH_CROSSWALK, *(note for note in notes if note != THROUGH_CROSSWALK)],
        "meta": searcher.dataset.meta,
    }
    return to_json(answer)


def _directions(sections: Sequence[str], searcher: Searcher) -> Mapping[str, BitMap]:
    """The directions of each section."""
    of_kind = searcher.values(MEASURES, MEASURES.filters["kind"]).of(MeasureKind.DIRECTION)
    of_section = searcher.values(MEASURES, MEASURES.filters["section"])
    return {section: of_section.of(section) & of_kind for section in sections}


def _measures(keys: BitMap, bases: Container[str], session: Session) -> Mapping[int, dict[str, Any]]:
    """The measures of these keys in the schema of CrosswalkMeasure, as the build has stored them: all lines of a
    programme stand there by their keys. Only links on these grounds are followed, or all if there are none given."""
    stored = read_values(session, [f"{LINKED}{key}" for key in keys])
    measures = {key: orjson.loads(stored[f"{LINKED}{key}"]) for key in keys}
    if bases:
        for measure in measures.values():
            measure["related"] = [related for related in measure["related"] if related["basis"] in bases]
    return measures


def _show_lines(measures: Iterable[dict[str, Any]], rows: BitMap, session: Session) -> None:
    """Puts the first of those lines of each programme that are among the rows in place of the keys of all."""
    related = [each for measure in measures for each in measure["related"]]
    for each in related:
        each["lines"] = [key for key in each["lines"] if key in rows][:MAX_LINES]
    read = session.query(LINES, keys=[key for each in related for key in each["lines"]])
    refs = {key: {"id": id_, "amount": _amount(amount)} for key, id_, *amount in read}
    for each in related:
        each["lines"] = [refs[key] for key in each["lines"]]


def _strategies(bases: Container[str], matched: BitMap, sums: LineSums, searcher: Searcher) -> list[dict[str, Any]]:
    """The strategies that measures serve as a whole, in the schema of CrosswalkStrategy, on these grounds, or on any
    if there are none given."""
    links: dict[str, dict[str, tuple[BitMap, BitMap]]] = defaultdict(dict)
    of_lines = searcher.index.values(BUDGET_LINES.name, STRATEGY)
    for value, measures in searcher.index.values(MEASURES.name, STRATEGY).rows.items():
        basis, _, id_ = value.partition(",")
        if not bases or basis in bases:
            links[id_][basis] = measures, of_lines.of(value)
    found = []
    for concept in searcher.vocabularies["strategy"].concepts.values():
        grounds = links.get(concept.id)
        if grounds:
            basis_of = {key: basis for basis, (measures, _) in grounds.items() for key in measures}
            lines = sums.sum(matched & BitMap().union(*(rows for _, rows in grounds.values())))
            names = searcher.session.query(NAMES, keys=sorted(basis_of)[:MAX_MEASURES])
            found.append(
                {
                    "strategy": {"id": concept.id, "name": concept.label.model_dump()},
                    "measures": [
                        {"id": id_, "name": _name(*name), "basis": basis_of[key]} for key, id_, *name in names
                    ],
                    "measure_count": len(basis_of),
                    "lines": lines.lines,
                    "amount": lines.amount("involved"),
                    "totals": lines.totals(),
                }
            )
    return found


def _name(ja: str, en: str, official: object) -> dict[str, Any]:
    return {"ja": ja, "en": en, "en_official": bool(official)}


def _amount(values: Sequence[Any]) -> dict[str, Any]:
    amount = dict(zip(AMOUNT, values, strict=True))
    return {**amount, "approximate": bool(amount["approximate"]), "uncertain": bool(amount["uncertain"])}
