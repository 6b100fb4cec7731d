"""Organizations: the ministries and other bodies that documents name, with the printed abbreviation."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from app.facts.entry import Entry, NameEntry
from app.facts.library import Library, Published, remembered
from app.facts.shapes import Name, Record, Ref
from app.facts.tables import Row, word
from app.reading.filters import choice
from app.reading.resource import Lists, Resource
from app.reading.terms import Term


class OrganizationKind(StrEnum):
    """What a body is."""

    MINISTRY = "ministry"
    AGENCY = "agency"
    INSTITUTION = "institution"
    SECRETARIAT = "secretariat"


PAYING = (OrganizationKind.MINISTRY, OrganizationKind.AGENCY)


class OrganizationEntry(Entry):
    """A body, once for all documents."""

    name: NameEntry
    kind: OrganizationKind
    abbreviation: Annotated[str, Field(min_length=1, max_length=20)] | None = None


class Organization(Record):
    """A ministry or another body."""

    name: Name
    kind: OrganizationKind
    abbreviation: str | None = Field(description="As documents print it between 【】.")


class OrganizationRow(Row, table=True):
    __tablename__ = "organization"

    kind: str = word()


@remembered
def organization_ref(library: Library, id_: str) -> Ref:
    """The body as other records show it."""
    return Ref(id=id_, name=library.of(OrganizationEntry)[id_].name.published())


def not_paying(library: Library, ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The faults of a field `ministries` that names other bodies."""
    for id_ in ids:
        kind = library.of(OrganizationEntry)[id_].kind
        if kind not in PAYING:
            yield "ministries", f"`{id_}` is of kind {kind.value}: name a ministry or an agency"


def _publish(entry: OrganizationEntry, library: Library) -> Published:
    record = Organization(
        **library.common("organizations", entry),
        name=entry.name.published(),
        kind=entry.kind,
        abbreviation=entry.abbreviation,
    )
    return Published(record, {"kind": entry.kind.value})


def _term(record: Organization, key: int) -> Term:
    names = (record.name.ja, record.name.en, *([record.abbreviation] if record.abbreviation else []))
    return Term(record.id, key, record.name, aliases=names)


def _paying(record: Organization, key: int) -> Term | None:
    return _term(record, key) if record.kind in PAYING else None


ORGANIZATIONS = Resource(
    name="organizations",
    singular="organization",
    meaning="Ministries, agencies and other bodies that the documents name.",
    record=Organization,
    row=OrganizationRow,
    entry=OrganizationEntry,
    publish=_publish,
    own_filters=(
        choice(
            "kind",
            OrganizationKind,
            "What the body is.",
            ministry="省庁",
            agency="庁",
            institution="機関",
            secretariat="事務局",
        ),
    ),
    own_sorts=("kind",),
    names=("name", "abbreviation"),
    lists=(Lists("organization", _term), Lists("ministry", _paying)),
)
