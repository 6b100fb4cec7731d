"""Strategies: the government plans whose sections measures serve; no section stands here."""

from datetime import date
from typing import Annotated

from pydantic import Field

from app.facts.entry import Entry, NameEntry, Written
from app.facts.library import Library, Published, remembered
from app.facts.shapes import Id, Int32, Name, Record, Ref, Shape
from app.facts.tables import Row
from app.reading.resource import Lists, Resource
from app.reading.terms import Term
from app.resources.dates import Day, FiscalYear, day, fiscal_year


class PeriodEntry(Written):
    """The fiscal years of a plan, both included."""

    from_: Annotated[int, Field(alias="from")]
    to: int


class StrategyEntry(Entry):
    """A plan, once for all documents."""

    name: NameEntry
    decided: date | None = None
    period: PeriodEntry | None = None


class Period(Shape):
    """The fiscal years of a plan, both included."""

    from_: FiscalYear = Field(alias="from")
    to: FiscalYear


class Strategy(Record):
    """A government plan."""

    name: Name
    decided: Day | None = Field(description="When the Cabinet decided it.")
    period: Period | None


class StrategyRow(Row, table=True):
    __tablename__ = "strategy"


@remembered
def strategy_ref(library: Library, id_: Id) -> Ref:
    return Ref(id=id_, name=library.of(StrategyEntry)[id_].name.published())


def _publish(entry: StrategyEntry, library: Library) -> Published:
    period = entry.period
    return Published(
        Strategy(
            **library.common("strategies", entry),
            name=entry.name.published(),
            decided=day(entry.decided) if entry.decided else None,
            period=Period(from_=fiscal_year(period.from_), to=fiscal_year(period.to)) if period else None,
        )
    )


def _term(record: Strategy, key: Int32) -> Term:
    return Term(record.id, key, record.name, (record.name.ja, record.name.en))


STRATEGIES = Resource(
    name="strategies",
    singular="strategy",
    meaning="The government plans whose sections the measures serve.",
    record=Strategy,
    row=StrategyRow,
    entry=StrategyEntry,
    publish=_publish,
    lists=(Lists("strategy", _term),),
)
