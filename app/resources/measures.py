"""Measures: everything that a document says will be done; what it costs stands on its budget lines."""

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from sqlalchemy import Column, ForeignKey, Integer, Table
from sqlalchemy import Text as Words

from app.facts.entry import Entry, NameEntry, Sought, To, Written
from app.facts.library import Library, Published, remembered
from app.facts.shapes import Basis, Derived, Evidence, Id, Name, Note, Record, Ref, Shape, Text, ordered
from app.facts.tables import Row, metadata, word
from app.reading.filters import choice, flag, linked
from app.reading.resource import Resource
from app.resources.amount import Amount
from app.resources.modalities import modality_ref, with_broader
from app.resources.organizations import OrganizationEntry, not_paying, organization_ref
from app.resources.packages import PackageEntry
from app.resources.pillars import PillarEntry, PillarRef, pillar_ref
from app.resources.sections import SectionRef, section_ref, with_parents

if TYPE_CHECKING:
    from app.resources.budget_lines import BudgetLineEntry

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


class PartEntry(Written):
    """A body's part in a measure."""

    id: Annotated[Id, To("organizations")]
    role: OrganizationRole


class MeasureEntry(Entry):
    """Something that will be done. Ministries that pay for it are written on its budget lines."""

    kind: MeasureKind
    name: NameEntry
    description: NameEntry | None = None
    sections: Annotated[list[Id], To("sections"), Sought()] = Field(default_factory=list)
    pillar: Annotated[Id | None, To("pillars"), Sought()] = None
    ministries: Annotated[list[Id], To("organizations")] = Field(default_factory=list)
    organizations: list[PartEntry] = Field(default_factory=list)
    modalities: Annotated[list[Id], To("modalities"), Sought()] = Field(default_factory=list)

    def faults(self, library: Library) -> Iterator[tuple[str, str]]:
        yield from not_paying(library, self.ministries)


class RelationEntry(Entry):
    """A link of the crosswalk: the direction of a strategy that a budget programme serves."""

    direction: Annotated[Id, To("measures"), Sought()]
    programme: Annotated[Id, To("measures"), Sought()]
    note: Text

    def faults(self, library: Library) -> Iterator[tuple[str, str]]:
        measures = library.of(MeasureEntry)
        if measures[self.direction].kind is not MeasureKind.DIRECTION:
            yield "direction", f"`{self.direction}` is not a direction: name the measure of the strategy"
        if not self.evidence:
            yield "evidence", "a link rests on words that both sides share: quote them"

    @property
    def basis(self) -> Basis:
        return self.evidence[0].basis


class Part(Shape):
    """A body's part in a measure."""

    id: Id
    name: Name
    role: OrganizationRole


class Related(Shape):
    """A measure that the crosswalk links."""

    id: Id
    name: Name
    basis: Basis
    note: Text = Field(description="Why the two are linked.")


class LineRef(Shape):
    """A budget line by its amount."""

    id: Id
    amount: Amount


class Measure(Record):
    """Something that will be done."""

    kind: MeasureKind
    name: Name
    description: Name | None
    sections: Annotated[list[SectionRef], To("sections")] = Field(
        description="Sections of the strategy that it serves."
    )
    pillar: Annotated[PillarRef | None, To("pillars")]
    ministries: Annotated[list[Ref], To("organizations")] = Field(description="Its own, and those of its budget lines.")
    organizations: Annotated[list[Part], To("organizations")] = Field(description="Other bodies that it names.")
    modalities: Annotated[list[Ref], To("modalities")]
    budget_lines: Annotated[list[LineRef], Derived(), To("budget-lines")]
    related: Annotated[list[Related], Derived(), To("measures")] = Field(
        description="Measures that the crosswalk links to it."
    )


class MeasureRow(Row, table=True):
    __tablename__ = "measure"

    kind: str = word()
    funded: bool


RELATION = Table(
    "relation",
    metadata,
    Column("key", Integer, primary_key=True),
    Column("direction", Integer, ForeignKey("measure.key"), nullable=False, index=True),
    Column("programme", Integer, ForeignKey("measure.key"), nullable=False, index=True),
    Column("related", Words, nullable=False, comment="The programme as the direction's record shows it, JSON."),
)


@remembered
def measure_ref(library: Library, id_: str) -> Ref:
    return Ref(id=id_, name=library.of(MeasureEntry)[id_].name.published())


def relations(library: Library, id_: str) -> Iterator[tuple[RelationEntry, str]]:
    """The crosswalk's links of a measure, each with the measure at its other end."""
    yield from ((link, link.programme) for link in library.where(RelationEntry, "direction", id_))
    yield from ((link, link.direction) for link in library.where(RelationEntry, "programme", id_))


def _publish(entry: MeasureEntry, library: Library) -> Published:
    from app.resources.budget_lines import BudgetLineEntry, line_amount, pillar_of  # lines hold measures

    lines = library.where(BudgetLineEntry, "measure", entry.id)
    links = list(relations(library, entry.id))
    ministries = ordered([*entry.ministries, *(ministry for line in lines for ministry in line.ministries)])
    pillars = ordered(pillar for pillar in (entry.pillar, *(pillar_of(library, line) for line in lines)) if pillar)
    years = ordered(library.of(PackageEntry)[line.package].fiscal_year for line in lines)
    common = library.common("measures", entry, _borrowed(entry, library, lines))
    if not links:
        common["notes"].append(UNLINKED)
    record = Measure(
        **common,
        kind=entry.kind,
        name=entry.name.published(),
        description=entry.description.published() if entry.description else None,
        sections=[section_ref(library, id_) for id_ in entry.sections],
        pillar=pillar_ref(library, entry.pillar) if entry.pillar else None,
        ministries=[organization_ref(library, id_) for id_ in ministries],
        organizations=[
            Part(id=part.id, name=organization_ref(library, part.id).name, role=part.role)
            for part in entry.organizations
        ],
        modalities=[modality_ref(library, id_) for id_ in entry.modalities],
        budget_lines=[LineRef(id=line.id, amount=line_amount(line)) for line in lines],
        related=[
            Related(id=id_, name=measure_ref(library, id_).name, basis=link.basis, note=link.note)
            for link, id_ in links
        ],
    )
    asides = [
        {
            "key": library.key(RelationEntry, link.id),
            "direction": library.key(MeasureEntry, entry.id),
            "programme": library.key(MeasureEntry, link.programme),
            "related": related.model_dump_json(),
        }
        for (link, _), related in zip(links, record.related, strict=True)
        if link.direction == entry.id
    ]
    bodies = [*ministries, *(part.id for part in entry.organizations)]
    return Published(
        record,
        {"kind": entry.kind.value, "funded": bool(lines)},
        {
            "ministry": library.keys(OrganizationEntry, ministries),
            "organization": library.keys(OrganizationEntry, bodies),
            "modality": with_broader(library, entry.modalities),
            "pillar": library.keys(PillarEntry, pillars),
            "section": with_parents(library, entry.sections),
            "fiscal_year": years,
        },
        ((RELATION, asides),),
    )


def _borrowed(entry: MeasureEntry, library: Library, lines: list["BudgetLineEntry"]) -> Iterator[Evidence]:
    for line in lines:
        yield from library.borrow(line, ministries=("ministries",), amount=("budget_lines",))
    for link, _ in relations(library, entry.id):
        yield from library.borrow(link, direction=("related",), programme=("related",))


MEASURES = Resource(
    name="measures",
    singular="measure",
    meaning="Everything that the documents say will be done: directions, programmes, operations and institutions.",
    record=Measure,
    row=MeasureRow,
    entry=MeasureEntry,
    publish=_publish,
    own_filters=(
        linked("ministry", "Ministries that it names or that pay for it.", example="mhlw"),
        linked("pillar", "Pillars that it or a budget line of it stands under.", example="③"),
        linked("modality", "Kinds of medicine, narrower ones included.", example="new-modality"),
        linked("section", "Sections of a strategy, sub-sections included.", example="4.2"),
        choice(
            "kind",
            MeasureKind,
            "What the document says of it.",
            direction="方向性",
            programme="事業",
            operation="運用",
            institution="体制",
        ),
        linked("organization", "Ministries and other bodies that it names.", example="amed"),
        linked("fiscal_year", "Years of its budget lines.", example="2025"),
        flag("funded", "Whether it has a budget line."),
    ),
    own_sorts=("kind",),
    descriptions=("description",),
)
