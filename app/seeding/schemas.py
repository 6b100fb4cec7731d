"""JSON Schemas of the seed files, from the same models that read them, for editors to complete and check with."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter

from app.seeding.build import SEED
from app.seeding.source import AboutEntry
from app.seeding.verify import KINDS

SCHEMAS = SEED / "schemas"


def schemas() -> Iterator[tuple[str, bytes]]:
    """Each schema's file name and text."""
    kinds: dict[str, Any] = {name: list[kind] for name, kind in KINDS.items()}  # type: ignore[valid-type]
    for name, model in {**kinds, "dataset": AboutEntry}.items():
        schema = TypeAdapter(model).json_schema(by_alias=True)
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        yield f"{name}.schema.json", orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def write() -> Iterator[Path]:
    """Writes them all, and yields where."""
    SCHEMAS.mkdir(exist_ok=True)
    for name, text in schemas():
        path = SCHEMAS / name
        path.write_bytes(text)
        yield path
