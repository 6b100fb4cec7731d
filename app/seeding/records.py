"""Renders entries as records: plain JSON values, whose fields the record models put in order."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from app.resources.amount import NO_AMOUNT, SEVERAL_KINDS, BudgetPhase, in_oku, summed
from app.resources.budget_lines import (
    ACROSS,
    AMOUNT_NOTE,
    AMOUNT_QUALITY,
    DOCUMENT,
    KIND,
    MINISTRY_BUDGET,
    MISSING,
    STRATEGY,
    UNSTATED,
)
from app.resources.dates import day, fiscal_year
from app.resources.identifiers import IdentifierScheme, identifier
from app.resources.measures import DIFFERENT_FIGURES, UNLINKED, FigureRelation
from app.resources.packages import BudgetKind
from app.schemas import Basis, Reason, distinct, reason_note
from app.seeding.entries import NAMES
from app.seeding.entries.base import (
    GROUNDS,
    Entry,
    EvidenceEntry,
    FurtherEvidence,
    IdentifierEntry,
    Json,
    NameEntry,
    NoteEntry,
)
from app.seeding.entries.budgets import (
    AmountEntry,
    BudgetLineEntry,
    LawEntry,
    MeasureEntry,
    PackageEntry,
    PillarEntry,
    RelationEntry,
)
from app.seeding.entries.sources import (
    DocumentEntry,
    ModalityEntry,
    OrganizationEntry,
    SectionEntry,
    StageEntry,
    StrategyEntry,
)
from app.seeding.lines import (
    direct_parts_of,
    document_of,
    kind_value_of,
    line_relations,
    lines_of_same_money,
    lines_under,
    phase_of,
    pillar_of,
    relations_of,
    uncounted,
    wholes_of,
    yields_to,
)
from app.seeding.staging import Seed
from app.sums.overlaps import counted_once

FilterValues = dict[str, list[str]]  # by the name of a filter


def name_of(name: NameEntry) -> Json:
    return {"ja": name.ja, "en": name.en, "en_official": name.en_official}


def amount_of(amount: AmountEntry | None, phase: BudgetPhase | None) -> Json:
    """An amount in the schema of Amount; `phase` is that of its package."""
    if amount is None:
        return NO_AMOUNT
    return {
        "jpy": amount.jpy,
        "oku_yen": in_oku(amount.jpy),
        "text": amount.text,
        "approximate": amount.approximate,
        "uncertain": amount.uncertain,
        "basis": amount.basis,
        "basis_reason": None if amount.basis else Reason.NOT_STATED,
        "phase": amount.phase or phase,
    }


def _line_amount(line: BudgetLineEntry, seed: Seed) -> Json:
    return amount_of(line.amount, phase_of(line, seed))


def _identifiers(entries: Iterable[IdentifierEntry]) -> list[Json]:
    return [identifier(each.scheme, each.id) for each in entries]


# --- what every record has


def _evidence(piece: EvidenceEntry, entry: Entry, supports: list[str], seed: Seed) -> Json:
    lines, note = piece.lines, seed.get(NoteEntry, piece.rule) if piece.rule else piece.note
    return {
        "basis": piece.basis,
        "document": piece.document or entry.location.document or "",
        "lines": {"from": lines.from_, "to": lines.to} if lines else None,
        "column": piece.column,
        "quote": piece.quote,
        "supports": supports,
        "note": {"ja": note.ja, "en": note.en} if note else None,
        "url": piece.url,
    }


def _evidence_of(entry: Entry, seed: Seed) -> Iterator[Json]:
    return (_evidence(piece, entry, piece.supports, seed) for piece in entry.evidence)


def _borrowed(entries: Iterable[Entry], seed: Seed, **fields: tuple[str, ...]) -> Iterator[Json]:
    """The evidence of other entries, for those of their fields that this record shows too: theirs=(ours, …)."""
    for entry in entries:
        for piece in entry.evidence:
            if not fields.keys().isdisjoint(piece.supports):
                supports = distinct(ours for theirs in piece.supports for ours in fields.get(theirs, ()))
                yield _evidence(piece, entry, supports, seed)


def _further(entry: Entry, seed: Seed) -> Iterator[Json]:
    """The evidence that other documents add to a record."""
    kind = NAMES[type(entry)]
    for addition in (each for each in seed.where(FurtherEvidence, "record", entry.id) if each.type == kind):
        yield from _evidence_of(addition, seed)


def _notes(codes: Iterable[str], seed: Seed) -> list[Json]:
    notes = (seed.get(NoteEntry, code) for code in codes)
    return [{"code": note.id, "ja": note.ja, "en": note.en} for note in notes]


def _common(
    entry: Entry, seed: Seed, borrowed: Iterable[Json] = (), unstated: Sequence[str] = (), related: Iterable[Json] = ()
) -> Json:
    """The fields that every record has: id, documents, notes, evidence. `unstated` are derived fields that are
    empty because no document states what they are derived from. `related` is evidence of relations to other records,
    whose documents do not evidence this one."""
    own = [*_evidence_of(entry, seed), *borrowed, *_further(entry, seed)]
    pieces: dict[bytes, Json] = {}
    for piece in (*own, *related):
        pieces.setdefault(orjson.dumps(piece), piece)
    evidence = list(pieces.values())
    silent = {**entry.silent}
    if unstated:
        silent[Reason.NOT_STATED] = [*silent.get(Reason.NOT_STATED, ()), *unstated]
    return {
        "id": entry.id,
        "documents": distinct(piece["document"] for piece in own),
        "evidence": evidence,
        "notes": [*_notes(entry.notes, seed), *(reason_note(why, fields) for why, fields in silent.items())],
    }


# --- references to other records


def _ref(kind: type[Any], id_: str, seed: Seed, *fields: str) -> Json:
    """Another record by id and name, with other fields of it between them."""
    entry = seed.get(kind, id_)
    return {"id": id_, **{field: getattr(entry, field) for field in fields}, "name": name_of(entry.name)}


def _section_ref(id_: str, seed: Seed) -> Json:
    return _ref(SectionEntry, id_, seed, "number", "code")


def _pillar_ref(id_: str | None, seed: Seed) -> Json | None:
    return _ref(PillarEntry, id_, seed, "number") if id_ else None


def _fiscal_year(year: int) -> Json:
    return fiscal_year(year).model_dump()


# --- one function a resource


def document(entry: DocumentEntry, seed: Seed) -> Json:
    return {
        **_common(entry, seed),
        "name": name_of(entry.name),
        "issuer": _ref(OrganizationEntry, entry.issuer, seed),
        "issued": day(entry.issued).model_dump() if entry.issued else None,
        "attribution": entry.attribution,
        "licence": entry.licence,
        "url": entry.url,
        "sha256": entry.sha256,
        "line_count": len(seed.transcripts[entry.id]),
        "parts": [
            {
                "title": name_of(part.title),
                "lines": {"from": part.lines.from_, "to": part.lines.to},
                "transcript": part.transcript,
            }
            for part in entry.parts
        ],
    }


def strategy(entry: StrategyEntry, seed: Seed) -> Json:
    period = entry.period
    return {
        **_common(entry, seed),
        "name": name_of(entry.name),
        "decided": day(entry.decided).model_dump() if entry.decided else None,
        "period": {"from": _fiscal_year(period.from_), "to": _fiscal_year(period.to)} if period else None,
    }


def section(entry: SectionEntry, seed: Seed) -> Json:
    below = seed.descendants(SectionEntry, "parent", entry.id)
    return {
        **_common(entry, seed),
        "number": entry.number,
        "code": entry.code,
        "name": name_of(entry.name),
        "strategy": _ref(StrategyEntry, entry.strategy, seed),
        "parent": _section_ref(entry.parent, seed) if entry.parent else None,
        "depth": len(list(seed.ancestors(SectionEntry, "parent", entry.id))),
        "cited": any(piece.basis is not Basis.EXTERNAL for piece in entry.evidence if "number" in piece.supports),
        "measure_count": seed.count(MeasureEntry, "sections", below),
    }


def package(entry: PackageEntry, seed: Seed) -> Json:
    return {
        **_common(entry, seed),
        "name": name_of(entry.name),
        "fiscal_year": _fiscal_year(entry.fiscal_year),
        "budget_kind": entry.budget_kind,
        "aims": [name_of(aim) for aim in entry.aims],
        "stated_totals": [
            {
                "kind": total.kind,
                "amount": amount_of(total.amount, entry.phase),
            }
            for total in entry.stated_totals
        ],
    }


def amount_notes(seed: Seed) -> list[Json]:
    """The notes that qualify amounts."""
    return _notes([note.id for note in seed.each(NoteEntry) if note.of_amount], seed)


def stated_total_notes(entry: PackageEntry, seed: Seed) -> list[list[Json]]:
    """For each stated total, what is known of its difference from the lines."""
    return [_notes(total.notes, seed) for total in entry.stated_totals]


def pillar(entry: PillarEntry, seed: Seed) -> Json:
    lines = lines_under(entry.id, seed)
    left_out = uncounted(lines, seed)
    common = _common(entry, seed, unstated=_unstated(lines))
    common["notes"].extend(_overlap_notes(left_out))
    return {
        **common,
        "number": entry.number,
        "symbol": entry.symbol,
        "name": name_of(entry.name),
        "package": _ref(PackageEntry, entry.package, seed),
        "line_count": len(lines),
        "amount": _sum_of(lines, left_out, seed),
    }


def _sum_of(lines: Iterable[BudgetLineEntry], left_out: Container[str], seed: Seed) -> Json:
    """The sum of what lines state, but for those left out, if that is of one kind."""
    counted = [line for line in lines if line.id not in left_out]
    amounts = [(line.amount, phase_of(line, seed)) for line in counted if line.amount]
    stated = [amount for amount, _ in amounts]
    kinds = {(amount.basis, phase) for amount, phase in amounts}
    return summed(
        sum(amount.jpy for amount in stated) if len(kinds) == 1 else None,
        kinds,
        approximate=any(amount.approximate for amount in stated),
        uncertain=any(amount.uncertain for amount in stated),
    )


def _overlap_notes(left_out: Sequence[str]) -> list[Json]:
    """The note on the lines that a sum leaves out."""
    return [counted_once(left_out).model_dump()] if left_out else []


def _unstated(lines: Iterable[BudgetLineEntry]) -> Sequence[str]:
    """The field `amount`, if none of the lines states one."""
    return () if any(line.amount for line in lines) else ("amount",)


def organization(entry: OrganizationEntry, seed: Seed) -> Json:
    return {
        **_common(entry, seed),
        "name": name_of(entry.name),
        "kind": entry.kind,
        "abbreviation": entry.abbreviation,
        "also": entry.also,
        "parent": _ref(OrganizationEntry, entry.parent, seed) if entry.parent else None,
        "same_as": _identifiers(entry.same_as),
    }


def modality(entry: ModalityEntry, seed: Seed) -> Json:
    below = seed.descendants(ModalityEntry, "broader", entry.id)
    return {
        **_common(entry, seed),
        "name": name_of(entry.name),
        "also": entry.also,
        "same_as": _identifiers(entry.same_as),
        "broader": _ref(ModalityEntry, entry.broader, seed) if entry.broader else None,
        "narrower": [_ref(ModalityEntry, id_, seed) for id_ in below[1:]],
        "measure_count": seed.count(MeasureEntry, "modalities", below),
    }


def stage(entry: StageEntry, seed: Seed) -> Json:
    common = _common(entry, seed)
    return {**common, "name": name_of(entry.name), "order": entry.order, "track": entry.track}


def _relations(measure_id: str, seed: Seed) -> list[tuple[RelationEntry, str]]:
    """The crosswalk links of a measure, each with the measure at its other end."""
    return [
        *((link, link.programme) for link in seed.where(RelationEntry, "direction", measure_id)),
        *((link, link.direction) for link in seed.where(RelationEntry, "programme", measure_id)),
    ]


def measure(entry: MeasureEntry, seed: Seed) -> Json:
    lines = seed.where(BudgetLineEntry, "measure", entry.id)
    related = [line for line in lines if line_relations(line.id, seed)]
    left_out = uncounted(related, seed)
    relations = _relations(entry.id, seed)
    borrowed = [
        *_borrowed(lines, seed, ministries=("ministries",), amount=("budget_lines", "amount")),
        *_borrowed([link for link, _ in relations], seed, direction=("related",), programme=("related",)),
    ]
    amount = _sum_of(lines, left_out, seed)
    figures = list(_other_figures(entry, related, seed))
    common = _common(entry, seed, borrowed, _unstated(lines), _relation_evidence(related, seed, "other_figures"))
    if not relations:
        common["notes"].append(UNLINKED.model_dump())
    if amount["jpy"] is None and any(line.amount for line in lines):
        common["notes"].append(SEVERAL_KINDS.model_dump())
    common["notes"].extend(_overlap_notes(left_out))
    if _disagree(amount, figures):
        common["notes"].append(DIFFERENT_FIGURES.model_dump())
    ministries = distinct([*entry.ministries, *(ministry for line in lines for ministry in line.ministries)])
    return {
        **common,
        "kind": entry.kind,
        "name": name_of(entry.name),
        "description": name_of(entry.description) if entry.description else None,
        "sections": [_section_ref(id_, seed) for id_ in entry.sections],
        "pillar": _pillar_ref(entry.pillar, seed),
        "ministries": [_ref(OrganizationEntry, id_, seed) for id_ in ministries],
        "organizations": [
            {**_ref(OrganizationEntry, part.id, seed), "role": part.role} for part in entry.organizations
        ],
        "modalities": [_ref(ModalityEntry, id_, seed) for id_ in entry.modalities],
        "strategies": [
            {**_ref(StrategyEntry, id_, seed), "basis": basis} for id_, basis in _strategy_links(entry).items()
        ],
        "laws": [_law(law) for law in entry.laws],
        "same_as": _identifiers(entry.same_as),
        "budget_lines": [{"id": line.id, "amount": _line_amount(line, seed)} for line in lines],
        "amount": amount,
        "other_figures": figures,
        "related": [
            {**_ref(MeasureEntry, id_, seed), "basis": link.basis, "note": {"ja": link.note.ja, "en": link.note.en}}
            for link, id_ in relations
        ],
    }


def hidden_values_of_measure(entry: MeasureEntry, seed: Seed) -> FilterValues:
    """What is indexed of a measure beside its record."""
    lines = seed.where(BudgetLineEntry, "measure", entry.id)
    pillars = distinct(found for found in (entry.pillar, *(pillar_of(line, seed) for line in lines)) if found)
    years = distinct(str(seed.get(PackageEntry, line.package).fiscal_year) for line in lines)
    of_sections = (seed.get(SectionEntry, id_).strategy for id_ in entry.sections)
    strategies = distinct([*entry.strategies, *of_sections])
    return {"pillar": pillars, "fiscal_year": years, "strategy": strategies, STRATEGY: _link_values(entry)}


def _strategy_links(entry: MeasureEntry) -> dict[str, Basis]:
    """The plans that a measure serves as a whole, with the ground of each: the least firm of their evidence, which does
    not say which plan it is about."""
    bases = [piece.basis for piece in entry.evidence if "strategies" in piece.supports]
    return dict.fromkeys(entry.strategies, max(bases, key=GROUNDS.index)) if bases else {}


def _link_values(entry: MeasureEntry) -> list[str]:
    return [f"{basis},{id_}" for id_, basis in _strategy_links(entry).items()]


def _law(law: LawEntry) -> Json:
    url = identifier(IdentifierScheme.EGOV_LAW, law.egov)["url"] if law.egov else None
    return {"name": law.name, "egov": law.egov, "url": url}


def _other_figures(entry: MeasureEntry, lines: Iterable[BudgetLineEntry], seed: Seed) -> Iterator[Json]:
    """What lines of other measures state of a measure's money, in the schema of OtherFigure."""
    found: dict[str, tuple[BudgetLineEntry, FigureRelation]] = {}
    for line in lines:
        for relations, relation in (
            (lines_of_same_money(line, seed), FigureRelation.SAME_AS),
            (wholes_of(line, seed), FigureRelation.PART_OF),
            (direct_parts_of(line, seed), FigureRelation.INCLUDES),
        ):
            for each in relations.values():
                if each.measure != entry.id:
                    found.setdefault(each.id, (each, relation))
    for line, relation in found.values():
        yield {
            "id": line.id,
            "relation": relation,
            "document": document_of(line),
            "fiscal_year": _fiscal_year(seed.get(PackageEntry, line.package).fiscal_year),
            "amount": _line_amount(line, seed),
        }


def _disagree(amount: Json, figures: Iterable[Json]) -> bool:
    """Whether another document states another amount for the same money."""
    same_money = (each["amount"]["jpy"] for each in figures if each["relation"] is FigureRelation.SAME_AS)
    return any(jpy != amount["jpy"] for jpy in same_money if jpy is not None)


def _relation_evidence(lines: Iterable[BudgetLineEntry], seed: Seed, field: str = "") -> Iterator[Json]:
    """The evidence of the relations of lines, for a field, or for the fields that show the relations."""
    for line in lines:
        for relation in line_relations(line.id, seed):
            shown = field or (
                "same_as" if relation.type == "same_as" else "part_of" if relation.line == line.id else "parts"
            )
            yield from _borrowed([relation], seed, line=(shown,), other=(shown,))


def _related_lines(line_id: str, type_: str, end: str, seed: Seed) -> Iterator[Json]:
    """The lines at the other end of relations of a type, of which the line is this end, in the schema of
    LineRelation."""
    for relation, other in relations_of(line_id, type_, end, seed):
        yield {
            "id": other.id,
            "document": document_of(other),
            "amount": _line_amount(other, seed),
            "basis": relation.basis,
            "note": {"ja": relation.note.ja, "en": relation.note.en},
        }


def budget_line(entry: BudgetLineEntry, seed: Seed) -> Json:
    measure_ = seed.get(MeasureEntry, entry.measure)
    package_ = seed.get(PackageEntry, entry.package)
    relations = _relations(measure_.id, seed)
    sections = distinct(id_ for _, other in relations for id_ in seed.get(MeasureEntry, other).sections)
    name, outside = name_of(measure_.name), entry.national_expenditure
    borrowed = [
        *_borrowed([measure_], seed, name=("name", "measure"), modalities=("modalities",)),
        *(_borrowed([measure_], seed, pillar=("pillar",)) if entry.pillar is None else ()),
        *_borrowed([package_], seed, name=("package",), fiscal_year=("fiscal_year",), budget_kind=("budget_kind",)),
        *_borrowed([link for link, _ in relations], seed, direction=("sections",), programme=("sections",)),
    ]
    phase = phase_of(entry, seed)
    return {
        **_common(entry, seed, borrowed, related=_relation_evidence([entry], seed)),
        "name": name,
        "measure": {"id": measure_.id, "name": name},
        "package": {"id": package_.id, "name": name_of(package_.name)},
        "pillar": _pillar_ref(pillar_of(entry, seed), seed),
        "fiscal_year": _fiscal_year(package_.fiscal_year),
        "budget_kind": _budget_kind(phase),
        "ministries": [_ref(OrganizationEntry, id_, seed) for id_ in entry.ministries],
        "joint": len(entry.ministries) > 1,
        "amount": amount_of(entry.amount, phase),
        "national_expenditure": {"amount": amount_of(outside.amount, phase), "url": outside.url} if outside else None,
        "same_as": [related for end in ("line", "other") for related in _related_lines(entry.id, "same_as", end, seed)],
        "part_of": list(_related_lines(entry.id, "part_of", "line", seed)),
        "parts": list(_related_lines(entry.id, "part_of", "other", seed)),
        "modalities": [_ref(ModalityEntry, id_, seed) for id_ in measure_.modalities],
        "sections": [_section_ref(id_, seed) for id_ in sections],
    }


def _budget_kind(phase: BudgetPhase | None) -> BudgetKind | None:
    """The budget of the year in which a phase is; None if it is none."""
    if phase is BudgetPhase.INITIAL:
        return BudgetKind.INITIAL
    return BudgetKind.SUPPLEMENTARY if phase and phase.startswith(BudgetPhase.SUPPLEMENTARY) else None


def hidden_values_of_line(line: BudgetLineEntry, seed: Seed) -> FilterValues:
    """What is indexed of a line beside its record: see `app.resources.budget_lines` and `app.sums.overlaps`."""
    links = _link_values(seed.get(MeasureEntry, line.measure))
    values = {KIND: [kind_value_of(line, seed)], DOCUMENT: [document_of(line)], STRATEGY: links}
    values[MISSING] = [f"{field},{reason}" for reason, fields in line.silent.items() for field in fields]
    qualities = ("approximate", "uncertain") if line.amount else ()
    values[AMOUNT_QUALITY] = [quality for quality in qualities if getattr(line.amount, quality)]
    values[AMOUNT_NOTE] = [code for code in line.notes if seed.get(NoteEntry, code).of_amount]
    if line_relations(line.id, seed):
        for id_, reason in yields_to(line, seed).items():
            values.setdefault(reason.value, []).append(str(seed.number(BudgetLineEntry, id_)))
        others = {**lines_of_same_money(line, seed), **wholes_of(line, seed)}.values() if line.amount else ()
        own_kinds = (UNSTATED, *values[KIND])
        of_other_kinds = (each.id for each in others if kind_value_of(each, seed) not in own_kinds)
        values[ACROSS] = [str(seed.number(BudgetLineEntry, id_)) for id_ in of_other_kinds]
    else:
        year, phase = seed.get(PackageEntry, line.package).fiscal_year, phase_of(line, seed)
        values[MINISTRY_BUDGET] = [f"{year},{_budget_kind(phase) or phase},{ministry}" for ministry in line.ministries]
    return values


# What filters find and records do not show.
HIDDEN_VALUES: Mapping[str, Callable[[Any, Seed], FilterValues]] = {
    "measures": hidden_values_of_measure,
    "budget-lines": hidden_values_of_line,
}
RENDERERS: Mapping[str, Callable[[Any, Seed], Json]] = {
    "documents": document,
    "strategies": strategy,
    "sections": section,
    "measures": measure,
    "budget-lines": budget_line,
    "packages": package,
    "pillars": pillar,
    "organizations": organization,
    "modalities": modality,
    "stages": stage,
}
