"""Stages: the steps from research to market that documents name, in their printed order."""

from app.query.filters import choice
from app.query.resource import Resource
from app.schemas import Int32, Labelled, Name, Record


class StageTrack(Labelled):
    """Whose steps they are."""

    DEVELOPMENT = "development", "開発段階", "development"
    START_UP = "start-up", "スタートアップ", "start-up"


class Stage(Record):
    """A step from research to market, or of a start-up's growth."""

    name: Name
    order: Int32
    track: StageTrack


STAGES = Resource(
    name="stages",
    singular="stage",
    meaning="The steps that the documents name. Which programme stands under which was drawn, not written.",
    meaning_ja="文書に現れる開発等の段階。",
    record=Stage,
    own_filters=(choice("track", StageTrack, "Whose steps."),),
    own_sorts={"order": "order"},
)
