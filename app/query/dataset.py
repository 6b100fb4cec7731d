"""Dataset: what a snapshot knows of the whole database: its version, vocabularies and downloads."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict
from sqlmodel import col, select

from app.db.base import VALUE, InList, Session, Statement
from app.db.tables import ServingValue
from app.query.responses import DatasetVersion
from app.query.vocabulary import Concept, Vocabularies, Vocabulary
from app.schemas import Name

DATASET = "dataset"  # names of serving values
VOCABULARY = "vocabulary/"

VALUES = Statement(select(ServingValue.name, ServingValue.data).where(InList(col(ServingValue.name), "names")))
VOCABULARIES = Statement(
    select(ServingValue.name, ServingValue.data).where(col(ServingValue.name).startswith(VOCABULARY))
)


def read_value(session: Session, name: str) -> bytes:
    """The serving value of a name, which the build has stored."""
    ((data,),) = session.query(VALUE, name=name)
    return bytes(data)


def read_values(session: Session, names: Sequence[str]) -> Mapping[str, bytes]:
    """The serving values of some names, by name."""
    return {name: bytes(data) for name, data in session.query(VALUES, names=names)}


def vocabulary_of(json: bytes) -> Vocabulary:
    """The vocabulary that a serving value holds."""
    return Vocabulary.of(Concept(**concept) for concept in orjson.loads(json))


class Download(BaseModel):
    """A complete download. Size and digest are null only for a workbook that would be too large to make."""

    model_config = ConfigDict(frozen=True)

    path: str
    media_type: str
    rows: int | None
    bytes: int | None
    sha256: str | None


class Question(BaseModel):
    """A frequent question, and the request that answers it."""

    model_config = ConfigDict(frozen=True)

    question: Name
    request: str


class About(BaseModel):
    """The serving value `dataset`. `issuers` gives, by the id of each document, the organization that issued it;
    `synonyms` are words of one meaning."""

    model_config = ConfigDict(frozen=True)

    version: DatasetVersion
    name: Name
    description: Name
    attribution: str
    questions: Sequence[Question]
    synonyms: Sequence[Sequence[str]]
    issuers: Mapping[str, str]
    downloads: Sequence[Download]

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of all of this: another for every build in which any download differs."""
        return sha256(self.model_dump_json().encode()).hexdigest()


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

    @property
    def meta(self) -> Mapping[str, Any]:
        """The `meta` of answers that are not lists, in the schema of AnswerMeta."""
        return {"dataset": self.version, "attribution": self.attribution}

    def download(self, path: str) -> Download:
        """The complete download at a path."""
        return next(each for each in self.about.downloads if each.path == path)

    @classmethod
    def load(cls, session: Session) -> "Dataset":
        """The dataset of a database."""
        vocabularies = {
            name.removeprefix(VOCABULARY): vocabulary_of(json) for name, json in session.query(VOCABULARIES)
        }
        about = About.model_validate_json(read_value(session, DATASET))
        return cls(about, defaultdict(lambda: Vocabulary.of(()), vocabularies))
