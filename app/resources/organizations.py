"""Organizations: the ministries and other bodies that documents name, bureaus under their ministries."""

from typing import Annotated

from pydantic import Field

from app.query.filters import choice, column
from app.query.resource import Resource, VocabularySource
from app.query.vocabulary import Concept
from app.resources.identifiers import IDENTIFIER, IDENTIFIER_VOCABULARY, SAME_AS, Identifier, ids_of
from app.schemas import Labelled, MayBeEmpty, Name, Record, Ref, References


class OrganizationKind(Labelled):
    """What a body is."""

    MINISTRY = "ministry", "省庁", "ministry"
    AGENCY = "agency", "庁", "agency"
    INSTITUTION = "institution", "機関", "institution"
    SECRETARIAT = "secretariat", "事務局", "secretariat"
    BUREAU = "bureau", "局", "bureau"
    DIET = "diet", "国会", "diet"
    COURT = "court", "裁判所", "court"
    AUDIT_BOARD = "audit_board", "会計検査院", "audit board"
    IMPERIAL_HOUSEHOLD = "imperial_household", "皇室費", "imperial household"


NOT_PAYING = (OrganizationKind.INSTITUTION, OrganizationKind.SECRETARIAT, OrganizationKind.BUREAU)
"""Those that no budget is voted for: what they spend is their ministry's."""


class Organization(Record):
    """A ministry or another body."""

    name: Name
    kind: OrganizationKind
    abbreviation: str | None = Field(description="As documents print it between 【】.")
    also: Annotated[list[str], MayBeEmpty()] = Field(description="Everyday names, by which requests find it too.")
    parent: Annotated[Ref | None, MayBeEmpty(), References("organizations", searched="organization")] = Field(
        description="The body that it is part of."
    )
    same_as: Annotated[list[Identifier], MayBeEmpty()] = SAME_AS


def _concepts(record: Organization) -> list[Concept]:
    aliases = (*record.also, *([record.abbreviation] if record.abbreviation else []))
    parent = record.parent.id if record.parent else None
    return [Concept(id=record.id, label=record.name, aliases=aliases, codes=ids_of(record.same_as), broader=parent)]


def _paying(record: Organization) -> list[Concept]:
    # What a body under a ministry pays is its own, so that sums by ministry do not overlap.
    return (
        [] if record.kind in NOT_PAYING else [each.model_copy(update={"broader": None}) for each in _concepts(record)]
    )


ORGANIZATIONS = Resource(
    name="organizations",
    singular="organization",
    meaning="Ministries, agencies and other bodies that the documents name.",
    meaning_ja="文書に現れる府省庁その他の組織。",
    record=Organization,
    own_filters=(
        choice("kind", OrganizationKind, "What the body is."),
        column("parent", "The body that it is part of.", path="parent.id", vocabulary="organization", optional=True),
        IDENTIFIER,
    ),
    own_sorts={"kind": "kind"},
    names=("name", "abbreviation", "also"),
    vocabularies=(
        VocabularySource("organization", _concepts),
        VocabularySource("ministry", _paying),
        IDENTIFIER_VOCABULARY,
    ),
)
