"""What is wrong with the content of entries, given all that they link to: a function a kind. Each error is given as
(field, what is wrong and what to do)."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from app.resources.dates import day
from app.resources.measures import MeasureKind
from app.resources.organizations import NOT_PAYING
from app.resources.packages import BudgetKind
from app.seeding.entries.base import Entry
from app.seeding.entries.budgets import (
    BudgetLineEntry,
    LineRelationEntry,
    MeasureEntry,
    PackageEntry,
    PillarEntry,
    RelationEntry,
)
from app.seeding.entries.sources import DocumentEntry, ModalityEntry, OrganizationEntry, SectionEntry
from app.seeding.lines import lines_of_same_money, phase_of, wholes_of
from app.seeding.printed import holds
from app.seeding.staging import Seed

BRACKETED = re.compile("【([^】]*)】")
PRINTED_KIND = {BudgetKind.INITIAL: "当初", BudgetKind.SUPPLEMENTARY: "補正"}

FieldError = tuple[str, str]


def _not_paying(ids: Iterable[str], seed: Seed) -> Iterator[FieldError]:
    """Errors of a field `ministries` that names other bodies."""
    for id_ in ids:
        kind = seed.get(OrganizationEntry, id_).kind
        if kind in NOT_PAYING:
            yield "ministries", f"`{id_}` is of kind {kind.value}: name a ministry or an agency"


def _document(entry: DocumentEntry, seed: Seed) -> Iterator[FieldError]:
    count = len(seed.transcripts[entry.id])
    end = 0
    for part in entry.parts:
        if not end < part.lines.from_ <= part.lines.to <= count:
            found = f"lines {part.lines.from_}-{part.lines.to} of `{part.title.ja}`"
            yield "parts", f"{found} do not follow the part before, within the transcript's {count} lines"
        end = part.lines.to
    if entry.issued is None:
        return
    era = day(entry.issued).era
    if era not in entry.attribution:
        yield "attribution", f"it does not say when the document was issued: write {era} in it"


def _section(entry: SectionEntry, seed: Seed) -> Iterator[FieldError]:
    if entry.id != f"{entry.strategy}-{entry.number}":
        yield "id", f"the id of section {entry.number} of {entry.strategy} is `{entry.strategy}-{entry.number}`"
    if entry.parent is None:
        return
    if entry.id in seed.ancestors(SectionEntry, "parent", entry.parent):
        yield "parent", f"`{entry.id}` stands above itself: break the circle"
    if seed.get(SectionEntry, entry.parent).strategy != entry.strategy:
        yield "parent", f"`{entry.parent}` is of another strategy: name a section of {entry.strategy}"


def _organization(entry: OrganizationEntry, seed: Seed) -> Iterator[FieldError]:
    if entry.id in seed.ancestors(OrganizationEntry, "parent", entry.parent):
        yield "parent", f"`{entry.id}` stands above itself: break the circle"


def _modality(entry: ModalityEntry, seed: Seed) -> Iterator[FieldError]:
    if entry.id in seed.ancestors(ModalityEntry, "broader", entry.broader):
        yield "broader", f"`{entry.id}` is broader than itself: break the circle"


def _package(entry: PackageEntry, _: Seed) -> Iterator[FieldError]:
    quotes, kind = entry.quotes("budget_kind"), entry.budget_kind
    if kind and quotes and not any(PRINTED_KIND[kind] in quote for quote in quotes):
        yield "budget_kind", f"{PRINTED_KIND[kind]} stands in no quote that supports `budget_kind`: correct one of them"
    for total in entry.stated_totals:
        yield from (("stated_totals", error) for error in total.amount.errors())
        if total.amount.basis is not total.kind:
            yield "stated_totals", f"the amount's basis is not `{total.kind.value}`: say the same in both"
        if not any(holds(quote, total.amount.text) for quote in entry.quotes("stated_totals")):
            yield "stated_totals", f"`{total.amount.text}` stands in no quote that supports `stated_totals`"


def _pillar(entry: PillarEntry, _: Seed) -> Iterator[FieldError]:
    if entry.id != f"{entry.package}-{entry.number}":
        yield "id", f"the id of pillar {entry.number} of {entry.package} is `{entry.package}-{entry.number}`"


def _measure(entry: MeasureEntry, seed: Seed) -> Iterator[FieldError]:
    yield from _not_paying(entry.ministries, seed)


def _relation(entry: RelationEntry, seed: Seed) -> Iterator[FieldError]:
    if seed.get(MeasureEntry, entry.direction).kind is not MeasureKind.DIRECTION:
        yield "direction", f"`{entry.direction}` is not a direction: name the measure of the strategy"
    if not entry.evidence:
        yield "evidence", "a link rests on words that both sides share: quote them"


def _budget_line(entry: BudgetLineEntry, seed: Seed) -> Iterator[FieldError]:
    package = seed.get(PackageEntry, entry.package)
    phase = phase_of(entry, seed)
    if entry.amount and phase is None:
        yield "amount", "its phase is not known: give `phase`, since the package has no budget_kind"
        return
    stem = f"{entry.measure}-fy{package.fiscal_year}" + (f"-{phase.value.replace('_', '-')}" if phase else "")
    if not entry.id.startswith(stem):
        yield "id", f"the id of this line is `{stem}`, with an ending such as `-2` where that is taken"
    if entry.pillar and seed.get(PillarEntry, entry.pillar).package != entry.package:
        yield "pillar", f"`{entry.pillar}` is of another package: name a pillar of {entry.package}"
    yield from _not_paying(entry.ministries, seed)
    yield from _line_amounts(entry)
    yield from _line_ministries(entry, seed)


def _line_amounts(entry: BudgetLineEntry) -> Iterator[FieldError]:
    if entry.amount:
        yield from (("amount", error) for error in entry.amount.errors())
        if not any(holds(quote, entry.amount.text) for quote in entry.quotes("amount")):
            yield "amount", f"`{entry.amount.text}` stands in no quote that supports `amount`: correct one of them"
    if entry.national_expenditure:
        yield from (("national_expenditure", error) for error in entry.national_expenditure.amount.errors())
        if not any(piece.url == entry.national_expenditure.url for piece in entry.evidence):
            yield (
                "national_expenditure",
                "its url is in no evidence here: add external evidence with that url",
            )


def _line_ministries(entry: BudgetLineEntry, seed: Seed) -> Iterator[FieldError]:
    """The ministries are those printed in brackets, no more and no fewer."""
    known = seed.organization_ids
    printed = [mark for quote in entry.quotes("ministries") for mark in BRACKETED.findall(quote)]
    for mark in printed:
        if mark not in known:
            yield "ministries", f"【{mark}】 is no organization's abbreviation: add it to organizations.yaml"
        elif known[mark] not in entry.ministries:
            yield "ministries", f"the quote names 【{mark}】: add {known[mark]}"
    for ministry in entry.ministries:
        if printed and seed.get(OrganizationEntry, ministry).abbreviation not in printed:
            yield "ministries", f"no quote names {ministry}: remove it, or quote the words that do"


def _line_relation(entry: LineRelationEntry, seed: Seed) -> Iterator[FieldError]:
    line, other = seed.get(BudgetLineEntry, entry.line), seed.get(BudgetLineEntry, entry.other)
    if not entry.evidence:
        yield "evidence", "a relation rests on words of both documents: quote them"
    if entry.line == entry.other:
        yield "other", f"`{entry.line}` is related to itself: name two lines"
    elif entry.type == "part_of" and entry.line in {**lines_of_same_money(other, seed), **wholes_of(other, seed)}:
        yield "other", f"`{entry.other}` is itself a part of `{entry.line}`, or the same: break the circle"
    years = [seed.get(PackageEntry, each.package).fiscal_year for each in (line, other)]
    if years[0] != years[1]:
        yield (
            "other",
            f"`{entry.line}` is of {years[0]} and `{entry.other}` of {years[1]}: money of two years differs",
        )


CHECKS: Mapping[type[Entry], Callable[[Any, Seed], Iterator[FieldError]]] = {
    DocumentEntry: _document,
    SectionEntry: _section,
    OrganizationEntry: _organization,
    ModalityEntry: _modality,
    PackageEntry: _package,
    PillarEntry: _pillar,
    MeasureEntry: _measure,
    RelationEntry: _relation,
    BudgetLineEntry: _budget_line,
    LineRelationEntry: _line_relation,
}
