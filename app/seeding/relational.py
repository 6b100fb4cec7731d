"""Writes the relational tables into the file `dataset.sqlite`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from app.query.columns import Cell, row_of
from app.query.resource import Resource
from app.resources import RESOURCES
from app.resources.tables import COLUMNS, DATASET, PUBLIC_TABLES, RESOURCE_TABLES, TRANSCRIPT_LINES, column_rows
from app.seeding.rendered_records import RenderedRecords
from app.seeding.sqlite import SqliteWriter, new_file
from app.seeding.transcript import Transcript

BATCH = 50  # records: as many as stay in the cache of a processor


def write_relational(
    path: Path, rendered: RenderedRecords, facts: Mapping[str, str], transcripts: Mapping[str, Transcript]
) -> None:
    """Makes the file: all records, the lines of the transcripts, and what explains them."""
    with new_file(path, PUBLIC_TABLES) as writer:
        writer.insert(COLUMNS, column_rows())
        writer.insert(DATASET, facts.items())
        for resource in RESOURCES:
            _write_resource(writer, resource, rendered)
        for document, lines in transcripts.items():
            writer.insert(TRANSCRIPT_LINES, ((document, number, text) for number, text in enumerate(lines, 1)))


def _write_resource(writer: SqliteWriter, resource: Resource, rendered: RenderedRecords) -> None:
    own, *lists = RESOURCE_TABLES[resource.name]
    own_row = row_of(own.columns)
    rows_of = [(each.table, each.field, row_of(each.columns)) for each in lists]
    texts, key = rendered.records(resource), rendered.first_key(resource)
    while records := [orjson.loads(text) for text in islice(texts, BATCH)]:
        writer.insert(own.table, ([number, *own_row(record)] for number, record in enumerate(records, key)))
        for table, field, row in rows_of:
            writer.insert(table, _list_rows(records, field, row))
        key += len(records)


def _list_rows(
    records: Iterable[Mapping[str, Any]], field: str, row: Callable[[Any], list[Cell]]
) -> Iterator[Sequence[Cell]]:
    for record in records:
        for position, item in enumerate(record[field], 1):
            yield [record["id"], position, *row(item)]
