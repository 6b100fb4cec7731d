"""What there is: one line for each resource, and one for each question of its own kind; nothing is served unlisted."""

from collections.abc import Callable
from functools import partial

from fastapi import APIRouter

from app.facts.entry import Entry, FurtherEvidence, NoteEntry
from app.reading.resource import Resource
from app.reading.service import Service
from app.resources import budget_summary, crosswalk, documents, reconciliation, search
from app.resources.budget_lines import BUDGET_LINES
from app.resources.documents import DOCUMENTS
from app.resources.measures import MEASURES, RelationEntry
from app.resources.modalities import MODALITIES
from app.resources.organizations import ORGANIZATIONS
from app.resources.packages import PACKAGES
from app.resources.pillars import PILLARS
from app.resources.sections import SECTIONS
from app.resources.stages import STAGES
from app.resources.strategies import STRATEGIES

RESOURCES: tuple[Resource, ...] = (
    DOCUMENTS,
    STRATEGIES,
    SECTIONS,
    MEASURES,
    BUDGET_LINES,
    PACKAGES,
    PILLARS,
    ORGANIZATIONS,
    MODALITIES,
    STAGES,
)

# Questions that are not a list or an item of a resource.
QUESTIONS: tuple[Callable[[Service], APIRouter], ...] = (
    documents.routes,
    reconciliation.routes,
    budget_summary.routes,
    crosswalk.routes,
    partial(search.routes, resources=RESOURCES),
)

# Seed files beside those of the resources.
ENTRIES: dict[str, type[Entry]] = {
    "notes": NoteEntry,
    "evidence": FurtherEvidence,
    "crosswalk": RelationEntry,
}
