"""Budget lines: one amount each, with who pays it together; a joint line is never split."""

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from app.facts.entry import Entry, Sought, To, Written
from app.facts.library import Library, Published, remembered
from app.facts.shapes import Derived, Evidence, Id, Name, Note, Record, Ref, Sentence, Shape, ordered
from app.facts.tables import Row, big, refers, word
from app.reading.filters import at_least, at_most, flag, held, linked
from app.reading.resource import Resource
from app.resources.amount import UNSTATED, Amount, AmountEntry, stands_in
from app.resources.dates import FiscalYear, fiscal_year
from app.resources.measures import LineRef, MeasureEntry, measure_ref, relations
from app.resources.modalities import modality_ref, with_broader
from app.resources.organizations import OrganizationEntry, not_paying, organization_ref
from app.resources.packages import BUDGET_KIND, FISCAL_YEAR, BudgetKind, PackageEntry, package_ref
from app.resources.pillars import PillarEntry, PillarRef, pillar_ref
from app.resources.sections import SectionRef, section_ref, with_parents

BRACKETED = re.compile("【([^】]*)】")

THROUGH_CROSSWALK = Note(
    code="section-through-crosswalk",
    ja="予算事業と戦略の節との対応は、編集部による対応付け(crosswalk)を経たもので、文書に書かれたものではない。",
    en="Budget lines stand under sections through the crosswalk, which is editorial: the documents do not say so.",
)


class ExpenditureEntry(Written):
    """The national expenditure of a line, from elsewhere."""

    amount: AmountEntry
    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")]


class BudgetLineEntry(Entry):
    """An amount that a document states for a measure. Left out, the pillar is the measure's."""

    measure: Annotated[Id, To("measures"), Sought()]
    package: Annotated[Id, To("packages")]
    pillar: Annotated[Id | None, To("pillars"), Sought()] = None
    amount: AmountEntry | None = None
    ministries: Annotated[list[Id], To("organizations")] = Field(default_factory=list)
    national_expenditure: ExpenditureEntry | None = None

    def faults(self, library: Library) -> Iterator[tuple[str, str]]:
        package = library.of(PackageEntry)[self.package]
        stem = f"{self.measure}-fy{package.fiscal_year}-{package.budget_kind.value}"
        if not self.id.startswith(stem):
            yield "id", f"the id of this line is `{stem}`, with an ending such as `-2` where that is taken"
        if self.pillar and library.of(PillarEntry)[self.pillar].package != self.package:
            yield "pillar", f"`{self.pillar}` is of another package: name a pillar of {self.package}"
        yield from not_paying(library, self.ministries)
        yield from self._money()
        yield from self._paying(library)

    def _money(self) -> Iterator[tuple[str, str]]:
        if self.amount:
            yield from (("amount", fault) for fault in self.amount.faults())
            if not any(stands_in(self.amount.text, quote) for quote in self._quotes("amount")):
                yield (
                    "amount",
                    f"`{self.amount.text}` stands in no quote that supports `amount`: correct one of them",
                )
        if self.national_expenditure:
            yield from (("national_expenditure", fault) for fault in self.national_expenditure.amount.faults())
            if not any(piece.url == self.national_expenditure.url for piece in self.evidence):
                yield (
                    "national_expenditure",
                    "its url is in no evidence here: add external evidence with that url",
                )

    def _paying(self, library: Library) -> Iterator[tuple[str, str]]:
        """The ministries are those printed in brackets, no more and no fewer."""
        known = _by_abbreviation(library, "")
        printed = [mark for quote in self._quotes("ministries") for mark in BRACKETED.findall(quote)]
        for mark in printed:
            if mark not in known:
                yield (
                    "ministries",
                    f"【{mark}】 is no organization's abbreviation: add it to organizations.yaml",
                )
            elif known[mark] not in self.ministries:
                yield "ministries", f"the quote names 【{mark}】: add {known[mark]}"
        for ministry in self.ministries:
            if printed and library.of(OrganizationEntry)[ministry].abbreviation not in printed:
                yield "ministries", f"no quote names {ministry}: remove it, or quote the words that do"

    def _quotes(self, field_: str) -> list[str]:
        return [piece.quote for piece in self.evidence if piece.quote and field_ in piece.supports]


@remembered
def _by_abbreviation(library: Library, _: str) -> dict[str, str]:
    bodies = library.of(OrganizationEntry).values()
    return {body.abbreviation: body.id for body in bodies if body.abbreviation}


class Expenditure(Shape):
    """The national expenditure of a line, from elsewhere."""

    amount: Amount
    url: Sentence = Field(description="The public source.")


class BudgetLine(Record):
    """One amount."""

    name: Name = Field(description="The measure's.")
    measure: Annotated[Ref, To("measures")]
    package: Annotated[Ref, To("packages")]
    pillar: Annotated[PillarRef | None, To("pillars")]
    fiscal_year: FiscalYear
    budget_kind: BudgetKind
    ministries: Annotated[list[Ref], To("organizations")] = Field(
        description="Who pays, together where there are several."
    )
    joint: Annotated[bool, Derived()] = Field(description="Whether several ministries pay it together.")
    amount: Amount
    national_expenditure: Expenditure | None = Field(description="From elsewhere; not what `amount` says.")
    modalities: Annotated[list[Ref], To("modalities")] = Field(description="The measure's.")
    sections: Annotated[list[SectionRef], Derived(), To("sections")] = Field(
        description="Through the crosswalk, which is editorial."
    )


class BudgetLineRow(Row, table=True):
    __tablename__ = "budget_line"

    measure: int = refers("measure", index=True)
    package: int = refers("package")
    pillar: int | None = refers("pillar", nullable=True)
    fiscal_year: int
    budget_kind: str = word()
    joint: bool
    amount: int | None = big(nullable=True)
    approximate: bool
    uncertain: bool
    basis: str | None = word(nullable=True)
    shown: str = word()  # as its measure shows it, JSON


def line_amount(entry: BudgetLineEntry) -> Amount:
    return entry.amount.published() if entry.amount else UNSTATED


def pillar_of(library: Library, line: BudgetLineEntry) -> str | None:
    """The line's own pillar, or its measure's when that is of the line's package."""
    above = line.pillar or library.of(MeasureEntry)[line.measure].pillar
    return above if above and library.of(PillarEntry)[above].package == line.package else None


def lines_under(library: Library, pillar: str) -> list[BudgetLineEntry]:
    """The lines of a pillar."""
    own = library.where(BudgetLineEntry, "pillar", pillar)
    measures = library.where(MeasureEntry, "pillar", pillar)
    through = (line for measure in measures for line in library.where(BudgetLineEntry, "measure", measure.id))
    found = {line.id: line for line in (*own, *through) if pillar_of(library, line) == pillar}
    return list(found.values())


def _publish(entry: BudgetLineEntry, library: Library) -> Published:
    measure = library.of(MeasureEntry)[entry.measure]
    package = library.of(PackageEntry)[entry.package]
    pillar = pillar_of(library, entry)
    links = [library.of(MeasureEntry)[id_] for _, id_ in relations(library, measure.id)]
    sections = ordered(section for direction in links for section in direction.sections)
    amount, outside = line_amount(entry), entry.national_expenditure
    named = measure_ref(library, measure.id)
    record = BudgetLine(
        **library.common("budget-lines", entry, _borrowed(entry, library, measure, package)),
        name=named.name,
        measure=named,
        package=package_ref(library, package.id),
        pillar=pillar_ref(library, pillar) if pillar else None,
        fiscal_year=fiscal_year(package.fiscal_year),
        budget_kind=package.budget_kind,
        ministries=[organization_ref(library, id_) for id_ in entry.ministries],
        joint=len(entry.ministries) > 1,
        amount=amount,
        national_expenditure=Expenditure(amount=outside.amount.published(), url=outside.url) if outside else None,
        modalities=[modality_ref(library, id_) for id_ in measure.modalities],
        sections=[section_ref(library, id_) for id_ in sections],
    )
    return Published(
        record,
        {
            "measure": library.key(MeasureEntry, measure.id),
            "package": library.key(PackageEntry, package.id),
            "pillar": library.key(PillarEntry, pillar) if pillar else None,
            "fiscal_year": package.fiscal_year,
            "budget_kind": package.budget_kind.value,
            "joint": record.joint,
            "amount": amount.jpy,
            "approximate": amount.approximate,
            "uncertain": amount.uncertain,
            "basis": amount.basis.value if amount.basis else None,
            "shown": LineRef(id=entry.id, amount=amount).model_dump_json(),
        },
        {
            "ministry": library.keys(OrganizationEntry, entry.ministries),
            "modality": with_broader(library, measure.modalities),
            "section": with_parents(library, sections),
        },
    )


def _borrowed(
    entry: BudgetLineEntry, library: Library, measure: MeasureEntry, package: PackageEntry
) -> Iterator[Evidence]:
    yield from library.borrow(measure, name=("name", "measure"), modalities=("modalities",))
    if entry.pillar is None:
        yield from library.borrow(measure, pillar=("pillar",))
    yield from library.borrow(package, name=("package",), fiscal_year=("fiscal_year",), budget_kind=("budget_kind",))
    for link, _ in relations(library, measure.id):
        yield from library.borrow(link, direction=("sections",), programme=("sections",))


BUDGET_LINES = Resource(
    name="budget-lines",
    singular="budget_line",
    meaning="Amounts, one line each, with the ministries that pay it: a line paid by several is one line.",
    record=BudgetLine,
    row=BudgetLineRow,
    entry=BudgetLineEntry,
    publish=_publish,
    own_filters=(
        linked("ministry", "Ministries that pay, alone or together.", example="mhlw"),
        held("pillar", "Pillar; a number means that pillar of any package.", optional=True, example="③"),
        linked("modality", "Kinds of medicine, narrower ones included.", example="biosimilar"),
        linked(
            "section",
            "Sections of a strategy, sub-sections included, through the crosswalk, which is editorial.",
            note=THROUGH_CROSSWALK,
            example="4.2",
        ),
        FISCAL_YEAR,
        BUDGET_KIND,
        held("package", "The budget package.", example="fy2025-supplementary-drug-discovery"),
        flag("joint", "Whether several ministries pay the line together."),
        at_least("amount_min", "amount", "Lines of at least so many yen; those without an amount are left out."),
        at_most("amount_max", "amount", "Lines of at most so many yen; those without an amount are left out."),
    ),
    own_sorts=("amount", "fiscal_year"),
    kept=("approximate", "uncertain", "basis"),
)
