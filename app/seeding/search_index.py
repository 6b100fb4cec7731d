"""Writes what searches and filters read: the index, the folded texts and the vocabularies, into a SQLite file."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from app.db.sqlite import connect
from app.db.tables import SERVING_INDEX, SERVING_TEXT, SERVING_VALUE
from app.index import Index, IndexWriter, NgramWriter
from app.query.dataset import VOCABULARY, vocabulary_of
from app.query.filters import Filter, values_at
from app.query.resource import Resource, texts_of
from app.query.vocabulary import Concept, Vocabularies, Vocabulary
from app.resources import RESOURCES
from app.resources.tables import RESOURCE_TABLES
from app.seeding.rendered_records import RenderedRecords
from app.seeding.sqlite import new_file
from app.text import searchable

TABLES = (SERVING_INDEX, SERVING_TEXT, SERVING_VALUE)

Concepts = dict[str, dict[str, Concept]]  # by vocabulary and id

searchable_cached = lru_cache(maxsize=10_000)(searchable)


def write_search_index(path: Path, rendered: RenderedRecords) -> None:
    """Makes the file: serving_text, serving_index but for its sort orders, and the vocabularies of serving_value."""
    ngrams = NgramWriter()
    vocabularies: Concepts = {}
    with new_file(path, TABLES) as writer:
        for resource in RESOURCES:
            index = IndexWriter(resource.name)
            writer.insert(SERVING_TEXT, _texts(resource, rendered, index, ngrams, vocabularies))
            writer.insert(SERVING_INDEX, index.entries())
        for source in (source for resource in RESOURCES for source in resource.vocabularies if source.sorted):
            vocabularies[source.name] = dict(sorted(vocabularies.get(source.name, {}).items()))
        writer.insert(SERVING_INDEX, ngrams.entries())
        writer.insert(
            SERVING_VALUE,
            (
                (
                    f"{VOCABULARY}{name}",
                    orjson.dumps([concept.model_dump(mode="json") for concept in concepts.values()]),
                )
                for name, concepts in vocabularies.items()
            ),
        )


def _texts(
    resource: Resource, rendered: RenderedRecords, index: IndexWriter, ngrams: NgramWriter, vocabularies: Concepts
) -> Iterator[tuple[int, str, str]]:
    """The folded texts of each record, which is indexed on the way; its concepts are added to the vocabularies."""
    filters = [(each.name, _reader(each)) for each in resource.filters.values() if each.paths and each.kind != "amount"]
    readers = [*filters, *((path, _texts_at([path])) for path in resource.searched_links)]
    columns = {each.column: each.paths[0] for each in resource.filters.values() if each.kind == "amount"}
    rows = rendered.rows(resource, "json, hidden")
    for key, (text, hidden) in enumerate(rows, rendered.first_key(resource)):
        record = orjson.loads(text)
        values: dict[str, Iterable[str]] = {name: read(record) for name, read in readers}
        numbers = {name: next(values_at(record, path), None) for name, path in columns.items()}
        index.add(key, {**values, **orjson.loads(hidden)}, numbers)
        names = [searchable_cached(each) for _, each in texts_of(resource.names, record)]
        descriptions = [searchable_cached(each) for _, each in texts_of(resource.descriptions, record)]
        ngrams.add(key, names, descriptions)
        for source in resource.vocabularies:
            if record[source.field]:
                for concept in source.concepts(resource.record.model_validate_json(text)):
                    vocabularies.setdefault(source.name, {}).setdefault(concept.id, concept)
        yield key, "\n".join(["", *names, ""]), "\n".join(descriptions)


def _reader(filter_: Filter) -> Callable[[Any], Iterable[str]]:
    """What reads a filter's values from a record."""
    if filter_.kind == "boolean":
        (path,) = filter_.paths
        return lambda record: ("true" if record[path] else "false",)
    return _texts_at(filter_.paths)


def _texts_at(paths: Iterable[str]) -> Callable[[Any], Iterable[str]]:
    return lambda record: [str(value) for path in paths for value in values_at(record, path)]


def sort_orders(relational: Path) -> Iterator[tuple[str, str, bytes]]:
    """The entries of all sort orders, from the relational tables."""
    with closing(connect(relational)) as connection:
        connection.create_function("by_numbers", 1, by_numbers, deterministic=True)
        for resource in RESOURCES:
            own, *_ = RESOURCE_TABLES[resource.name]
            columns = {".".join(column.path): column.name for column in own.columns}
            for name, path in resource.sorts.items():
                column = f'"{columns[path]}"'
                order = f"by_numbers({column}), by_numbers(id)" if resource.versioned else f"{column}, key"
                query = f"SELECT key FROM {own.table.name} WHERE {column} IS NOT NULL ORDER BY {order}"  # noqa: S608
                rows = connection.execute(query)
                yield from IndexWriter(resource.name).order_entries(name, (key for (key,) in rows))


def by_numbers(value: Any) -> Any:
    """A text that is ordered by the numbers in this one; another value as it is."""
    return re.sub("[0-9]+", lambda digits: digits[0].zfill(20), value) if isinstance(value, str) else value


def read_index(path: Path) -> tuple[Index, Vocabularies]:
    """The index of a file that `write_search_index` made, and the vocabularies of its filters."""

    def read(name: str) -> Mapping[str, bytes]:
        with closing(connect(path)) as connection:
            return dict(connection.execute("SELECT value, data FROM serving_index WHERE name = ?", (name,)))

    with closing(connect(path)) as connection:
        vocabularies = {
            name.removeprefix(VOCABULARY): vocabulary_of(json)
            for name, json in connection.execute("SELECT name, data FROM serving_value")
        }
    return Index(read), defaultdict(lambda: Vocabulary.of(()), vocabularies)
