"""Fields: what a record's model says of each field, for tables and for the pages of single records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.query.columns import columns, inner_schema
from app.query.resource import Resource
from app.resources import RESOURCES
from app.schemas import Derived, JsonText, Schema, referenced

BY_NAME: Mapping[str, Resource] = {resource.name: resource for resource in RESOURCES}
BEHIND = ("id", "documents", "notes", "evidence")  # fields that stand apart from the others

SHORT = frozenset(("name", "ja", "jpy", "year", "date"))  # properties by which an object can be shown briefly
NUMBERS = ((), ("jpy",))  # where the number of a field stands in it


@dataclass(frozen=True)
class Field:
    """A field of a record. `to` is the resource that it refers to, `sort` what orders a list by it; `derived` is
    whether it is computed from other fields, `complex` whether it holds objects that a cell of a table has no room for,
    `json` whether it is shown as JSON, and `description` what its model says of it, in English."""

    name: str
    to: str
    sort: str
    numeric: bool
    derived: bool
    complex: bool
    json: bool
    description: str


@cache
def fields_of(name: str) -> Sequence[Field]:
    """The fields of a resource's records, in their order."""
    resource = BY_NAME[name]
    numbers = {each.path[0] for each in columns(resource.record) if each.kind == "integer" and each.path[1:] in NUMBERS}
    sorts = {path.partition(".")[0]: name for name, path in resource.sorts.items()}
    found = []
    for field, info in resource.record.model_fields.items():
        shown = info.alias or field
        derived = shown not in BEHIND and any(isinstance(mark, Derived) for mark in info.metadata)
        sort, meaning = sorts.get(shown, ""), info.description or ""
        inner = inner_schema(info.annotation)
        complex_ = inner is not None and SHORT.isdisjoint(inner.model_fields)
        json = any(isinstance(mark, JsonText) for mark in info.metadata)
        found.append(Field(shown, referenced(info) or "", sort, shown in numbers, derived, complex_, json, meaning))
    return found


@cache
def in_tables(name: str) -> Sequence[Field]:
    """The fields that a table of a resource shows: the name, and what a list can be filtered or ordered by."""
    resource = BY_NAME[name]
    paths = [path for each in resource.filters.values() for path in each.paths]
    asked = {path.partition(".")[0] for path in (*paths, *resource.sorts.values())}
    return [each for each in fields_of(name) if each.name in asked and each.name not in BEHIND and not each.complex]


@cache
def references() -> Mapping[str, str]:
    """By the name of a field, in whatever object it stands, the resource that it refers to; empty if to none."""
    found: dict[str, str] = {}
    schemas: list[type[Schema]] = [resource.record for resource in RESOURCES]
    for schema in schemas:
        for name, info in schema.model_fields.items():
            found.setdefault(info.alias or name, referenced(info) or "")
            inner = inner_schema(info.annotation)
            if inner and inner not in schemas:
                schemas.append(inner)
    return found


def referring(resource: Resource) -> list[tuple[Resource, Any]]:
    """The filters by which records that refer to one of this resource are found, each with the resource that has it."""
    names = {source.name for source in resource.vocabularies}
    return [
        (other, each)
        for other in RESOURCES
        for each in other.filters.values()
        if each.vocabulary in names and each.operator == "any" and each.facet
    ]
