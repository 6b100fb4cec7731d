"""Checks that the declarations of all resources agree, so that a forgotten or misspelt one is named before a build."""

from collections.abc import Iterator

from app.query.columns import columns
from app.resources import RESOURCES
from app.resources.facts import FACTS
from app.resources.tables import RESOURCE_TABLES
from app.seeding.entries import KINDS, WITHIN_RECORDS
from app.seeding.errors import NothingWrittenError
from app.seeding.records import RENDERERS
from app.similarity import closest, hint


class DeclarationError(NothingWrittenError):
    """Declarations do not agree."""


def declaration_errors() -> Iterator[str]:
    """What is missing or wrong, and what to do."""
    names = {resource.name for resource in FACTS}
    for registry, of in (("KINDS (app/seeding/entries)", KINDS), ("RENDERERS (app/seeding/records.py)", RENDERERS)):
        yield from (f"{name}: add it to {registry}" for name in sorted(names - of.keys()))
    yield from (
        f"{name}: add its resource to FACTS (app/resources/facts.py)" for name in sorted(RENDERERS.keys() - names)
    )
    for name in sorted(KINDS.keys() - WITHIN_RECORDS - RENDERERS.keys() - names):
        yield (
            f"{name}: no record is made of these entries: add a renderer to RENDERERS (app/seeding/records.py) and a "
            "resource to FACTS (app/resources/facts.py), or name it in WITHIN_RECORDS (app/seeding/entries)"
        )
    sources = {source.name for resource in RESOURCES for source in resource.vocabularies}
    for resource in RESOURCES:
        paths = {".".join(column.path) for column in columns(resource.record)} | resource.record.model_fields.keys()
        sortable = {".".join(column.path) for column in RESOURCE_TABLES[resource.name][0].columns}
        for filter_ in resource.filters.values():
            if filter_.vocabulary and filter_.vocabulary not in sources:
                yield (
                    f"{resource.name}: no resource gives the vocabulary `{filter_.vocabulary}` of the filter "
                    f"`{filter_.name}`: add a VocabularySource to the resource whose records are its values"
                )
            for path in (path for path in filter_.paths if path not in paths):
                meant = hint(closest(path, paths))
                yield f"{resource.name}: the filter `{filter_.name}` has the unknown path `{path}`.{meant}"
            for derived in (each.name for each in filter_.operators if each.name in resource.filters):
                yield (
                    f"{resource.name}: the filter `{derived}` has the name that is derived from `{filter_.name}`: "
                    "rename one of them"
                )
        yield from (
            f"{resource.name}: the sort `{name}` has the path `{path}`, which is no column of its table."
            f"{hint(closest(path, sortable))}"
            for name, path in resource.sorts.items()
            if path not in sortable
        )
