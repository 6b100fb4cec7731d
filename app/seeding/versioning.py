"""The rule of versions: corrected facts raise the last number, added records or fields the one before, and records or
fields that are gone, or fields of another type, the first."""

from collections.abc import Iterator
from typing import Any

import orjson

from app.seeding.history import compare
from app.seeding.releases import Release, version_key

ITEM = "[]"  # of a path: the items of a list

Shape = dict[tuple[str, tuple[str, ...]], set[str]]  # by resource and path of a field, the types of its values in JSON


def least_version(before: Release, after: Release) -> tuple[str, str]:
    """The least version that a release may have which follows another, and why."""
    shapes: tuple[Shape, Shape] = ({}, {})
    corrected, added, gone = "no record differs", "", ""
    for type_, id_, old, new in compare(before, after):
        if old is None:
            added = added or f"`{id_}` of {type_} was added"
        if new is None:
            gone = gone or f"`{id_}` of {type_} was withdrawn"
        if old and new and old != new:
            corrected = f"`{id_}` of {type_} was corrected"
        for shape, text in zip(shapes, (old, new), strict=True):
            if text:
                _add_shape(shape, type_, (), orjson.loads(text))
    added = added or next((f"{each} was added" for each in _missing(*reversed(shapes))), "")
    gone = gone or next((f"{each} is gone, or of another type" for each in _broken(*shapes)), "")
    major, minor, patched = version_key(before.version)
    if gone:
        return f"{major + 1}.0.0", gone
    if added:
        return f"{major}.{minor + 1}.0", added
    return f"{major}.{minor}.{patched + 1}", corrected


def _add_shape(shape: Shape, type_: str, path: tuple[str, ...], value: Any) -> None:
    kinds = shape.setdefault((type_, path), set())
    if isinstance(value, dict):
        kinds.add("object")
        for name, inner in value.items():
            _add_shape(shape, type_, (*path, name), inner)
    elif isinstance(value, list):
        kinds.add("array")
        for item in value:
            _add_shape(shape, type_, (*path, ITEM), item)
    elif value is not None:
        kinds.add("boolean" if isinstance(value, bool) else "string" if isinstance(value, str) else "number")


def _missing(shape: Shape, other: Shape) -> Iterator[str]:
    """The fields of a shape that objects of another do not have."""
    for type_, path in shape:
        if path and (type_, path) not in other and "object" in other.get((type_, path[:-1]), ()):
            yield f"the field `{'.'.join(path)}` of {type_}"


def _broken(before: Shape, after: Shape) -> Iterator[str]:
    yield from _missing(before, after)
    for (type_, path), kinds in before.items():
        if kinds and not after.get((type_, path), kinds) <= kinds:
            yield f"the field `{'.'.join(path)}` of {type_}"
