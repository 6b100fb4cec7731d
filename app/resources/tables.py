"""The relational tables of all records: one for each resource and one for each of its lists, made from the record
models. They are what `dataset.sqlite` holds, and what somebody sees who opens the database that is served."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, Table, Text
from sqlalchemy import Column as SqlColumn
from sqlmodel import SQLModel

from app.query.columns import Column, columns, list_columns
from app.query.resource import Resource
from app.resources import BY_NAME, RESOURCES
from app.schemas import referenced

TYPES: Mapping[str, Any] = {
    "string": Text,
    "integer": BigInteger,
    "number": Text,  # exact, which SQLite's own numbers are not
    "boolean": Boolean,
}
INDEXED = {("budget_lines", "measure_id")}
LINES = ("document", "lines_from", "lines_to")  # of evidence: what rests on a line of a transcript is looked up

KEY = Column("key", "integer", "Its number among all records, resource by resource, from 1.", ())
POSITION = Column("position", "integer", "Its place in the list, from 1.", ())


@dataclass(frozen=True)
class ResourceTable:
    """The table of a resource, or of one of its lists; `field` is the field that is the list. `columns` are those that
    the records give; the table has a key, or the record's id and the position, before them."""

    table: Table
    field: str
    columns: tuple[Column, ...]


def _make(name: str, columns: Sequence[Column], primary: Sequence[Column]) -> Table:
    """Declares a table: `primary` are the columns of its primary key."""
    return Table(
        name,
        SQLModel.metadata,
        *(
            SqlColumn(
                column.name,
                Integer if column in primary and column.kind == "integer" else TYPES[column.kind],
                *([ForeignKey(f"{BY_NAME[column.references].plural}.id")] if column.references in BY_NAME else []),
                primary_key=column in primary,
                unique=column.name == "id",
                nullable=not (column in primary or column.required),
                index=(name, column.name) in INDEXED,
                comment=column.meaning,
            )
            for column in (*primary, *columns)
        ),
        # Without a row number of its own, a list's rows stand in its primary key, once.
        sqlite_with_rowid=len(primary) == 1,
    )


def _stored(resource: Resource, field: str, inner: Sequence[str]) -> bool:
    """Whether a column of a field is stored. What a record says that the field refers to is joined."""
    target = referenced(resource.record.model_fields[field])
    return target is None or not inner or inner[0] == "id" or inner[0] not in BY_NAME[target].record.model_fields


def _resource_tables(resource: Resource) -> Iterator[ResourceTable]:
    fields = {info.alias or name: name for name, info in resource.record.model_fields.items()}
    shown = [column for column in columns(resource.record) if not column.many]
    own = tuple(column for column in shown if _stored(resource, fields[column.path[0]], column.path[1:]))
    yield ResourceTable(_make(resource.plural, own, [KEY]), "", own)
    holder = Column(f"{resource.singular}_id", "string", f"The {resource.singular}.", ("id",), references=resource.name)
    for name, of_item in list_columns(resource.record).items():
        inner = tuple(column for column in of_item if _stored(resource, name, column.path))
        table = _make(f"{resource.singular}_{name}", inner, [holder, POSITION])
        if name == "evidence":
            Index(f"ix_{table.name}_lines", *(table.c[each] for each in LINES))
        yield ResourceTable(table, name, inner)


RESOURCE_TABLES: Mapping[str, tuple[ResourceTable, ...]] = {
    resource.name: tuple(_resource_tables(resource)) for resource in RESOURCES
}
"""By resource, its own table and then those of its lists."""

TRANSCRIPT_LINES = _make(
    "transcript_lines",
    [Column("text", "string", "Its words.", ())],
    [
        Column("document_id", "string", "The document.", (), references="documents"),
        Column("number", "integer", "The line's number, from 1.", ()),
    ],
)

# What each column of these tables means.
COLUMNS = Table(
    "columns",
    SQLModel.metadata,
    SqlColumn("table", Text, primary_key=True),
    SqlColumn("column", Text, primary_key=True),
    SqlColumn("type", Text, nullable=False),
    SqlColumn("meaning", Text, nullable=False),
)
# What the dataset is called, its version, and how to cite it.
DATASET = Table(
    "dataset",
    SQLModel.metadata,
    SqlColumn("fact", Text, primary_key=True),
    SqlColumn("value", Text, nullable=False),
)

PUBLIC_TABLES: tuple[Table, ...] = (
    COLUMNS,
    DATASET,
    *(each.table for tables in RESOURCE_TABLES.values() for each in tables),
    TRANSCRIPT_LINES,
)
"""Every table but those of serving."""


def column_rows() -> Iterator[tuple[str, str, str, str]]:
    """The rows of COLUMNS."""
    kinds = {Text: "string", BigInteger: "integer", Integer: "integer", Boolean: "boolean"}
    for table in PUBLIC_TABLES[2:]:
        for column in table.columns:
            yield table.name, column.name, kinds[type(column.type)], column.comment or ""
