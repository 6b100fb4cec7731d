"""Modalities: the kinds of medicine that documents name, narrower under broader."""

from typing import Annotated

from pydantic import Field

from app.query.filters import column
from app.query.resource import Resource, VocabularySource
from app.query.vocabulary import Concept
from app.resources.identifiers import IDENTIFIER, IDENTIFIER_VOCABULARY, SAME_AS, Identifier, ids_of
from app.schemas import Derived, Int32, MayBeEmpty, Name, Record, Ref, References


class Modality(Record):
    """A kind of medicine."""

    name: Name
    also: list[str] = Field(description="Other words for it in the documents.")
    same_as: Annotated[list[Identifier], MayBeEmpty()] = SAME_AS
    broader: Annotated[Ref | None, References("modalities", searched="modality")]
    narrower: Annotated[list[Ref], Derived(), References("modalities", searched="modality")]
    measure_count: Annotated[Int32, Derived()] = Field(description="Measures under it or under a narrower one.")


def _concepts(record: Modality) -> list[Concept]:
    broader = record.broader.id if record.broader else None
    codes = ids_of(record.same_as)
    return [Concept(id=record.id, label=record.name, aliases=tuple(record.also), codes=codes, broader=broader)]


MODALITIES = Resource(
    name="modalities",
    singular="modality",
    meaning="The kinds of medicine that the documents name.",
    meaning_ja="文書に現れる医薬品等の種類。",
    record=Modality,
    own_sorts={"measure_count": "measure_count"},
    own_filters=(
        column("broader", "The broader kind.", path="broader.id", vocabulary="modality", optional=True),
        IDENTIFIER,
    ),
    names=("name", "also"),
    vocabularies=(VocabularySource("modality", _concepts), IDENTIFIER_VOCABULARY),
)
