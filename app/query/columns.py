"""Columns: a record as one flat row, derived from its model; every value is in it, and nothing is worked out."""

import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from operator import itemgetter
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import orjson
from pydantic.fields import FieldInfo

from app.schemas import DecimalNumber, Id, JsonText, Name, Schema, referenced

Cell = str | int | bool | None
CellType = Literal["string", "integer", "number", "boolean"]

CELL_TYPES: Mapping[Any, CellType] = {bool: "boolean", int: "integer"}
BETWEEN = ";"
AS_JSON = "As JSON; empty in a workbook where it is too long for a cell."
LISTS = rf"joined by `{BETWEEN}`: within a value, `{BETWEEN}` is written `\{BETWEEN}`, and `\` is written `\\`."


@dataclass(frozen=True)
class Column:
    """One column: its name, its type, what it means, and where in a record's JSON its value stands. `references` is
    the resource whose ids it holds. Of a list, `item` is the type of its items, which may be `nested`: lists
    themselves. With `json`, the cell is the value as JSON text."""

    name: str
    kind: CellType
    meaning: str
    path: tuple[str, ...]
    required: bool = True
    many: bool = False
    references: str | None = None
    item: CellType = "string"
    nested: bool = False
    json: bool = False


Listed = Callable[[tuple[Any, ...]], Any]  # the cell of a list's values


def row_of(shown: Sequence[Column], listed: Listed | None = None) -> Callable[[Any], list[Cell]]:
    """What gives the cells of a record: made once for a file, because a file has many rows. `listed` makes a cell of a
    list's values; otherwise they are joined as text."""
    cells = [_cell(column.path, listed or _joined, many=column.many) for column in shown]
    as_json = [place for place, column in enumerate(shown) if column.json]

    def row(record: Any) -> list[Cell]:
        found = [cell(record) for cell in cells]
        for place in as_json:
            found[place] = orjson.dumps(found[place]).decode()
        return found

    return row


def _cell(path: Sequence[str], listed: Listed, *, many: bool) -> Callable[[Any], Any]:
    """What reads the value at a path: of a list of objects, the values of all, where a list of plain values stays as
    it is."""
    if not path:
        return (lambda values: listed(tuple(values))) if many else (lambda value: value)
    name, *rest = path
    if not rest and not many:
        return itemgetter(name)
    inner, of_item, blank = _cell(rest, listed, many=many), _cell(rest, listed, many=False), listed(())

    def read(record: Any) -> Any:
        value = record[name]
        if value is None:
            return None
        if isinstance(value, dict) or not rest:
            return inner(value)
        return listed(tuple([of_item(item) for item in value])) if value else blank

    return read


def _joined(values: tuple[Any, ...]) -> str:
    texts = [value if type(value) is str else text_of(value) for value in values]
    joined = BETWEEN.join(texts)
    if "\\" not in joined and joined.count(BETWEEN) < len(texts):
        return joined
    return BETWEEN.join([text.replace("\\", "\\\\").replace(BETWEEN, f"\\{BETWEEN}") for text in texts])


def text_of(value: Any) -> str:
    """A cell, or an item of a list, as text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(value) if isinstance(value, list) else str(value)


@cache
def columns(schema: type[Schema]) -> tuple[Column, ...]:
    """The columns of a record, in the order of its fields."""
    return tuple(_columns(schema))


def list_columns(schema: type[Schema]) -> Mapping[str, tuple[Column, ...]]:
    """For each of its lists, the columns of one item: for the tables of a database, where a list needs no joining."""
    found: dict[str, tuple[Column, ...]] = {}
    for name, info in schema.model_fields.items():
        annotation = _plain(info.annotation)[0]
        if get_origin(annotation) is not list or _is_json(info):
            continue
        item = _plain(get_args(annotation)[0])[0]
        single, references = singular(name), referenced(info)
        if _is_schema(item):
            found[name] = tuple(
                replace(each, name=f"{single}_id", references=references) if each.name == "id" else each
                for each in _columns(item, 2)
            )
        else:
            found[name] = (Column(single, "string", info.description or "", (), references=references),)
    return found


def inner_schema(annotation: Any) -> type[Schema] | None:
    """The schema of the objects that a field holds, one or a list of them."""
    plain = _plain(annotation)[0]
    if get_origin(plain) is list:
        plain = _plain(get_args(plain)[0])[0]
    return plain if _is_schema(plain) else None


def _columns(schema: type[Schema], depth: int = 0) -> Iterator[Column]:
    for name, info in schema.model_fields.items():
        if depth > 1 and schema is Name and name == "en_official":
            continue  # shown of the record itself only
        shown, meaning, references = info.alias or name, info.description or "", referenced(info)
        annotation, required, kind = _plain(info.annotation, info.metadata)
        if _is_json(info):
            yield Column(
                shown,
                "string",
                f"{meaning} {AS_JSON}",
                (shown,),
                required,
                json=True,
            )
        elif get_origin(annotation) is list:
            yield from _listed(shown, get_args(annotation)[0], meaning, references)
        elif _is_schema(annotation):
            for inner in _columns(annotation, depth + 1):
                yield _within(inner, shown, meaning, required=required, references=references)
        else:
            yield Column(shown, kind, meaning, (shown,), required)


def _within(inner: Column, name: str, meaning: str, *, required: bool, references: str | None) -> Column:
    """A column of a field's own field: `amount_jpy`, `measure_id`; a year is `fiscal_year`, not `fiscal_year_year`."""
    last = name.rpartition("_")[2]
    own = name if inner.name == last else f"{name}_{inner.name}"
    meanings = " ".join(part for part in (meaning, inner.meaning) if part)
    to = references if inner.name == "id" else inner.references
    return Column(own, inner.kind, meanings, (name, *inner.path), required and inner.required, inner.many, to)


def _listed(name: str, item: Any, meaning: str, references: str | None) -> Iterator[Column]:
    """A list in one cell, or in one for each field of its items: `ministry_ids`, `aims_ja`. A list within a list is
    joined for each item: `measure_related_ids`."""
    meaning = f"{meaning} A list, {LISTS}".strip()
    single = singular(name)
    if item == Id:
        yield Column(f"{single}_ids", "string", meaning, (name,), required=False, many=True, references=references)
        return
    plain, _, kind = _plain(item)
    if not _is_schema(plain):
        yield Column(name, "string", meaning, (name,), required=False, many=True, item=kind)
        return
    for inner in _columns(plain, 2):
        if inner.name in ("ja", "en"):
            own = f"{name}_{inner.name}"
        else:
            own = f"{single}_{inner.name if inner.many else _plural(inner.name)}"
        to = references if inner.name == "id" else None
        column = Column(own, "string", meaning, (name, *inner.path), required=False, many=True, references=to)
        yield replace(column, item=inner.item if inner.many else inner.kind, nested=inner.many)


def _plain(annotation: Any, marks: Iterable[Any] = ()) -> tuple[Any, bool, CellType]:
    """A type without its marks and without null, whether it excludes null, and the type of its cells. A field has
    `marks` beside its type."""
    required, marks = True, list(marks)
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *inner = get_args(annotation)
            marks.extend(inner)
        elif origin in (Union, types.UnionType):
            annotation = next(each for each in get_args(annotation) if each is not types.NoneType)
            required = False
        else:
            is_number = any(isinstance(mark, DecimalNumber) for mark in marks)
            return annotation, required, "number" if is_number else CELL_TYPES.get(annotation, "string")


def _is_json(field: FieldInfo) -> bool:
    return any(isinstance(mark, JsonText) for mark in field.metadata)


def _is_schema(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Schema)


def singular(name: str) -> str:
    """The singular of a field's name: `ministry` of `ministries`."""
    if name.endswith("_as"):
        return name
    if name.endswith("ies"):
        return f"{name[:-3]}y"
    return name.removesuffix("s")


def _plural(name: str) -> str:
    """`id` is ids, `name_ja` names_ja, `basis` bases: the first word, for it is the thing that is many."""
    first, _, rest = name.partition("_")
    if first.endswith("is"):
        first = f"{first[:-2]}es"
    elif not first.endswith("s"):
        first = f"{first}s"
    return f"{first}_{rest}" if rest else first
