"""Changes: which records a version added, removed or changed, and how."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from app.query.filters import Filter, choice, column, ids, linked, one_of, since, until
from app.query.names import named
from app.query.resource import Resource, VocabularySource
from app.query.vocabulary import Concept
from app.resources.dates import Day
from app.resources.facts import FACTS
from app.schemas import ID, Derived, JsonText, Labelled, Name, Record, Ref, References, Schema, Text


class Action(Labelled):
    """What a version did to a record."""

    ADDED = "added", "追加", "added"
    CHANGED = "changed", "変更", "changed"
    REMOVED = "removed", "取下げ", "removed"


class Operation(StrEnum):
    """What is done at a path."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


class PatchOperation(Schema):
    """An operation of JSON Patch (RFC 6902)."""

    op: Operation
    path: str = Field(description="JSON Pointer (RFC 6901); empty for the whole record.")
    value: Any = Field(default=None, description="What stands there now; `remove` has none.")


class Change(Record):
    """One record in one version."""

    id: Annotated[str, Derived(), Field(pattern=f"^{ID}$", max_length=250)] = Field(
        description="Version, resource and id of the record, separated by dots."
    )
    name: Annotated[Name, Derived()] = Field(description="The record's.")
    version: Annotated[Ref, Derived(), References("versions")]
    released: Annotated[Day, Derived()] = Field(description="The version's.")
    type: Annotated[str, Derived()] = Field(description="The record's resource.")
    record: Annotated[str, Derived()] = Field(description="The record's id.")
    action: Annotated[Action, Derived()]
    fields: Annotated[list[str], Derived()] = Field(description="The record's own fields that differ.")
    summary: Annotated[Text, Derived()]
    patch: Annotated[list[PatchOperation], Derived(), JsonText()] = Field(
        description="What makes the record of the version before this version's (RFC 6902)."
    )


def _fields(record: Change) -> list[Concept]:
    return [Concept(id=each, label=named(each)) for each in record.fields]


CHANGES = Resource(
    name="changes",
    singular="change",
    meaning="What each version changed: a row for each record that it added, removed or changed, the newest first.",
    meaning_ja="各版が加え、改め、又は取り下げた記録を一行ずつ。新しい順。",
    record=Change,
    own_filters=(
        since("Changes after a version, or of versions released on a day (`YYYY-MM-DD`) or later.", example="1.0.0"),
        until("Changes up to a version, or of versions released until a day (`YYYY-MM-DD`), inclusive."),
        column("version", "The version.", path="version.id"),
        Filter(
            "type",
            "The resource of the record.",
            "choice",
            many=True,
            paths=("type",),
            component="RecordType",
            choices=one_of(*(each.name for each in FACTS)),
        ),
        ids("id", "The id of the record.", path="record", example="biosimilar-uptake"),
        choice("action", Action, "What the version did."),
        linked("field", "Fields that differ; `none` for records that were added or removed.", path="fields"),
    ),
    own_sorts={"released": "released.date", "type": "type"},
    vocabularies=(VocabularySource("field", _fields, sorted=True),),
    versioned=True,
)
