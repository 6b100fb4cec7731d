"""Documents: the sources that evidence the records, and their parts."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from app.query.resource import Resource, VocabularySource
from app.query.vocabulary import Concept
from app.resources.dates import Day
from app.schemas import Derived, Int32, LineRange, Name, Record, Ref, References, Schema, Sentence


class Transcribed(StrEnum):
    """Whether a part's words are in the transcript."""

    FULL = "full"
    MISSING = "missing"


class DocumentPart(Schema):
    """A part of the document, such as one slide."""

    title: Name
    lines: LineRange
    transcript: Transcribed


class Document(Record):
    """A source document."""

    name: Name
    issuer: Annotated[Ref, References("organizations", searched="organization")]
    issued: Day | None
    attribution: Annotated[Sentence, Derived()] = Field(description="How to cite it, in the customary form.")
    licence: Sentence | None
    url: Sentence | None
    sha256: Annotated[str, Derived()] = Field(description="Of the transcript's file.")
    line_count: Annotated[Int32, Derived()]
    parts: list[DocumentPart]


DOCUMENTS = Resource(
    name="documents",
    singular="document",
    meaning="The source documents and their parts.",
    meaning_ja="出典となる文書と、その構成。",
    record=Document,
    own_sorts={"issued": "issued.date"},
    vocabularies=(VocabularySource("document", Concept.of),),
    evidenced=False,  # a document is its own evidence
)
