"""Pillars: the numbered headings of a package, each with the sum of its budget lines."""

from typing import Annotated

from pydantic import Field

from app.query.filters import column
from app.query.resource import Resource, VocabularySource
from app.query.vocabulary import Concept
from app.resources.amount import Amount
from app.schemas import Derived, Id, Int32, Name, Record, Ref, References, Schema


class PillarRef(Schema):
    """A pillar as other records show it."""

    id: Id
    number: Int32
    name: Name


class Pillar(Record):
    """A numbered heading of a package."""

    name: Name
    number: Int32
    symbol: str = Field(description="The number as printed, such as ①.")
    package: Annotated[Ref, References("packages")]
    line_count: Annotated[Int32, Derived()] = Field(description="Budget lines under it.")
    amount: Annotated[Amount, Derived()] = Field(
        description="The sum of those lines; null where none states an amount."
    )


def _concepts(record: Pillar) -> list[Concept]:
    return [Concept(id=record.id, label=record.name, aliases=(str(record.number), record.symbol))]


PILLARS = Resource(
    name="pillars",
    singular="pillar",
    meaning="The numbered headings of the packages, each with the sum of its budget lines.",
    meaning_ja="予算パッケージの番号付きの見出しと、その予算の合計。",
    record=Pillar,
    own_filters=(
        column("package", "Pillars of the package.", path="package.id", example="fy2025-supplementary-drug-discovery"),
    ),
    own_sorts={"number": "number", "line_count": "line_count", "amount": "amount.jpy"},
    vocabularies=(VocabularySource("pillar", _concepts),),
)
