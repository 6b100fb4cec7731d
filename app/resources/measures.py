"""Measures: what documents say will be done. What a measure costs stands on its budget lines, and is summed here."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from app.query.filters import choice, flag, linked
from app.query.resource import Resource
from app.resources.amount import Amount
from app.resources.pillars import PillarRef
from app.resources.sections import SectionRef
from app.schemas import Basis, Derived, Id, Name, Note, Record, Ref, References, Schema, Text

UNLINKED = Note(
    code="no-crosswalk-link",
    ja="戦略の施策と予算事業との対応付け(編集部による)に、この施策はない。",
    en="The crosswalk, our own linking of strategy measures and budget programmes, does not link this measure.",
)


class MeasureKind(StrEnum):
    """What a document says of it."""

    DIRECTION = "direction"
    PROGRAMME = "programme"
    OPERATION = "operation"
    INSTITUTION = "institution"


class OrganizationRole(StrEnum):
    """What a body does in a measure."""

    RESPONSIBLE = "responsible"
    IMPLEMENTING = "implementing"


class Part(Schema):
    """A body's part in a measure."""

    id: Id
    name: Name
    role: OrganizationRole


class Related(Schema):
    """A measure that the crosswalk links."""

    id: Id
    name: Name
    basis: Basis
    note: Text = Field(description="Why the two are linked.")


class LineRef(Schema):
    """A budget line by its amount."""

    id: Id
    amount: Amount


class Measure(Record):
    """Something that will be done."""

    name: Name
    kind: MeasureKind
    description: Name | None
    sections: Annotated[list[SectionRef], References("sections", searched="section")] = Field(
        description="Sections of the strategy that it serves."
    )
    pillar: Annotated[PillarRef | None, References("pillars")]
    ministries: Annotated[list[Ref], References("organizations", searched="organization")] = Field(
        description="Its own, and those of its budget lines."
    )
    organizations: Annotated[list[Part], References("organizations", searched="organization")] = Field(
        description="Other bodies that it names."
    )
    modalities: Annotated[list[Ref], References("modalities", searched="modality")]
    budget_lines: Annotated[list[LineRef], Derived(), References("budget-lines")]
    amount: Annotated[Amount, Derived()] = Field(
        description="The sum of those lines; null where none states an amount."
    )
    related: Annotated[list[Related], Derived(), References("measures")] = Field(
        description="Measures that the crosswalk links to it."
    )


MEASURES = Resource(
    name="measures",
    singular="measure",
    meaning="Everything that the documents say will be done: directions, programmes, operations and institutions.",
    record=Measure,
    own_filters=(
        linked("ministry", "Ministries that it names or that pay for it.", path="ministries.id", example="mhlw"),
        linked("pillar", "Pillars that it or a budget line of it stands under.", example="③"),
        linked("modality", "Kinds of medicine, narrower ones included.", path="modalities.id", example="new-modality"),
        linked("section", "Sections of a strategy, sub-sections included.", path="sections.id", example="4.2"),
        choice(
            "kind",
            MeasureKind,
            "What the document says of it.",
            direction="方向性",
            programme="事業",
            operation="運用",
            institution="体制",
        ),
        linked(
            "organization",
            "Ministries and other bodies that it names.",
            path=("ministries.id", "organizations.id"),
            example="amed",
        ),
        linked("fiscal_year", "Years of its budget lines.", example="2025"),
        flag("funded", "Whether it has a budget line.", path="budget_lines"),
    ),
    own_sorts={"kind": "kind", "amount": "amount.jpy"},
    descriptions=("description",),
)
