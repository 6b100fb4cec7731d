"""What there is: one line for each resource, and one for each question of its own kind; nothing is served unlisted."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module

from app.facts.entry import Entry, FurtherEvidence, NoteEntry
from app.reading.operations import Operation
from app.reading.resource import Resource
from app.reading.service import Service
from app.reading.sets import Sets
from app.resources import budget_summary, crosswalk, documents, reconciliation, search
from app.resources.measures import RelationEntry

# Each is the file of that name, which declares the resource in capitals.
NAMES = (
    "documents",
    "strategies",
    "sections",
    "measures",
    "budget_lines",
    "packages",
    "pillars",
    "organizations",
    "modalities",
    "stages",
)
RESOURCES: tuple[Resource, ...] = tuple(getattr(import_module(f"{__name__}.{name}"), name.upper()) for name in NAMES)

# Questions that are not a list or an item of a resource.
QUESTIONS: tuple[Callable[[Service], list[Operation]], ...] = (
    documents.operations,
    reconciliation.operations,
    budget_summary.operations,
    crosswalk.operations,
    partial(search.operations, resources=RESOURCES),
)

# What is known of all rows when they are written, beside their own postings: (name, value, packed).
KNOWN: tuple[Callable[[Sets], Iterator[tuple[str, str, bytes]]], ...] = (budget_summary.known,)

# Seed files beside those of the resources.
ENTRIES: dict[str, type[Entry]] = {
    "notes": NoteEntry,
    "evidence": FurtherEvidence,
    "crosswalk": RelationEntry,
}
