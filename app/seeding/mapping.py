"""The mapping of a table: a YAML file that says which column of a published CSV file states what."""

import re
import unicodedata
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from app.resources.amount import AmountBasis, BudgetPhase
from app.resources.dates import fiscal_year
from app.resources.identifiers import IdentifierScheme
from app.resources.measures import MeasureKind
from app.schemas import Id, Text
from app.seeding.entries.base import EntryPart, NameEntry, Url
from app.seeding.entries.budgets import Unit

Column = Annotated[str, Field(min_length=1, max_length=200)]

PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
ENCODINGS = ("utf-8-sig", "cp932", "euc_jp", "utf-16")  # that published files are in
NEXT_YEAR = "翌年度"
YEARS = {text: year for year in range(1927, 2200) for text in (str(year), f"{year}年度", fiscal_year(year).era)}


class DocumentMapping(EntryPart):
    """What the table is. A table does not say it itself: `note` tells what the public page at `url` says."""

    name: NameEntry
    issuer: Id = Field(description="Id of an organization.")
    attribution: Annotated[str, Field(min_length=1)]
    licence: Annotated[str, Field(min_length=1)] | None = None
    url: Url
    note: Text


class IdentifierMapping(EntryPart):
    """The column of an identifier in another register."""

    scheme: IdentifierScheme
    column: Column


class MeasureMapping(EntryPart):
    """What a row's amounts are for. Rows of one id are of one measure."""

    id: Annotated[str, Field(pattern=PLACEHOLDER.pattern, description="With columns: `rs2024-{予算事業ID}`.")]
    kind: MeasureKind
    name: Column
    ministry: Column | None = Field(default=None, description="The body that pays, by a name of organizations.yaml.")
    same_as: IdentifierMapping | None = None


class PackageMapping(EntryPart):
    """The package of a fiscal year; `{year}` stands for the year."""

    id: Annotated[str, Field(pattern=r"\{year\}")]
    name: NameEntry


class AmountMapping(EntryPart):
    """A column of amounts."""

    column: Column
    phase: BudgetPhase
    year: Literal["next"] | int | None = Field(
        default=None, description="Left out: the row's; `next`: the year after that; a number, which the header says."
    )

    @model_validator(mode="after")
    def _check_year(self) -> "AmountMapping":
        if isinstance(self.year, int):
            texts = [text for text, year in YEARS.items() if year == self.year]
            if not any(text in unicodedata.normalize("NFKC", self.column) for text in texts):
                raise ValueError(f"`{self.column}` does not say the year {self.year}: correct it, or leave it out")
        return self


class TotalMapping(AmountMapping):
    """A column of totals, read where no other row states the amount."""

    sums: list[Column] = Field(default_factory=list, description="The columns of other rows that it is the sum of.")


class TotalsMapping(EntryPart):
    """Rows that are totals of others: they are left out, and the others are checked against them."""

    where: Annotated[dict[Column, str], Field(min_length=1, description="What stands in them: `''` is an empty cell.")]
    by: list[Column] | None = Field(
        default=None, description="What a total and its rows share; left out: measure and year."
    )
    amounts: Annotated[list[TotalMapping], Field(min_length=1)]


class TableMapping(EntryPart):
    """How a CSV file is read as a document."""

    document: DocumentMapping
    encoding: str = Field(default="utf-8-sig", description="As Python names it: `cp932`, `utf-16`.")
    unit: Unit = Field(description="Where a cell names none.")
    basis: AmountBasis | None = None
    zero: Literal["skip", "keep"] = Field(default="skip", description="Whether amounts of 0 are budget lines.")
    measure: MeasureMapping
    year: Column | None = Field(default=None, description="The column of the fiscal year: `2024` or `令和6年度`.")
    package: PackageMapping
    apart: list[Column] = Field(default_factory=list, description="What tells rows of one measure and year apart.")
    amounts: Annotated[list[AmountMapping], Field(min_length=1)]
    totals: list[TotalsMapping] = Field(default_factory=list)

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, value: str) -> str:
        try:
            "".encode(value)
        except LookupError as error:
            raise ValueError(f"there is no such encoding: one of {', '.join(ENCODINGS)}?") from error
        return value

    @model_validator(mode="after")
    def _check_years(self) -> "TableMapping":
        for amount in self.all_amounts:
            if self.year is None and not isinstance(amount.year, int):
                raise ValueError(f"the year of `{amount.column}` is not known: name its column as `year`, or give it")
        if any(amount.year == "next" for amount in self.all_amounts) and self.next_column is None:
            raise ValueError(f"no column of the next year says {NEXT_YEAR}: leave out `year: next`")
        return self

    @property
    def all_amounts(self) -> list[AmountMapping]:
        return [*self.amounts, *(amount for total in self.totals for amount in total.amounts)]

    @property
    def next_column(self) -> str | None:
        """The first column whose header says that its amounts are of the year after the row's."""
        found = (each.column for each in self.all_amounts if each.year == "next" and NEXT_YEAR in each.column)
        return next(found, None)

    @property
    def key_columns(self) -> list[str]:
        """The columns that say which measure and year a row is of."""
        return [*PLACEHOLDER.findall(self.measure.id), *([self.year] if self.year else [])]

    @property
    def columns(self) -> list[str]:
        """Every column that is named."""
        measure = self.measure
        found = [*self.key_columns, measure.name, *([measure.ministry] if measure.ministry else []), *self.apart]
        found += [measure.same_as.column] if measure.same_as else []
        found += [amount.column for amount in self.all_amounts]
        for total in self.totals:
            found += [*total.where, *(total.by or []), *(column for each in total.amounts for column in each.sums)]
        return list(dict.fromkeys(found))
