"""Dataset: what a snapshot knows of the whole database: its version, vocabularies and downloads."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cached_property
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from app.query.responses import DatasetVersion
from app.query.vocabulary import Term, Vocabularies, Vocabulary
from app.schemas import Name, to_json

DATASET = "dataset"  # names of serving values
VOCABULARY = "vocabulary/"


class Download(BaseModel):
    """A complete download. Size and digest are null only for a workbook that would be too large to make."""

    model_config = ConfigDict(frozen=True)

    path: str
    media_type: str
    rows: int | None
    bytes: int | None
    sha256: str | None


class About(BaseModel):
    """The serving value `dataset`."""

    model_config = ConfigDict(frozen=True)

    version: DatasetVersion
    name: Name
    description: Name
    attribution: str
    downloads: Sequence[Download]


@dataclass(frozen=True)
class Dataset:
    """Version, attribution, vocabularies and downloads."""

    about: About
    vocabularies: Vocabularies

    @property
    def version(self) -> DatasetVersion:
        return self.about.version

    @property
    def attribution(self) -> str:
        return self.about.attribution

    @cached_property
    def meta(self) -> orjson.Fragment:
        """The `meta` of answers that are not lists, in the schema of AnswerMeta."""
        return orjson.Fragment(to_json({"dataset": self.version, "attribution": self.attribution}))

    @cached_property
    def version_json(self) -> orjson.Fragment:
        """The version as the `meta` of every list has it."""
        return orjson.Fragment(to_json(self.version))

    def download(self, path: str) -> Download:
        """The complete download at a path."""
        return next(each for each in self.about.downloads if each.path == path)

    @cached_property
    def last_modified(self) -> bytes:
        """The day of release, as an HTTP date."""
        released = datetime.fromisoformat(self.version.released).replace(tzinfo=UTC)
        return format_datetime(released, usegmt=True).encode()

    @classmethod
    def load(cls, values: Callable[[str], Mapping[str, bytes]]) -> "Dataset":
        """`values` gives the serving values whose name begins with a text, by name."""
        vocabularies = {
            name.removeprefix(VOCABULARY): Vocabulary.of(Term(**term) for term in orjson.loads(json))
            for name, json in values(VOCABULARY).items()
        }
        about: Any = orjson.loads(values(DATASET)[DATASET])
        return cls(About(**about), defaultdict(lambda: Vocabulary.of(()), vocabularies))
