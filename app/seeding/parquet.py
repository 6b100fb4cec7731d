"""Parquet: a collection as a file of typed columns, those of its CSV. Numbers are int64, a list is a list."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from app.query.columns import Column, Kind, columns, row_of
from app.query.dataset import About
from app.query.resource import Resource

BATCH = 1_000  # records that are turned into columns at once
ROW_GROUP = 20_000  # rows, which wait in memory as columns

TYPES: Mapping[Kind, Any] = {"string": pa.string(), "integer": pa.int64(), "boolean": pa.bool_()}


def write_parquet(path: Path, resource: Resource, about: About, records: Iterator[bytes]) -> None:
    """Writes records, given as JSON, into a file that says which data it is of. The same records give the same bytes,
    by the same version of pyarrow."""
    shown = columns(resource.record)
    facts = {**about.version.model_dump(), "title": about.name.en, "attribution": about.attribution}
    fields = [pa.field(column.name, _type(column), nullable=not column.required) for column in shown]
    schema = pa.schema(fields, metadata=facts)
    row = row_of(shown, listed=tuple)
    with ParquetWriter(path, schema, version="2.6", compression="zstd", compression_level=3) as writer:
        while group := list(islice(_batches(records, row, schema), ROW_GROUP // BATCH)):
            writer.write_table(pa.Table.from_batches(group))


def _batches(records: Iterator[bytes], row: Any, schema: Any) -> Iterator[Any]:
    while texts := list(islice(records, BATCH)):
        cells = zip(*(row(orjson.loads(text)) for text in texts), strict=True)
        yield pa.record_batch([pa.array(each, field.type) for each, field in zip(cells, schema, strict=True)], schema)


def _type(column: Column) -> Any:
    if not column.many:
        return TYPES[column.kind]
    item = TYPES[column.item]
    return pa.list_(pa.list_(item) if column.nested else item)
