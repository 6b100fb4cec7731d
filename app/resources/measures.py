"""Measures: what documents say will be done. What a measure costs stands on its budget lines, and is summed here."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from app.query.filters import choice, flag, linked
from app.query.resource import Resource
from app.resources.amount import Amount
from app.resources.dates import FiscalYear
from app.resources.identifiers import IDENTIFIER, IDENTIFIER_VOCABULARY, SAME_AS, Identifier
from app.resources.pillars import PillarRef
from app.resources.sections import SectionRef
from app.schemas import (
    Basis,
    Derived,
    Id,
    Labelled,
    MayBeEmpty,
    Name,
    Note,
    Record,
    Ref,
    References,
    Schema,
    Sentence,
    Text,
)

UNLINKED = Note(
    code="no-crosswalk-link",
    ja="戦略の施策と予算事業との対応付け(crosswalk)に、この施策はない。",
    en="The crosswalk, which links strategy measures and budget programmes, does not link this measure.",
)

DIFFERENT_FIGURES = Note(
    code="figures-differ",
    ja="同じ事業の金額が文書により異なる。基準や段階が違うことがある。並べて示し、加えない。",
    en="Documents state different amounts of this money, maybe of different bases or phases: they stand side by side.",
)


class MeasureKind(Labelled):
    """What a document says of it."""

    DIRECTION = "direction", "方向性", "direction"
    PROGRAMME = "programme", "事業", "programme"
    OPERATION = "operation", "運用", "operation"
    INSTITUTION = "institution", "体制", "institution"
    BUDGET_ITEM = "budget_item", "予算の事項", "budget item"
    PROJECT = "project", "行政事業", "project"


class OrganizationRole(StrEnum):
    """What a body does in a measure."""

    RESPONSIBLE = "responsible"
    IMPLEMENTING = "implementing"


class Part(Schema):
    """A body's part in a measure."""

    id: Id
    name: Name
    role: OrganizationRole


LINKED = "linked/"  # prefix of the serving values that hold what the crosswalk links to a measure, by its key


class Related(Schema):
    """A measure that the crosswalk links."""

    id: Id
    name: Name
    basis: Basis
    note: Text = Field(description="Why the two are linked.")


class StrategyLink(Schema):
    """A plan that a measure serves, and on which ground that is known."""

    id: Id
    name: Name
    basis: Basis


class LineRef(Schema):
    """A budget line by its amount."""

    id: Id
    amount: Amount


class FigureRelation(StrEnum):
    """What a figure says of a measure's money."""

    OWN = "own"
    NATIONAL_EXPENDITURE = "national_expenditure"
    SAME_AS = "same_as"
    PART_OF = "part_of"
    INCLUDES = "includes"
    SAME_PROGRAMME = "same_programme"


class OtherFigure(Schema):
    """A line of another measure that states the same money, includes it, or is a part of it."""

    id: Id
    relation: FigureRelation = Field(description="`part_of`: the line includes the measure's money, with other money.")
    document: Annotated[Id, References("documents")] = Field(description="The document that states it.")
    fiscal_year: FiscalYear
    amount: Amount


class Law(Schema):
    """A law that a document cites."""

    name: Sentence = Field(description="As cited.")
    egov: Sentence | None = Field(description="Its id in e-Gov's register of laws.")
    url: Sentence | None


class Measure(Record):
    """Something that will be done."""

    name: Name
    kind: MeasureKind
    description: Name | None
    sections: Annotated[list[SectionRef], References("sections", searched="section")] = Field(
        description="Sections of the strategy that it serves."
    )
    strategies: Annotated[list[StrategyLink], MayBeEmpty(), References("strategies", searched="strategy")] = Field(
        description="Plans that the document says it serves, by no section of theirs."
    )
    pillar: Annotated[PillarRef | None, References("pillars")]
    ministries: Annotated[list[Ref], References("organizations", searched="organization")] = Field(
        description="Its own, and those of its budget lines."
    )
    organizations: Annotated[list[Part], References("organizations", searched="organization")] = Field(
        description="Other bodies that it names."
    )
    modalities: Annotated[list[Ref], References("modalities", searched="modality")]
    laws: Annotated[list[Law], MayBeEmpty()] = Field(description="Laws that the document cites for it.")
    same_as: Annotated[list[Identifier], MayBeEmpty()] = SAME_AS
    budget_lines: Annotated[list[LineRef], Derived(), References("budget-lines")]
    amount: Annotated[Amount, Derived()] = Field(
        description="The sum of those lines; null where none states an amount, and where they are of several kinds."
    )
    other_figures: Annotated[list[OtherFigure], Derived(), References("budget-lines")] = Field(
        description="What lines of other measures state of its money, in this document or another."
    )
    related: Annotated[list[Related], Derived(), References("measures")] = Field(
        description="Measures that the crosswalk links to it."
    )


MEASURES = Resource(
    name="measures",
    singular="measure",
    meaning="Everything that the documents say will be done: directions, programmes, operations and institutions.",
    meaning_ja="文書が行うとするすべて: 方向性、事業、運用、体制。",
    record=Measure,
    own_filters=(
        linked("ministry", "Ministries that it names or that pay for it.", path="ministries.id", example="mhlw"),
        linked("pillar", "Pillars that it or a budget line of it stands under.", example="③"),
        linked("modality", "Kinds of medicine, narrower ones included.", path="modalities.id", example="new-modality"),
        linked("section", "Sections of a strategy, sub-sections included.", path="sections.id", example="4.2"),
        choice("kind", MeasureKind, "What the document says of it."),
        linked(
            "organization",
            "Ministries and other bodies that it names.",
            path=("ministries.id", "organizations.id"),
            example="amed",
        ),
        linked("fiscal_year", "Years of its budget lines.", example="2025"),
        linked("strategy", "Strategies that it serves, by a section or as a whole.", example="hp3"),
        IDENTIFIER,
        flag("funded", "Whether it has a budget line.", path="budget_lines"),
    ),
    own_sorts={"kind": "kind", "amount": "amount.jpy"},
    descriptions=("description",),
    vocabularies=(IDENTIFIER_VOCABULARY,),
)
