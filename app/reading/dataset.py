"""What is known of the whole database, read once when the service starts; never read again for a question."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from sqlalchemy import Table, select

from app.db import Rows, Statement
from app.facts import tables
from app.facts.shapes import Name, Note
from app.reading.answers import DatasetVersion
from app.reading.downloads import Download
from app.reading.terms import Term, Vocabularies, Vocabulary

DATASET: Table = tables.Dataset.__table__  # type: ignore[attr-defined]
TERM: Table = tables.Term.__table__  # type: ignore[attr-defined]

WHOLE = Statement(select(DATASET.c.version, DATASET.c.released, DATASET.c.digest, DATASET.c.about))
TERMS = Statement(
    select(TERM.c.vocabulary, TERM.c.id, TERM.c.key, TERM.c.about).order_by(TERM.c.vocabulary, TERM.c.position)
)


@dataclass(frozen=True)
class Dataset:
    """Version, attribution and vocabularies."""

    version: DatasetVersion
    about: Mapping[str, Any]
    vocabularies: Vocabularies

    @cached_property
    def attribution(self) -> str:
        return str(self.about["attribution"])

    @cached_property
    def shown(self) -> orjson.Fragment:
        """The version as every answer tells it."""
        return orjson.Fragment(self.version.model_dump_json())

    @property
    def downloads(self) -> list[Download]:
        return [Download(**download) for download in self.about["downloads"]]


def load(rows: Rows) -> Dataset:
    """Reads the dataset's row and every vocabulary: two statements."""
    ((version, released, digest, about),) = rows(WHOLE)
    terms: dict[str, list[Term]] = {}
    for vocabulary, id_, key, told in rows(TERMS):
        terms.setdefault(vocabulary, []).append(_term(id_, key, orjson.loads(told)))
    return Dataset(
        version=DatasetVersion(version=version, released=released, digest=digest),
        about=orjson.loads(about),
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
