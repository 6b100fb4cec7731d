"""Fields: the parts of a record that an answer shows, chosen by dotted paths, which are derived from its model."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import orjson

from app.query.columns import Column, columns, inner_schema
from app.schemas import Schema

Chosen = dict[str, "Chosen | None"]  # by name of a field: what is chosen of it, None for all


@cache
def field_paths(schema: type[Schema]) -> tuple[str, ...]:
    """Every path of a record, such as `amount` and `amount.jpy`: its own fields, then those within them, level by
    level."""
    return tuple(sorted(_paths(schema), key=lambda path: path.count(".")))


def _paths(schema: type[Schema], prefix: str = "") -> Iterator[str]:
    for name, info in schema.model_fields.items():
        path = f"{prefix}{info.alias or name}"
        yield path
        inner = inner_schema(info.annotation)
        if inner:
            yield from _paths(inner, f"{path}.")


def column_paths(schema: type[Schema]) -> tuple[str, ...]:
    """The paths of a record under which a column stands."""
    with_columns = {path for column in columns(schema) for path in _paths_above(column)}
    return tuple(path for path in field_paths(schema) if path in with_columns)


def chosen_columns(schema: type[Schema], paths: Collection[str]) -> tuple[Column, ...]:
    """The columns of a record that stand under these paths, all of them without paths."""
    return tuple(column for column in columns(schema) if not paths or not _paths_above(column).isdisjoint(paths))


def _paths_above(column: Column) -> set[str]:
    """The paths under which a column stands: its own, and those of the fields that contain it."""
    return {".".join(column.path[:end]) for end in range(1, len(column.path) + 1)}


def project(records: Sequence[bytes], paths: Collection[str]) -> Sequence[bytes]:
    """Records, given and returned as JSON, with the fields at these paths alone, or as they are without paths. Fields
    keep their order; what is null or an empty list stays so."""
    if not paths:
        return records
    chosen = _chosen(paths)
    return [orjson.dumps(_part(orjson.loads(record), chosen)) for record in records]


def _chosen(paths: Iterable[str]) -> Chosen:
    """Paths as a tree; a path within another that is chosen adds nothing."""
    tree: Chosen = {}
    for path in paths:
        *above, last = path.split(".")
        node = tree
        for name in above:
            below = node.setdefault(name, {})
            if below is None:
                break
            node = below
        else:
            node[last] = None
    return tree


def _part(value: Any, chosen: Chosen) -> Any:
    if isinstance(value, list):
        return [_part(item, chosen) for item in value]
    if not isinstance(value, dict):  # null, or what an earlier version has there
        return value
    return {
        name: inner if (below := chosen[name]) is None else _part(inner, below)
        for name, inner in value.items()
        if name in chosen
    }
