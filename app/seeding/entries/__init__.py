"""Seed entries: what an editor writes in seed/. The entries of `<kind>.yaml` and `<kind>.ndjson` are of one model."""

from collections.abc import Mapping

from app.seeding.entries.base import (
    Entry,
    EntryPart,
    EvidenceEntry,
    FieldPath,
    FurtherEvidence,
    IdentifierEntry,
    Location,
    Lookup,
    NameEntry,
    NoteEntry,
    indexed_fields,
)
from app.seeding.entries.budgets import (
    AmountEntry,
    BudgetLineEntry,
    LawEntry,
    LineRelationEntry,
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

KINDS: Mapping[str, type[Entry]] = {
    "documents": DocumentEntry,
    "strategies": StrategyEntry,
    "sections": SectionEntry,
    "measures": MeasureEntry,
    "budget-lines": BudgetLineEntry,
    "packages": PackageEntry,
    "pillars": PillarEntry,
    "organizations": OrganizationEntry,
    "modalities": ModalityEntry,
    "stages": StageEntry,
    "notes": NoteEntry,
    "evidence": FurtherEvidence,
    "crosswalk": RelationEntry,
    "line-relations": LineRelationEntry,
}
NAMES: Mapping[type[Entry], str] = {kind: name for name, kind in KINDS.items()}

__all__ = [
    "KINDS",
    "NAMES",
    "AmountEntry",
    "BudgetLineEntry",
    "DocumentEntry",
    "Entry",
    "EntryPart",
    "EvidenceEntry",
    "FieldPath",
    "FurtherEvidence",
    "IdentifierEntry",
    "LawEntry",
    "LineRelationEntry",
    "Location",
    "Lookup",
    "MeasureEntry",
    "ModalityEntry",
    "NameEntry",
    "NoteEntry",
    "OrganizationEntry",
    "PackageEntry",
    "PillarEntry",
    "RelationEntry",
    "SectionEntry",
    "StageEntry",
    "StrategyEntry",
    "indexed_fields",
]
