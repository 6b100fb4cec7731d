"""Seed entries: what an editor writes in seed/. The entries of `<kind>.yaml` and `<kind>.ndjson` are of one model."""

from collections.abc import Mapping

from app.seeding.entries.base import Entry, FurtherEvidence, NoteEntry
from app.seeding.entries.budgets import (
    BudgetLineEntry,
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
WITHIN_RECORDS = {"notes", "evidence", "crosswalk", "line-relations"}  # kinds that the records of others show
NAMES: Mapping[type[Entry], str] = {kind: name for name, kind in KINDS.items()}
