"""Parquet: a collection as a file of typed columns, those of its CSV: whole numbers are int64, others decimal, and
a list is a list."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from app.query.columns import CellType, Column, columns, row_of
from app.query.dataset import About
from app.query.resource import Resource

BATCH = 1_000  # records that are turned into columns at once
ROW_GROUP = 20_000  # rows, which wait in memory as columns

TYPES: Mapping[CellType, Any] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.decimal128(20, 8),
    "boolean": pa.bool_(),
}
IN_JSON: Mapping[CellType, Any] = {**TYPES, "number": pa.string()}


def write_parquet(path: Path, resource: Resource, about: About, records: Iterator[bytes]) -> None:
    """Writes records, given as JSON, into a file that says which data it is of. The same records give the same bytes,
    by the same version of pyarrow."""
    shown = columns(resource.record)
    facts = {**about.version.model_dump(), "title": about.name.en, "attribution": about.attribution}
    fields = [pa.field(column.name, _type(column, TYPES), nullable=not column.required) for column in shown]
    schema = pa.schema(fields, metadata=facts)
    row, read = row_of(shown, listed=tuple), [_type(column, IN_JSON) for column in shown]
    with ParquetWriter(path, schema, version="2.6", compression="zstd", compression_level=3) as writer:
        while group := list(islice(_batches(records, row, read, schema), ROW_GROUP // BATCH)):
            writer.write_table(pa.Table.from_batches(group))


def _batches(records: Iterator[bytes], row: Any, read: Sequence[Any], schema: Any) -> Iterator[Any]:
    while texts := list(islice(records, BATCH)):
        cells = zip(*(row(orjson.loads(text)) for text in texts), strict=True)
        arrays = [pa.array(each, type_) for each, type_ in zip(cells, read, strict=True)]
        yield pa.record_batch([array.cast(field.type) for array, field in zip(arrays, schema, strict=True)], schema)


def _type(column: Column, types: Mapping[CellType, Any]) -> Any:
    if not column.many:
        return types[column.kind]
    item = types[column.item]
    return pa.list_(pa.list_(item) if column.nested else item)
