"""Strategies: the government plans whose sections measures serve."""

from pydantic import Field

from app.query.resource import Resource, VocabularySource
from app.query.vocabulary import Concept
from app.resources.dates import Day, FiscalYear
from app.schemas import Name, Record, Schema


class Period(Schema):
    """The fiscal years of a plan, both included."""

    from_: FiscalYear = Field(alias="from")
    to: FiscalYear


class Strategy(Record):
    """A government plan."""

    name: Name
    decided: Day | None = Field(description="When the government decided it.")
    period: Period | None


STRATEGIES = Resource(
    name="strategies",
    singular="strategy",
    meaning="The government plans whose sections the measures serve.",
    meaning_ja="施策が位置付けられる政府の計画。",
    record=Strategy,
    vocabularies=(VocabularySource("strategy", Concept.of),),
)
