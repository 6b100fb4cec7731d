"""Renders entries as records: plain JSON values, whose fields the record models put in order."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from app.resources.amount import NO_AMOUNT, in_oku, summed
from app.resources.dates import day, fiscal_year
from app.resources.measures import UNLINKED
from app.schemas import Basis, Reason, distinct
from app.seeding.entries import (
    AmountEntry,
    BudgetLineEntry,
    DocumentEntry,
    Entry,
    EvidenceEntry,
    FurtherEvidence,
    MeasureEntry,
    ModalityEntry,
    NameEntry,
    NoteEntry,
    OrganizationEntry,
    PackageEntry,
    PillarEntry,
    RelationEntry,
    SectionEntry,
    StageEntry,
    StrategyEntry,
)
from app.seeding.staging import Seed

Json = dict[str, Any]

REASONS: Mapping[Reason, tuple[str, str]] = {
    Reason.NOT_STATED: ("文書に記載がない", "Not stated in the document"),
    Reason.AMBIGUOUS: ("文書の記載からは一つに定まらない", "The document does not settle it"),
    Reason.LAYOUT_LOST: ("図示されており、文字としては残っていない", "Drawn on the slide, not written in its text"),
    Reason.NOT_APPLICABLE: ("該当しない", "Not applicable"),
}
NOT_LINKED = UNLINKED.model_dump()


@dataclass(frozen=True)
class Rendered:
    """A record, and the values of filters that it does not show."""

    record: Json
    values: Mapping[str, list[str]] = field(default_factory=dict)


def name_of(name: NameEntry) -> Json:
    return {"ja": name.ja, "en": name.en, "en_official": name.en_official}


def amount_of(amount: AmountEntry | None) -> Json:
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
    }


# --- what every record has


def _evidence(piece: EvidenceEntry, entry: Entry, supports: list[str], seed: Seed) -> Json:
    lines, note = piece.lines, seed.get(NoteEntry, piece.rule) if piece.rule else piece.note
    return {
        "basis": piece.basis,
        "document": piece.document or entry.location.document or "",
        "lines": {"from": lines.from_, "to": lines.to} if lines else None,
        "quote": piece.quote,
        "supports": supports,
        "note": {"ja": note.ja, "en": note.en} if note else None,
        "url": piece.url,
    }


def _evidence_of(entry: Entry, seed: Seed) -> Iterator[Json]:
    return (_evidence(piece, entry, piece.supports, seed) for piece in entry.evidence)


def _borrowed(entry: Entry, seed: Seed, **fields: tuple[str, ...]) -> Iterator[Json]:
    """The evidence of another entry, for those of its fields that this record shows too: theirs=(ours, …)."""
    for piece in entry.evidence:
        if not fields.keys().isdisjoint(piece.supports):
            supports = distinct(ours for theirs in piece.supports for ours in fields.get(theirs, ()))
            yield _evidence(piece, entry, supports, seed)


def _further(kind: str, id_: str, seed: Seed) -> Iterator[Json]:
    """The evidence that other documents add to a record."""
    for addition in (each for each in seed.where(FurtherEvidence, "record", id_) if each.type == kind):
        yield from _evidence_of(addition, seed)


def _notes(codes: Iterable[str], seed: Seed) -> list[Json]:
    notes = (seed.get(NoteEntry, code) for code in codes)
    return [{"code": note.id, "ja": note.ja, "en": note.en} for note in notes]


@lru_cache(maxsize=1_000)
def _silence(reason: Reason, fields: tuple[str, ...]) -> Json:
    """The note that says why fields are empty."""
    ja, en = REASONS[reason]
    return {
        "code": reason.value.replace("_", "-"),
        "ja": f"{ja}: {'、'.join(fields)}",
        "en": f"{en}: {', '.join(fields)}",
    }


def _common(kind: str, entry: Entry, seed: Seed, borrowed: Iterable[Json] = (), unstated: Sequence[str] = ()) -> Json:
    """The fields that every record has: id, documents, notes, evidence. `unstated` are derived fields that are
    empty because no document states what they are derived from."""
    pieces: dict[bytes, Json] = {}
    for piece in (*_evidence_of(entry, seed), *borrowed, *_further(kind, entry.id, seed)):
        pieces.setdefault(orjson.dumps(piece), piece)
    evidence = list(pieces.values())
    silent = {**entry.silent}
    if unstated:
        silent[Reason.NOT_STATED] = [*silent.get(Reason.NOT_STATED, ()), *unstated]
    return {
        "id": entry.id,
        "documents": distinct(piece["document"] for piece in evidence),
        "evidence": evidence,
        "notes": [*_notes(entry.notes, seed), *(_silence(why, tuple(fields)) for why, fields in silent.items())],
    }


# --- references to other records


def _ref(kind: type[Any], id_: str, seed: Seed) -> Json:
    return {"id": id_, "name": name_of(seed.get(kind, id_).name)}


def _section_ref(id_: str, seed: Seed) -> Json:
    section = seed.get(SectionEntry, id_)
    return {"id": id_, "number": section.number, "code": section.code, "name": name_of(section.name)}


def _pillar_ref(id_: str | None, seed: Seed) -> Json | None:
    if id_ is None:
        return None
    pillar = seed.get(PillarEntry, id_)
    return {"id": id_, "number": pillar.number, "name": name_of(pillar.name)}


def _fiscal_year(year: int) -> Json:
    return fiscal_year(year).model_dump()


# --- one function a resource


def document(entry: DocumentEntry, seed: Seed) -> Rendered:
    record = {
        **_common("documents", entry, seed),
        "name": name_of(entry.name),
        "issuer": _ref(OrganizationEntry, entry.issuer, seed),
        "issued": day(entry.issued).model_dump(),
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
    return Rendered(record)


def strategy(entry: StrategyEntry, seed: Seed) -> Rendered:
    period = entry.period
    record = {
        **_common("strategies", entry, seed),
        "name": name_of(entry.name),
        "decided": day(entry.decided).model_dump() if entry.decided else None,
        "period": {"from": _fiscal_year(period.from_), "to": _fiscal_year(period.to)} if period else None,
    }
    return Rendered(record)


def section(entry: SectionEntry, seed: Seed) -> Rendered:
    below = seed.descendants(SectionEntry, "parent", entry.id)
    record = {
        **_common("sections", entry, seed),
        "number": entry.number,
        "code": entry.code,
        "name": name_of(entry.name),
        "strategy": _ref(StrategyEntry, entry.strategy, seed),
        "parent": _section_ref(entry.parent, seed) if entry.parent else None,
        "depth": len(list(seed.ancestors(SectionEntry, "parent", entry.id))),
        "cited": any(piece.basis is not Basis.EXTERNAL for piece in entry.evidence if "number" in piece.supports),
        "measure_count": seed.count(MeasureEntry, "sections", below),
    }
    return Rendered(record)


def package(entry: PackageEntry, seed: Seed) -> Rendered:
    record = {
        **_common("packages", entry, seed),
        "name": name_of(entry.name),
        "fiscal_year": _fiscal_year(entry.fiscal_year),
        "budget_kind": entry.budget_kind,
        "aims": [name_of(aim) for aim in entry.aims],
        "stated_totals": [{"kind": total.kind, "amount": amount_of(total.amount)} for total in entry.stated_totals],
    }
    return Rendered(record)


def stated_total_notes(entry: PackageEntry, seed: Seed) -> list[list[Json]]:
    """For each stated total, what is known of its difference from the lines."""
    return [_notes(total.notes, seed) for total in entry.stated_totals]


def pillar(entry: PillarEntry, seed: Seed) -> Rendered:
    lines = _lines_under(entry.id, seed)
    amount = _sum_of(lines)
    record = {
        **_common("pillars", entry, seed, unstated=_unstated(amount)),
        "number": entry.number,
        "symbol": entry.symbol,
        "name": name_of(entry.name),
        "package": _ref(PackageEntry, entry.package, seed),
        "line_count": len(lines),
        "amount": amount,
    }
    return Rendered(record)


def _sum_of(lines: Iterable[BudgetLineEntry]) -> Json:
    """The sum of what lines state."""
    amounts = [line.amount for line in lines if line.amount]
    return summed(
        sum(amount.jpy for amount in amounts) if amounts else None,
        (amount.basis for amount in amounts),
        approximate=any(amount.approximate for amount in amounts),
        uncertain=any(amount.uncertain for amount in amounts),
    )


def _unstated(amount: Json) -> Sequence[str]:
    """The field `amount`, if nothing is stated for it."""
    return ("amount",) if amount["jpy"] is None else ()


def _pillar_of(line: BudgetLineEntry, seed: Seed) -> str | None:
    """The line's own pillar, or its measure's if that is of the line's package."""
    found = line.pillar or seed.get(MeasureEntry, line.measure).pillar
    return found if found and seed.get(PillarEntry, found).package == line.package else None


def _lines_under(pillar_id: str, seed: Seed) -> list[BudgetLineEntry]:
    own = seed.where(BudgetLineEntry, "pillar", pillar_id)
    measures = seed.where(MeasureEntry, "pillar", pillar_id)
    through = (line for measure_ in measures for line in seed.where(BudgetLineEntry, "measure", measure_.id))
    found = {line.id: line for line in (*own, *through) if _pillar_of(line, seed) == pillar_id}
    return list(found.values())


def organization(entry: OrganizationEntry, seed: Seed) -> Rendered:
    record = {
        **_common("organizations", entry, seed),
        "name": name_of(entry.name),
        "kind": entry.kind,
        "abbreviation": entry.abbreviation,
        "also": entry.also,
    }
    return Rendered(record)


def modality(entry: ModalityEntry, seed: Seed) -> Rendered:
    below = seed.descendants(ModalityEntry, "broader", entry.id)
    record = {
        **_common("modalities", entry, seed),
        "name": name_of(entry.name),
        "also": entry.also,
        "broader": _ref(ModalityEntry, entry.broader, seed) if entry.broader else None,
        "narrower": [_ref(ModalityEntry, id_, seed) for id_ in below[1:]],
        "measure_count": seed.count(MeasureEntry, "modalities", below),
    }
    return Rendered(record)


def stage(entry: StageEntry, seed: Seed) -> Rendered:
    common = _common("stages", entry, seed)
    return Rendered({**common, "name": name_of(entry.name), "order": entry.order, "track": entry.track})


def _relations(measure_id: str, seed: Seed) -> list[tuple[RelationEntry, str]]:
    """The crosswalk links of a measure, each with the measure at its other end."""
    return [
        *((link, link.programme) for link in seed.where(RelationEntry, "direction", measure_id)),
        *((link, link.direction) for link in seed.where(RelationEntry, "programme", measure_id)),
    ]


def measure(entry: MeasureEntry, seed: Seed) -> Rendered:
    lines = seed.where(BudgetLineEntry, "measure", entry.id)
    relations = _relations(entry.id, seed)
    borrowed = [
        *(
            piece
            for line in lines
            for piece in _borrowed(line, seed, ministries=("ministries",), amount=("budget_lines", "amount"))
        ),
        *(
            piece
            for link, _ in relations
            for piece in _borrowed(link, seed, direction=("related",), programme=("related",))
        ),
    ]
    amount = _sum_of(lines)
    common = _common("measures", entry, seed, borrowed, _unstated(amount))
    if not relations:
        common["notes"].append(NOT_LINKED)
    ministries = distinct([*entry.ministries, *(ministry for line in lines for ministry in line.ministries)])
    record = {
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
        "budget_lines": [{"id": line.id, "amount": amount_of(line.amount)} for line in lines],
        "amount": amount,
        "related": [
            {**_ref(MeasureEntry, id_, seed), "basis": link.basis, "note": {"ja": link.note.ja, "en": link.note.en}}
            for link, id_ in relations
        ],
    }
    pillars = distinct(found for found in (entry.pillar, *(_pillar_of(line, seed) for line in lines)) if found)
    years = distinct(str(seed.get(PackageEntry, line.package).fiscal_year) for line in lines)
    return Rendered(record, {"pillar": pillars, "fiscal_year": years})


def budget_line(entry: BudgetLineEntry, seed: Seed) -> Rendered:
    measure_ = seed.get(MeasureEntry, entry.measure)
    package_ = seed.get(PackageEntry, entry.package)
    relations = _relations(measure_.id, seed)
    sections = distinct(id_ for _, other in relations for id_ in seed.get(MeasureEntry, other).sections)
    name, outside = name_of(measure_.name), entry.national_expenditure
    borrowed = [
        *_borrowed(measure_, seed, name=("name", "measure"), modalities=("modalities",)),
        *(_borrowed(measure_, seed, pillar=("pillar",)) if entry.pillar is None else ()),
        *_borrowed(package_, seed, name=("package",), fiscal_year=("fiscal_year",), budget_kind=("budget_kind",)),
        *(
            piece
            for link, _ in relations
            for piece in _borrowed(link, seed, direction=("sections",), programme=("sections",))
        ),
    ]
    record = {
        **_common("budget-lines", entry, seed, borrowed),
        "name": name,
        "measure": {"id": measure_.id, "name": name},
        "package": {"id": package_.id, "name": name_of(package_.name)},
        "pillar": _pillar_ref(_pillar_of(entry, seed), seed),
        "fiscal_year": _fiscal_year(package_.fiscal_year),
        "budget_kind": package_.budget_kind,
        "ministries": [_ref(OrganizationEntry, id_, seed) for id_ in entry.ministries],
        "joint": len(entry.ministries) > 1,
        "amount": amount_of(entry.amount),
        "national_expenditure": {"amount": amount_of(outside.amount), "url": outside.url} if outside else None,
        "modalities": [_ref(ModalityEntry, id_, seed) for id_ in measure_.modalities],
        "sections": [_section_ref(id_, seed) for id_ in sections],
    }
    return Rendered(record)


RENDERERS: Mapping[str, Callable[[Any, Seed], Rendered]] = {
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
