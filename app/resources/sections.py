"""Sections: the numbered parts of a strategy, sub-sections under them; a section counts its sub-sections' measures."""

from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import Field

from app.facts.entry import Entry, NameEntry, Sought, To
from app.facts.library import SILENCES, Library, Published, remembered
from app.facts.shapes import Basis, Derived, Id, Int32, Name, Record, Ref, Shape
from app.facts.tables import Row, refers, word
from app.reading.filters import flag, held
from app.reading.resource import Lists, Resource
from app.reading.terms import Term
from app.resources.strategies import StrategyEntry, strategy_ref

Number = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)*$", max_length=20)]


class SectionEntry(Entry):
    """A part of a strategy; its id is the strategy's id, a hyphen and the number."""

    number: Number
    code: Annotated[str, Field(min_length=1, max_length=40)]
    name: NameEntry
    strategy: Annotated[Id, To("strategies")]
    parent: Annotated[Id | None, To("sections"), Sought()] = None

    def faults(self, library: Library) -> Iterator[tuple[str, str]]:
        if self.id != f"{self.strategy}-{self.number}":
            yield (
                "id",
                f"the id of section {self.number} of {self.strategy} is `{self.strategy}-{self.number}`",
            )
        if self.parent is None:
            return
        if self.id in library.up(SectionEntry, "parent", self.parent):
            yield "parent", f"`{self.id}` stands above itself: break the circle"
        if library.of(SectionEntry)[self.parent].strategy != self.strategy:
            yield "parent", f"`{self.parent}` is of another strategy: name a section of {self.strategy}"


class SectionRef(Shape):
    """A section as other records show it."""

    id: Id
    number: Number
    code: str = Field(description="As printed.")
    name: Name


class Section(Record):
    """A part of a strategy."""

    number: Number = Field(description="Such as 4.1.2.")
    code: str = Field(description="The number as printed, such as 4.1(2).")
    name: Name
    strategy: Annotated[Ref, To("strategies")]
    parent: Annotated[SectionRef | None, To("sections")] = Field(description="The section that this one is part of.")
    depth: Annotated[Int32, Derived()] = Field(description="1 for a section, 2 for its sub-sections.")
    cited: Annotated[bool, Derived()] = Field(description="Whether a document here cites it.")
    measure_count: Annotated[Int32, Derived()] = Field(description="Measures in it or in its sub-sections.")


class SectionRow(Row, table=True):
    __tablename__ = "section"

    number: str = word()
    strategy: int = refers("strategy")
    parent: int | None = refers("section", nullable=True)
    depth: int
    cited: bool
    measure_count: int


@remembered
def section_ref(library: Library, id_: str) -> SectionRef:
    entry = library.of(SectionEntry)[id_]
    return SectionRef(id=id_, number=entry.number, code=entry.code, name=entry.name.published())


def with_parents(library: Library, ids: Iterable[str]) -> list[int]:
    """The keys of these and of all that they are part of: a row stands under each of them."""
    return library.keys(SectionEntry, (above for id_ in ids for above in library.up(SectionEntry, "parent", id_)))


def _publish(entry: SectionEntry, library: Library) -> Published:
    from app.resources.measures import MeasureEntry  # measures hold sections: the later file, read when asked

    under = library.down(SectionEntry, "parent", entry.id)
    record = Section(
        **library.common("sections", entry),
        number=entry.number,
        code=entry.code,
        name=entry.name.published(),
        strategy=strategy_ref(library, entry.strategy),
        parent=section_ref(library, entry.parent) if entry.parent else None,
        depth=len(list(library.up(SectionEntry, "parent", entry.id))),
        cited=any(piece.basis is not Basis.EXTERNAL for piece in entry.evidence if "number" in piece.supports),
        measure_count=library.count(MeasureEntry, "sections", under),
    )
    return Published(
        record,
        {
            "number": entry.number,
            "strategy": library.key(StrategyEntry, entry.strategy),
            "parent": library.key(SectionEntry, entry.parent) if entry.parent else None,
            "depth": record.depth,
            "cited": record.cited,
            "measure_count": record.measure_count,
        },
    )


def _term(record: Section, key: int) -> Term:
    names = (record.number, record.code, record.name.ja, record.name.en)
    notes = tuple(note for note in record.notes if note.code not in SILENCES)
    return Term(record.id, key, record.name, names, record.parent.id if record.parent else None, notes)


SECTIONS = Resource(
    name="sections",
    singular="section",
    meaning="The sections of the strategies, with how many measures stand in each.",
    record=Section,
    row=SectionRow,
    entry=SectionEntry,
    publish=_publish,
    own_filters=(
        held("strategy", "Sections of the strategy.", example="hp3"),
        held("parent", "Sub-sections of the section.", vocabulary="section", optional=True, example="4.1"),
        flag("cited", "Whether a document here cites it."),
    ),
    own_sorts=("number", "depth", "measure_count"),
    lists=(Lists("section", _term),),
)
