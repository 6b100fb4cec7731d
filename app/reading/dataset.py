"""What is known of the whole database, read once when the service starts; never read again for a question."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Table, select

from app.db import Rows
from app.facts import tables
from app.facts.shapes import Name, Note
from app.reading.answers import DatasetVersion
from app.reading.downloads import Download
from app.reading.terms import Term, Vocabularies, Vocabulary

DATASET: Table = tables.Dataset.__table__  # type: ignore[attr-defined]
TERM: Table = tables.Term.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Dataset:
    """Version, attribution and vocabularies."""

    version: DatasetVersion
    about: Mapping[str, Any]
    vocabularies: Vocabularies

    @property
    def attribution(self) -> str:
        return str(self.about["attribution"])

    @property
    def downloads(self) -> list[Download]:
        return [Download(**download) for download in self.about["downloads"]]


def load(rows: Rows) -> Dataset:
    """Reads the dataset's row and every vocabulary: two statements."""
    (row,) = rows(select(DATASET))
    terms: dict[str, list[Term]] = {}
    for term in rows(select(TERM).order_by(TERM.c.vocabulary, TERM.c.position)):
        terms.setdefault(term.vocabulary, []).append(_term(term.id, term.key, orjson.loads(term.about)))
    return Dataset(
        version=DatasetVersion(version=row.version, released=row.released, digest=row.digest),
        about=orjson.loads(row.about),
        vocabularies=defaultdict(
            lambda: Vocabulary.of(()), {name: Vocabulary.of(listed) for name, listed in terms.items()}
        ),
    )


def _term(id_: str, key: int, about: Mapping[str, Any]) -> Term:
    return Term(
        id=id_,
        key=key,
        label=Name(**about["label"]),
        aliases=tuple(about["aliases"]),
        broader=about["broader"],
        notes=tuple(Note(**note) for note in about["notes"]),
    )


def pack(term: Term) -> bytes:
    """A term as the database keeps it, the reverse of what `load` reads."""
    return orjson.dumps(
        {
            "label": term.label.model_dump(),
            "aliases": term.aliases,
            "broader": term.broader,
            "notes": [note.model_dump() for note in term.notes],
        }
    )
