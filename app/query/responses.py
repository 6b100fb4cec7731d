"""Schemas of responses: what surrounds the records of a list."""

from typing import Generic, TypeVar

from pydantic import Field

from app.schemas import Int32, Name, Note, Schema

T = TypeVar("T")


class DatasetVersion(Schema):
    """Which data an answer was made from."""

    version: str = Field(description="Declared in the seed.")
    released: str = Field(description="ISO date.", json_schema_extra={"format": "date"})
    digest: str = Field(description="SHA-256 of its records, as in `/v1/versions`: the same digest, the same facts.")


class AnswerMeta(Schema):
    """From which data an answer was made."""

    dataset: DatasetVersion
    attribution: str = Field(description="How to cite the documents, a line each.")


class Meta(Schema):
    """What was counted, and from which data."""

    total: Int32 = Field(description="Every match, not only this page's.")
    limit: Int32
    offset: Int32 | None = Field(description="Null on pages reached by cursor.")
    dataset: DatasetVersion
    notes: list[Note] = Field(description="What to know of the filters and facets used.")
    attribution: str = Field(description="How to cite the documents, a line each.")


class Bucket(Schema):
    """Rows under one value."""

    value: str = Field(description="The value, as the filter of this facet's name takes it.")
    label: Name
    count: Int32


class Facet(Schema):
    """Rows under each value of one filter, under every other filter of the question."""

    buckets: list[Bucket]
    missing: Int32 = Field(description="Rows without a value; the filter value `none` finds them.")


class Links(Schema):
    """Other pages of the same question, path-absolute; null where there is none."""

    self: str
    first: str
    prev: str | None
    next: str | None
    last: str


class Page(Schema, Generic[T]):
    """A list of records."""

    data: list[T]
    meta: Meta
    facets: dict[str, Facet] = Field(description="One for each facet asked for.")
    links: Links
