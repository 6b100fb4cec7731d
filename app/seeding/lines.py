"""Budget lines: their phase, and their relations to lines about the same money."""

from app.resources.amount import BudgetPhase
from app.seeding.entries.budgets import BudgetLineEntry, LineRelationEntry, PackageEntry
from app.seeding.staging import Seed


def phase_of(line: BudgetLineEntry, seed: Seed) -> BudgetPhase | None:
    """The phase of a line's amount: its own, or the package's; None if neither gives one."""
    return (line.amount.phase if line.amount else None) or seed.get(PackageEntry, line.package).phase


def same(line: BudgetLineEntry, seed: Seed) -> dict[str, BudgetLineEntry]:
    """The lines that state the same money as a line, at any remove, itself included."""
    found, ids = {line.id: line}, [line.id]
    for id_ in ids:
        for _, other in relations_of(id_, "same_as", "line", seed) + relations_of(id_, "same_as", "other", seed):
            if other.id not in found:
                found[other.id] = other
                ids.append(other.id)
    return found


def wholes(line: BudgetLineEntry, seed: Seed) -> dict[str, BudgetLineEntry]:
    """The lines that include the money of a line, at any remove, and those that state the same as these."""
    found: dict[str, BudgetLineEntry] = {}
    below = list(same(line, seed))
    for id_ in below:
        for _, whole in relations_of(id_, "part_of", "line", seed):
            more = {key: each for key, each in same(whole, seed).items() if key not in found}
            found.update(more)
            below.extend(more)
    return found


def parts(line: BudgetLineEntry, seed: Seed) -> dict[str, BudgetLineEntry]:
    """The lines whose money a line includes, directly."""
    return {each.id: each for _, each in relations_of(line.id, "part_of", "other", seed)}


def relations_of(id_: str, type_: str, end: str, seed: Seed) -> list[tuple[LineRelationEntry, BudgetLineEntry]]:
    """The relations of a type of which a line is this end, `line` or `other`, each with the line at its other end."""
    found = [each for each in seed.where(LineRelationEntry, end, id_) if each.type == type_]
    return [(each, seed.get(BudgetLineEntry, each.other if end == "line" else each.line)) for each in found]
