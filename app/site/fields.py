"""Fields: what a record's model says of each field, for tables and for the pages of single records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from app.query.columns import columns, inner_schema
from app.resources import BY_NAME, RESOURCES
from app.schemas import Derived, JsonText, Schema, referenced

BEHIND = ("id", "documents", "notes", "evidence")  # fields that stand apart from the others

SHORT = frozenset(("name", "ja", "jpy", "year", "date"))  # properties by which an object can be shown briefly
NUMBERS = ((), ("jpy",))  # where the number of a field stands in it


@dataclass(frozen=True)
class Field:
    """A field of a record. `to` is the resource that it refers to, `sort` what orders a list by it; `derived` is
    whether it is computed from other fields, `complex` whether it holds objects that a cell of a table has no room for,
    `json` whether it is shown as JSON."""

    name: str
    to: str
    sort: str
    numeric: bool
    derived: bool
    complex: bool
    json: bool


@cache
def fields_of(name: str) -> Sequence[Field]:
    """The fields of a resource's records, in their order."""
    resource = BY_NAME[name]
    numbers = {each.path[0] for each in columns(resource.record) if each.kind == "integer" and each.path[1:] in NUMBERS}
    sorts = {path.partition(".")[0]: name for name, path in resource.sorts.items()}
    found = []
    for field, info in resource.record.model_fields.items():
        shown, marks = info.alias or field, tuple(map(type, info.metadata))
        inner = inner_schema(info.annotation)
        found.append(
            Field(
                name=shown,
                to=referenced(info) or "",
                sort=sorts.get(shown, ""),
                numeric=shown in numbers,
                derived=Derived in marks and shown not in BEHIND,
                complex=inner is not None and SHORT.isdisjoint(inner.model_fields),
                json=JsonText in marks,
            )
        )
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
