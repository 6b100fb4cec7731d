"""The tables every resource is stored in: rows, records, postings, and what is known of the whole; no SQL is asked
here."""

from hashlib import sha256
from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, Table, Text
from sqlmodel import Field, SQLModel

metadata = SQLModel.metadata


class Row(SQLModel):
    """One record of a resource: what it is found and ordered by. The record itself is elsewhere, so that a scan of many
    rows reads few bytes."""

    key: int = Field(primary_key=True, description="The record's place in its collection, from 1.")
    id: str = Field(sa_type=Text, unique=True)
    name: str = Field(sa_type=Text, description="The Japanese name.")


def records(row: str) -> Table:
    """The public records, rendered when the database was built; as bytes, for nothing reads them on their way out."""
    return Table(
        f"{row}_record",
        metadata,
        Column("key", Integer, ForeignKey(f"{row}.key"), primary_key=True),
        Column("record", LargeBinary, nullable=False),
    )


def cells(row: str) -> Table:
    """The same records as lines of CSV, so that a download assembles nothing."""
    return Table(
        f"{row}_cells",
        metadata,
        Column("key", Integer, ForeignKey(f"{row}.key"), primary_key=True),
        Column("line", LargeBinary, nullable=False),
    )


def refers(table: str, *, nullable: bool = False, index: bool = False) -> Any:
    """A column that holds the key of a row of `table`."""
    return Field(default=None, foreign_key=f"{table}.key", nullable=nullable, index=index)


def word(*, nullable: bool = False) -> Any:
    """A column of text."""
    return Field(default=None, sa_type=Text, nullable=nullable)


def big(*, nullable: bool = False) -> Any:
    """A column of yen, which outgrow 32 bits."""
    return Field(default=None, sa_type=BigInteger, nullable=nullable)


class Dataset(SQLModel, table=True):
    """The one row that says what this database holds."""

    __tablename__ = "dataset"

    key: int = Field(primary_key=True)
    version: str = Field(sa_type=Text)
    released: str = Field(sa_type=Text, description="ISO date.")
    schema_: str = Field(sa_column=Column("schema", Text, nullable=False), description="See `schema()`.")
    digest: str = Field(sa_type=Text, description="SHA-256 over every record, in order.")
    about: str = Field(sa_type=Text, description="Name, description, attribution and downloads, as JSON.")


class Term(SQLModel, table=True):
    """One value that a filter takes."""

    __tablename__ = "term"

    vocabulary: str = Field(sa_type=Text, primary_key=True)
    position: int = Field(primary_key=True)
    id: str = Field(sa_type=Text)
    key: int = Field(description="The value as rows hold it.")
    about: str = Field(sa_type=Text, description="Label, aliases, the broader value and notes, as JSON.")


class Posting(SQLModel, table=True):
    """What stands under one value of one name, packed; `app/reading/postings.py` says how."""

    __tablename__ = "posting"

    name: str = Field(sa_type=Text, primary_key=True, description="Such as `budget-lines/under/ministry`.")
    value: str = Field(sa_type=Text, primary_key=True)
    packed: bytes = Field(sa_type=LargeBinary)


class Searchable(SQLModel, table=True):
    """The folded words of one record, and no more: they are read of many."""

    __tablename__ = "searchable"

    key: int = Field(primary_key=True, description="Its place among all records, resource by resource.")
    names: str = Field(sa_type=Text, description="A line break before and after each.")
    descriptions: str = Field(sa_type=Text, description="One a line.")


class Shown(SQLModel, table=True):
    """What a search shows of one record."""

    __tablename__ = "shown"

    key: int = Field(primary_key=True, description="Its place among all records.")
    shown: bytes = Field(sa_type=LargeBinary, description="Its id, names and descriptions as they are, JSON.")


def schema() -> str:
    """A fingerprint of every table and column: a database with another one was built by other code."""
    lines = sorted(
        f"{table.name}.{column.name} {column.type} {column.nullable}"
        for table in metadata.tables.values()
        for column in table.columns
    )
    return sha256("\n".join(lines).encode()).hexdigest()[:16]
