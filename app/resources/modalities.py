"""Modalities: the kinds of medicine that documents name, narrower under broader; only what a document names."""

from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import Field

from app.facts.entry import Entry, NameEntry, Sought, To
from app.facts.library import Library, Published, remembered
from app.facts.shapes import Derived, Id, Int32, Name, Record, Ref
from app.facts.tables import Row, refers
from app.reading.filters import held
from app.reading.resource import Lists, Resource
from app.reading.terms import Term


class ModalityEntry(Entry):
    """A kind of medicine, once for all documents."""

    name: NameEntry
    also: list[str] = Field(default_factory=list)
    broader: Annotated[Id | None, To("modalities"), Sought()] = None

    def faults(self, library: Library) -> Iterator[tuple[str, str]]:
        if self.id in library.up(ModalityEntry, "broader", self.broader):
            yield "broader", f"`{self.id}` is broader than itself: break the circle"


class Modality(Record):
    """A kind of medicine."""

    name: Name
    also: list[str] = Field(description="Other words for it in the documents.")
    broader: Annotated[Ref | None, To("modalities")]
    narrower: Annotated[list[Ref], Derived(), To("modalities")]
    measure_count: Annotated[Int32, Derived()] = Field(description="Measures under it or under a narrower one.")


class ModalityRow(Row, table=True):
    __tablename__ = "modality"

    broader: int | None = refers("modality", nullable=True)
    measure_count: int


def with_broader(library: Library, ids: Iterable[str]) -> list[int]:
    """The keys of these and of all that is broader: a row stands under each of them."""
    return library.keys(ModalityEntry, (above for id_ in ids for above in library.up(ModalityEntry, "broader", id_)))


@remembered
def modality_ref(library: Library, id_: str) -> Ref:
    return Ref(id=id_, name=library.of(ModalityEntry)[id_].name.published())


def _publish(entry: ModalityEntry, library: Library) -> Published:
    from app.resources.measures import MeasureEntry  # measures hold modalities: the later file, read when asked

    under = library.down(ModalityEntry, "broader", entry.id)
    record = Modality(
        **library.common("modalities", entry),
        name=entry.name.published(),
        also=entry.also,
        broader=modality_ref(library, entry.broader) if entry.broader else None,
        narrower=[modality_ref(library, id_) for id_ in under[1:]],
        measure_count=library.count(MeasureEntry, "modalities", under),
    )
    broader = library.key(ModalityEntry, entry.broader) if entry.broader else None
    return Published(record, {"broader": broader, "measure_count": record.measure_count})


def _term(record: Modality, key: int) -> Term:
    names = (record.name.ja, record.name.en, *record.also)
    return Term(record.id, key, record.name, names, record.broader.id if record.broader else None)


MODALITIES = Resource(
    name="modalities",
    singular="modality",
    meaning="The kinds of medicine that the documents name.",
    record=Modality,
    row=ModalityRow,
    entry=ModalityEntry,
    publish=_publish,
    own_sorts=("measure_count",),
    own_filters=(held("broader", "The broader kind.", vocabulary="modality", optional=True),),
    names=("name", "also"),
    lists=(Lists("modality", _term),),
)
