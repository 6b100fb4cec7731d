"""The tables that serving reads. Their names begin with `serving_`, to tell them from the public relational tables of
`app.resources.tables`."""

from sqlalchemy import LargeBinary, Table, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

SCHEMA_NAME = "schema"  # of the serving value that says which schema the database has
SEED_NAME = "seed"  # of the serving value that has the digest of the files that it was built from
CHECKSUMS_NAME = "checksums"  # of the serving value that has those of the tables, in PostgreSQL


class ServingRecord(SQLModel, table=True):
    """A record as JSON, rendered by the build."""

    __tablename__ = "serving_record"
    __table_args__ = (UniqueConstraint("resource", "id"),)

    key: int = Field(primary_key=True, description="Its number among all records, resource by resource, from 1.")
    resource: str = Field(sa_type=Text)
    id: str = Field(sa_type=Text)
    record: bytes = Field(sa_type=LargeBinary)


class ServingRelease(SQLModel, table=True):
    """A record as an earlier version has it, stored only where it differs from the version before."""

    __tablename__ = "serving_release"

    resource: str = Field(sa_type=Text, primary_key=True)
    id: str = Field(sa_type=Text, primary_key=True)
    number: int = Field(primary_key=True, description="The version's, from 1, the oldest.")
    record: bytes | None = Field(sa_type=LargeBinary, description="Null where the version no longer has the record.")


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
    """A value that the build computed, most as JSON: the dataset's version, its vocabularies, sums that are asked for
    often."""

    __tablename__ = "serving_value"

    name: str = Field(sa_type=Text, primary_key=True)
    data: bytes = Field(sa_type=LargeBinary)


def _table(model: type[SQLModel]) -> Table:
    return SQLModel.metadata.tables[str(model.__tablename__)]


SERVING_RECORD = _table(ServingRecord)
SERVING_RELEASE = _table(ServingRelease)
SERVING_CSV = _table(ServingCsv)
SERVING_TEXT = _table(ServingText)
SERVING_INDEX = _table(ServingIndex)
SERVING_VALUE = _table(ServingValue)
SERVING_TABLES = (SERVING_RECORD, SERVING_RELEASE, SERVING_CSV, SERVING_TEXT, SERVING_INDEX, SERVING_VALUE)
