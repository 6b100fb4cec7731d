"""Pillars: the numbered headings under which a package puts its programmes, with the sum of their lines."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from app.facts.entry import Entry, NameEntry, To
from app.facts.library import Library, Published, remembered
from app.facts.shapes import Derived, Id, Int32, Name, Record, Ref, Shape
from app.facts.tables import Row, big, refers
from app.reading.filters import held
from app.reading.resource import Lists, Resource
from app.reading.terms import Term
from app.resources.amount import Amount, summed
from app.resources.packages import PackageEntry, package_ref


class PillarEntry(Entry):
    """A heading of a package; its id is the package's id, a hyphen and the number."""

    number: Annotated[int, Field(ge=1, le=999)]
    symbol: Annotated[str, Field(min_length=1, max_length=10)]
    name: NameEntry
    package: Annotated[Id, To("packages")]

    def faults(self, library: Library) -> Iterator[tuple[str, str]]:  # noqa: ARG002
        if self.id != f"{self.package}-{self.number}":
            yield "id", f"the id of pillar {self.number} of {self.package} is `{self.package}-{self.number}`"


class PillarRef(Shape):
    """A pillar as other records show it."""

    id: Id
    number: Int32
    name: Name


class Pillar(Record):
    """A numbered heading of a package."""

    number: Int32
    symbol: str = Field(description="The number as printed, such as ①.")
    name: Name
    package: Annotated[Ref, To("packages")]
    line_count: Annotated[Int32, Derived()] = Field(description="Budget lines under it.")
    amount: Annotated[Amount, Derived()] = Field(description="The sum of those lines.")


class PillarRow(Row, table=True):
    __tablename__ = "pillar"

    number: int
    package: int = refers("package")
    line_count: int
    amount: int = big()


@remembered
def pillar_ref(library: Library, id_: str) -> PillarRef:
    entry = library.of(PillarEntry)[id_]
    return PillarRef(id=id_, number=entry.number, name=entry.name.published())


def _publish(entry: PillarEntry, library: Library) -> Published:
    from app.resources.budget_lines import lines_under  # lines hold pillars: the later file, read when asked

    lines = lines_under(library, entry.id)
    amounts = [line.amount for line in lines if line.amount]
    record = Pillar(
        **library.common("pillars", entry),
        number=entry.number,
        symbol=entry.symbol,
        name=entry.name.published(),
        package=package_ref(library, entry.package),
        line_count=len(lines),
        amount=Amount(
            **summed(
                sum(amount.jpy for amount in amounts),
                (amount.basis for amount in amounts),
                approximate=any(amount.approximate for amount in amounts),
                uncertain=any(amount.uncertain for amount in amounts),
            )
        ),
    )
    return Published(
        record,
        {
            "number": entry.number,
            "package": library.key(PackageEntry, entry.package),
            "line_count": record.line_count,
            "amount": record.amount.jpy,
        },
    )


def _term(record: Pillar, key: int) -> Term:
    return Term(record.id, key, record.name, (str(record.number), record.symbol, record.name.ja, record.name.en))


PILLARS = Resource(
    name="pillars",
    singular="pillar",
    meaning="The numbered headings of the packages, each with the sum of its budget lines.",
    record=Pillar,
    row=PillarRow,
    entry=PillarEntry,
    publish=_publish,
    own_filters=(held("package", "Pillars of the package.", example="fy2025-supplementary-drug-discovery"),),
    own_sorts=("number", "line_count", "amount"),
    lists=(Lists("pillar", _term),),
)
