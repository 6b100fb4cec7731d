"""Stages: the steps from research to market that documents name, in their printed order; nothing is assigned to one."""

from enum import StrEnum

from app.facts.entry import Entry, NameEntry
from app.facts.library import Library, Published
from app.facts.shapes import Int32, Name, Record
from app.facts.tables import Row, word
from app.reading.filters import choice
from app.reading.resource import Resource


class StageTrack(StrEnum):
    """Whose steps they are."""

    DEVELOPMENT = "development"
    START_UP = "start-up"


class StageEntry(Entry):
    """A step, once for all documents."""

    name: NameEntry
    order: Int32
    track: StageTrack


class Stage(Record):
    """A step from research to market, or of a start-up's growth."""

    name: Name
    order: Int32
    track: StageTrack


class StageRow(Row, table=True):
    __tablename__ = "stage"

    order: int
    track: str = word()


def _publish(entry: StageEntry, library: Library) -> Published:
    common = library.common("stages", entry)
    record = Stage(**common, name=entry.name.published(), order=entry.order, track=entry.track)
    return Published(record, {"order": entry.order, "track": entry.track.value})


STAGES = Resource(
    name="stages",
    singular="stage",
    meaning="The steps that the documents name. Which programme stands under which was drawn, not written.",
    record=Stage,
    row=StageRow,
    entry=StageEntry,
    publish=_publish,
    own_filters=(choice("track", StageTrack, "Whose steps.", development="開発段階", start_up="スタートアップ"),),
    own_sorts=("order",),
)
