"""JSON Schemas of the seed files, from the same models that read them, for editors to complete and check with."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter

from app.seeding.entries import KINDS
from app.seeding.entries.dataset import AboutEntry, Withdrawals
from app.seeding.mapping import TableMapping
from app.settings import SEED

SCHEMAS = SEED / "schemas"


def schemas() -> Iterator[tuple[Path, bytes]]:
    """Each schema's file and text."""
    kinds: dict[str, Any] = {name: list[kind] for name, kind in KINDS.items()}  # type: ignore[valid-type]
    for name, model in {**kinds, "dataset": AboutEntry, "withdrawn": Withdrawals, "import": TableMapping}.items():
        schema = TypeAdapter(model).json_schema(by_alias=True)
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        text = orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        yield SCHEMAS / f"{name}.schema.json", text
