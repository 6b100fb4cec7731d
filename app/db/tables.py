"""The tables that serving reads. Their names begin with `serving_`, to tell them from the public relational tables of
`app.resources.tables`."""

from hashlib import sha256

from sqlalchemy import LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel


class ServingRecord(SQLModel, table=True):
    """A record as JSON, rendered by the build."""

    __tablename__ = "serving_record"
    __table_args__ = (UniqueConstraint("resource", "id"),)

    key: int = Field(primary_key=True, description="Its number among all records, resource by resource, from 1.")
    resource: str = Field(sa_type=Text)
    id: str = Field(sa_type=Text)
    json_: bytes = Field(sa_type=LargeBinary)


class ServingCsv(SQLModel, table=True):
    """The same record as a line of CSV."""

    __tablename__ = "serving_csv"

    key: int = Field(primary_key=True)
    line: bytes = Field(sa_type=LargeBinary)


class ServingText(SQLModel, table=True):
    """The folded texts of a record, in which the terms of a search are verified."""

    __tablename__ = "serving_text"

    key: int = Field(primary_key=True)
    names: str = Field(sa_type=Text, description="Each between two line breaks.")
    descriptions: str = Field(sa_type=Text, description="One a line.")


class ServingIndex(SQLModel, table=True):
    """An entry of `app.index`."""

    __tablename__ = "serving_index"

    name: str = Field(sa_type=Text, primary_key=True)
    value: str = Field(sa_type=Text, primary_key=True)
    data: bytes = Field(sa_type=LargeBinary)


class ServingValue(SQLModel, table=True):
    """A JSON value that the build computed: the dataset's version, its vocabularies, sums that are asked for often."""

    __tablename__ = "serving_value"

    name: str = Field(sa_type=Text, primary_key=True)
    json_: bytes = Field(sa_type=LargeBinary)


def schema_fingerprint() -> str:
    """Identifies the tables and columns that this code declares. A database with another one was built by other code."""
    lines = sorted(
        f"{table.name}.{column.name} {column.type} {column.nullable}"
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
    )
    return sha256("\n".join(lines).encode()).hexdigest()[:16]
