"""What is written once for the whole seed: `dataset.yaml` and `withdrawn.yaml`."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, RootModel

from app.resources.facts import FACTS
from app.schemas import Id, Sentence, Text
from app.seeding.entries.base import EntryPart, NameEntry, ReleaseDate, Version

GUIDE = re.compile(
    r"/v1/(budget-lines|measures|budget-summary|crosswalk"
    r"|measures/[\w-]+/figures|packages/[\w-]+/reconciliation)(\?\S+)?"
)


def _request_of_the_guide(request: str) -> str:
    if not GUIDE.fullmatch(request):
        raise ValueError(
            "the guide shows /v1/budget-lines, /v1/measures, /v1/budget-summary, /v1/crosswalk, the figures of a "
            "measure and the reconciliation of a package, each with its query: ask one of them"
        )
    return request


class QuestionEntry(EntryPart):
    """A question of the guide. It is shown where the data answers its request."""

    question: NameEntry
    request: Annotated[str, AfterValidator(_request_of_the_guide)] = Field(
        description="Path and query of the API's answer: of one that the guide can show."
    )


class AboutEntry(EntryPart):
    """`dataset.yaml`: what the whole is called, and its version."""

    version: Version = Field(
        description="Raised with every change of the data: the last number if facts were corrected, the one before if "
        "records or fields were added, the first if records or fields are gone, or fields are of another type."
    )
    released: ReleaseDate = Field(description="ISO date of that version.")
    changes: Text = Field(description="What a reader should know of that version.")
    name: NameEntry
    description: NameEntry
    questions: tuple[QuestionEntry, ...] = ()
    synonyms: tuple[tuple[Sentence, ...], ...] = Field(
        default=(), description="Words of one meaning: where a search by one finds nothing, the others are named."
    )


class WithdrawnEntry(EntryPart):
    """A record that was released and is no more."""

    type: Literal[tuple(resource.name for resource in FACTS)] = Field(description="Its resource.")  # type: ignore[valid-type]
    id: Id
    replaced_by: Id | None = Field(default=None, description="The id of the record that stands for it now.")
    reason: Text


class Withdrawals(RootModel[tuple[WithdrawnEntry, ...]]):
    """`withdrawn.yaml`: what a request for such a record is told."""
