"""Organizations: the ministries and other bodies that documents name."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from app.query.filters import choice
from app.query.resource import Resource, VocabularySource
from app.query.vocabulary import Term
from app.schemas import Editorial, Name, Record


class OrganizationKind(StrEnum):
    """What a body is."""

    MINISTRY = "ministry"
    AGENCY = "agency"
    INSTITUTION = "institution"
    SECRETARIAT = "secretariat"


PAYING = (OrganizationKind.MINISTRY, OrganizationKind.AGENCY)


class Organization(Record):
    """A ministry or another body."""

    name: Name
    kind: OrganizationKind
    abbreviation: str | None = Field(description="As documents print it between 【】.")
    also: Annotated[list[str], Editorial()] = Field(description="Everyday names, by which requests find it too.")


def _term(record: Organization) -> Term:
    aliases = (*record.also, *([record.abbreviation] if record.abbreviation else []))
    return Term(id=record.id, label=record.name, aliases=aliases)


def _paying(record: Organization) -> Term | None:
    return _term(record) if record.kind in PAYING else None


ORGANIZATIONS = Resource(
    name="organizations",
    singular="organization",
    meaning="Ministries, agencies and other bodies that the documents name.",
    record=Organization,
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
    own_sorts={"kind": "kind"},
    names=("name", "abbreviation", "also"),
    vocabularies=(VocabularySource("organization", _term), VocabularySource("ministry", _paying)),
)
