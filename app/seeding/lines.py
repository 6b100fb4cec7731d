"""Budget lines: their phase, pillar and document, their relations to lines about the same money, and which of those
counts."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from app.resources.amount import BudgetPhase
from app.resources.budget_lines import UNSTATED
from app.seeding.entries.base import Entry
from app.seeding.entries.budgets import BudgetLineEntry, LineRelationEntry, MeasureEntry, PackageEntry, PillarEntry
from app.seeding.entries.sources import DocumentEntry
from app.seeding.staging import Seed
from app.sums.overlaps import OverlapReason


def phase_of(line: BudgetLineEntry, seed: Seed) -> BudgetPhase | None:
    """The phase of a line's amount: its own, or the package's; None if neither gives one."""
    return (line.amount.phase if line.amount else None) or seed.get(PackageEntry, line.package).phase


def lines_of_same_money(line: BudgetLineEntry, seed: Seed) -> dict[str, BudgetLineEntry]:
    """The lines that state the same money as a line, at any remove, itself included."""
    found, ids = {line.id: line}, [line.id]
    for id_ in ids:
        for _, other in relations_of(id_, "same_as", "line", seed) + relations_of(id_, "same_as", "other", seed):
            if other.id not in found:
                found[other.id] = other
                ids.append(other.id)
    return found


def wholes_of(line: BudgetLineEntry, seed: Seed) -> dict[str, BudgetLineEntry]:
    """The lines that include the money of a line, at any remove, and those that state the same as these."""
    found: dict[str, BudgetLineEntry] = {}
    below = list(lines_of_same_money(line, seed))
    for id_ in below:
        for _, whole in relations_of(id_, "part_of", "line", seed):
            more = {key: each for key, each in lines_of_same_money(whole, seed).items() if key not in found}
            found.update(more)
            below.extend(more)
    return found


def direct_parts_of(line: BudgetLineEntry, seed: Seed) -> dict[str, BudgetLineEntry]:
    """The lines whose money a line includes, directly."""
    return {each.id: each for _, each in relations_of(line.id, "part_of", "other", seed)}


def relations_of(id_: str, type_: str, end: str, seed: Seed) -> list[tuple[LineRelationEntry, BudgetLineEntry]]:
    """The relations of a type of which a line is this end, `line` or `other`, each with the line at its other end."""
    found = [each for each in seed.where(LineRelationEntry, end, id_) if each.type == type_]
    return [(each, seed.get(BudgetLineEntry, each.other if end == "line" else each.line)) for each in found]


def line_relations(line_id: str, seed: Seed) -> list[LineRelationEntry]:
    """The relations of a line, whichever end of them it is."""
    return [relation for end in ("line", "other") for relation in seed.where(LineRelationEntry, end, line_id)]


def pillar_of(line: BudgetLineEntry, seed: Seed) -> str | None:
    """The line's own pillar, or its measure's if that is of the line's package."""
    found = line.pillar or seed.get(MeasureEntry, line.measure).pillar
    return found if found and seed.get(PillarEntry, found).package == line.package else None


def lines_under(pillar_id: str, seed: Seed) -> list[BudgetLineEntry]:
    """The lines of a pillar."""
    own = seed.where(BudgetLineEntry, "pillar", pillar_id)
    measures = seed.where(MeasureEntry, "pillar", pillar_id)
    through = (line for measure_ in measures for line in seed.where(BudgetLineEntry, "measure", measure_.id))
    found = {line.id: line for line in (*own, *through) if pillar_of(line, seed) == pillar_id}
    return list(found.values())


def uncounted(lines: Sequence[BudgetLineEntry], seed: Seed) -> list[str]:
    """The ids of those lines that do not count beside another of them."""
    ids = {line.id for line in lines}
    related = (line for line in lines if line_relations(line.id, seed))
    return [line.id for line in related if not ids.isdisjoint(yields_to(line, seed))]


def yields_to(line: BudgetLineEntry, seed: Seed) -> dict[str, OverlapReason]:
    """The lines beside which a line does not count, with the reason: see `app.sums.overlaps`."""
    kind, rank = kind_value_of(line, seed), _rank(line, seed)
    if kind == UNSTATED:
        return {}
    others = (each for each in lines_of_same_money(line, seed).values() if each.id != line.id)
    before = (each for each in others if _rank(each, seed) < rank)
    found = [
        *((each, OverlapReason.SAME_AS) for each in before),
        *((each, OverlapReason.PART_OF) for each in wholes_of(line, seed).values()),
    ]
    return {each.id: reason for each, reason in found if kind_value_of(each, seed) == kind}


def kind_value_of(line: BudgetLineEntry, seed: Seed) -> str:
    """The line's value of KIND."""
    return f"{phase_of(line, seed)},{line.amount.basis or ''}" if line.amount else UNSTATED


def _rank(line: BudgetLineEntry, seed: Seed) -> tuple[Any, ...]:
    """What decides which of the lines that state the same money counts: the least."""
    amount, document = line.amount, document_of(line)
    issued = seed.get(DocumentEntry, document).issued
    precision = (amount.approximate, amount.resolution) if amount else (True, Decimal("inf"))
    return (*precision, issued is None, issued or date.max, line.key)


def document_of(entry: Entry) -> str:
    """The document that states an entry: that of its folder, or the first that it quotes."""
    return entry.location.document or next(piece.document for piece in entry.evidence if piece.document)
