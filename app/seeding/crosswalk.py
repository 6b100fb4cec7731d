"""Crosswalk: what it shows of each measure of a strategy under any filters, as serving values."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from app.db.sqlite import connect
from app.resources.measures import LINKED, MeasureKind

NAME = "name_ja, name_en, name_en_official"
DIRECTIONS = f"SELECT key, id, {NAME} FROM measures WHERE kind = ? ORDER BY key"  # noqa: S608 - a constant
LINKS = f"""
    SELECT id, {NAME}, basis, note_ja, note_en FROM measure_related JOIN measures ON id = related_id
    WHERE measure_id = ? ORDER BY position
"""  # noqa: S608 - a constant
LINES = "SELECT key FROM budget_lines WHERE measure_id = ? ORDER BY key"


def linked_programmes(relational: Path) -> Iterator[tuple[str, bytes]]:
    """Each measure of a strategy, from the relational tables, in the schema of CrosswalkMeasure: all lines of a
    programme stand there by their keys."""
    with closing(connect(relational)) as connection:
        for key, id_, *name in connection.execute(DIRECTIONS, (MeasureKind.DIRECTION,)):
            related = [
                {
                    "id": programme,
                    "name": _name(*names),
                    "basis": basis,
                    "note": {"ja": ja, "en": en},
                    "lines": [line for (line,) in connection.execute(LINES, (programme,))],
                }
                for programme, *names, basis, ja, en in connection.execute(LINKS, (id_,))
            ]
            yield f"{LINKED}{key}", orjson.dumps({"id": id_, "name": _name(*name), "related": related})


def _name(ja: str, en: str, official: int) -> dict[str, Any]:
    return {"ja": ja, "en": en, "en_official": bool(official)}
