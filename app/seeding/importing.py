"""Reads a published CSV file by a mapping of its columns.

Every row below the header is read, left out as a total of other rows, or refused with its reason. Rows are named by the
line at which they begin."""

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import islice

from pydantic import TypeAdapter, ValidationError

from app.resources.amount import AmountBasis, BudgetPhase
from app.resources.organizations import NOT_PAYING
from app.schemas import Id
from app.seeding.entries.base import IdentifierEntry
from app.seeding.entries.budgets import UNITS, AmountEntry
from app.seeding.entries.sources import OrganizationEntry
from app.seeding.errors import InvalidSeed, SeedError, Unreadable, did_you_mean
from app.seeding.mapping import ENCODINGS, PLACEHOLDER, YEARS, AmountMapping, TableMapping, TotalsMapping
from app.seeding.transcript import HEADINGS, Row, Table
from app.text import NOT_IN_TEXT, fold

Key = tuple[int, tuple[str, ...]]  # of the rows of one total: which of `totals`, and the cells that they share

AMOUNT = re.compile(rf"([-−△▲])?\s*([0-9]+|[0-9]{{1,3}}(?:,[0-9]{{3}})+)(\.[0-9]+)?\s*({'|'.join(reversed(UNITS))})?")
NOTHING = ("", "-", "ー")  # what a cell without an amount holds, folded
TOTAL_WORDS = ("計", "合計", "小計", "総計", "総合計")
MAX_LENGTH = 5_000  # of a line of a transcript, and of a quote
IDS: TypeAdapter[str] = TypeAdapter(Id)


class Refused(Exception):  # noqa: N818 - a state of a row
    """A row that cannot be read: what is wrong with it, and what to do."""


class Ministries:
    """The ministries of a seed by name, with or without blanks, and with or without their parent's name before it."""

    def __init__(self, organizations: Sequence[OrganizationEntry]) -> None:
        by_id = {each.id: each for each in organizations}
        self._ids: dict[str, str] = {}
        self._names: list[str] = []
        for each in organizations:
            if each.kind not in NOT_PAYING:
                above = by_id[each.parent].name.ja if each.parent in by_id else ""
                for name in (each.name.ja, *each.also):
                    self._names.append(name)
                    self._ids |= {_folded(name): each.id, _folded(above + name): each.id}

    def id_of(self, name: str) -> str:
        """Raises Refused if there is none of the name."""
        found = self._ids.get(_folded(name))
        if found is None:
            meant = did_you_mean(name, self._names, "add it to organizations.yaml")
            raise Refused(f"`{name}` is no ministry or agency of organizations.yaml: {meant}")
        return found


def _folded(name: str) -> str:
    return "".join(fold(name).split())


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


@dataclass(frozen=True)
class Reading:
    """What was read of a row. `year` is None where the mapping names no column for it."""

    row: Row
    measure: str
    name: str
    ministry: str | None
    year: int | None
    amounts: list[tuple[AmountMapping, AmountEntry]]
    total: bool = False

    def fiscal_year(self, mapped: AmountMapping) -> int:
        """The year of an amount."""
        if isinstance(mapped.year, int):
            return mapped.year
        assert self.year is not None  # noqa: S101 - narrows the type; the mapping's own check
        return self.year + (mapped.year == "next")


def _decoded(mapping: TableMapping, file: str, data: bytes) -> bytes:
    """The file in UTF-8: as it is where it is in UTF-8."""
    try:
        text = data.decode(mapping.encoding)
    except UnicodeError as error:
        line = data.count(b"\n", 0, getattr(error, "start", 0)) + 1
        fitting = [each for each in ENCODINGS if all(column in _tried(data, each) for column in mapping.key_columns)]
        mend = f"write `encoding: {fitting[0]}` in the mapping" if fitting else "save it as UTF-8"
        raise InvalidSeed([SeedError(file, line, f"this is not {mapping.encoding}: {mend}")]) from error
    if found := NOT_IN_TEXT.search(text):
        line = text.count("\n", 0, found.start()) + 1
        message = (
            f"a character that no text should hold (U+{ord(found[0]):04X}): is the file in another encoding than "
            f"{mapping.encoding}? If not, remove it"
        )
        raise InvalidSeed([SeedError(file, line, message)])
    return data if codecs.lookup(mapping.encoding).name in ("utf-8", "utf-8-sig") else text.encode()


def _tried(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeError:
        return ""


class Imported:
    """A table that was read, the rows that were refused, and what was counted. Raises InvalidSeed if it has not the
    columns of the mapping, and Unreadable at a row that is no CSV."""

    def __init__(
        self, mapping: TableMapping, table: Table, transcript: bytes, document: str, ministries: Ministries
    ) -> None:
        self.mapping, self.table, self.transcript, self.document = mapping, table, transcript, document
        self.rows = self.read = self.totals = 0
        self.only_totals = 0  # amounts that total rows alone state
        self.zeros = 0
        self.refused: list[SeedError] = []
        self.sums: dict[tuple[int, BudgetPhase], list[int]] = {}  # yen
        self.compared: dict[tuple[str, str], list[tuple[int, int]]] = {}  # yen of the rows, of the total
        self.header, self.places = self._find_header()
        self.readings: list[Reading] = []
        self.measures: dict[str, Reading] = {}  # the first of each
        self._ministries = ministries
        self._seen: dict[bytes, int] = {}  # lines of rows, by digest
        self._totals: list[tuple[int, Row]] = []
        self._first_totals: dict[Key, int] = {}  # their lines
        self._under: dict[Key, Counter[str]] = {}  # yen by column, of the rows of a total
        self._incomplete: set[Key] = set()  # totals of whose rows some are refused
        for row in self.table.rows():
            if row.first > self.header.last and any(row.cells):
                self.rows += 1
                self._read_row(row)
        for place, row in self._totals:
            self._read_total(place, row)

    def cell(self, row: Row, column: str) -> str:
        return row.cells[self.places[column]]

    def report(self) -> Iterator[str]:
        """What was read and what was not, in sentences, and the sums of both."""
        lines = sum(len(amounts) for amounts in self.sums.values())
        yield (
            f"{self.table.file}: {self.rows:,} rows: {self.read:,} read, {self.totals:,} left out as totals, "
            f"{len(self.refused):,} refused"
        )
        yield f"{len(self.measures):,} measures, {lines:,} budget lines; {self.zeros:,} amounts of 0 left out"
        if self.only_totals:
            yield f"{self.only_totals:,} of the lines are amounts that a total alone states"
        for (year, phase), amounts in sorted(self.sums.items()):
            yield f"  {year} {phase.value}: {len(amounts):,} lines, {sum(amounts):,}円"
        for (printed, column), pairs in sorted(self.compared.items()):
            given, totals = (sum(pair[place] for pair in pairs) for place in (0, 1))
            differing = sum(rows != total for rows, total in pairs)
            says = (
                f"of which {differing:,} say otherwise: {totals - given:+,}円 together"
                if differing
                else "which say the same"
            )
            yield f"  {printed} {column}: rows give {given:,}円; {len(pairs):,} totals, {says}"

    # --- the header

    def _find_header(self) -> tuple[Row, dict[str, int]]:
        """The row at the top that holds every column of the mapping, and the place of each."""
        columns = self.mapping.columns
        top = list(islice(self.table.rows(), HEADINGS))
        header = max(top, key=lambda row: len({*row.cells} & {*columns}), default=Row(1, 1, []))
        above = {cell for row in top if row.first < header.first for cell in row.cells}
        wrong = [column for column in columns if column in above or header.cells.count(column) != 1]
        if wrong:
            raise InvalidSeed([self._header_error(header, column, above) for column in wrong])
        return header, {column: header.cells.index(column) for column in columns}

    def _header_error(self, row: Row, column: str, above: Collection[str]) -> SeedError:
        if column in above:
            message = f"`{column}` stands above this row, which has the most headers: write all headers in one row"
        elif column in row.cells:
            message = f"`{column}` is the header of {row.cells.count(column)} columns: give each a name of its own"
        else:
            meant = did_you_mean(column, filter(None, row.cells), "write all headers in one row, one a column")
            message = f"no column of this row is `{column}`: {meant}"
        return SeedError(self.table.file, row.first, message)

    # --- rows

    def _read_row(self, row: Row) -> None:
        try:
            self._check_form(row)
            place = self._total_of(row)
            if place is not None:
                self._totals.append((place, row))
                return
            reading = self._reading(row, self.mapping.amounts)
            self._add(reading)
        except Refused as refused:
            self._refuse(row, refused)
            return
        self.read += 1
        for key, total in self._keys(row):
            under = self._under.setdefault(key, Counter())
            for column in {column for amount in total.amounts for column in amount.sums}:
                under[column] += self._jpy(row, column)

    def _refuse(self, row: Row, refused: Refused) -> None:
        self.refused.append(SeedError(self.table.file, row.first, str(refused)))
        if len(row.cells) == len(self.header.cells):
            self._incomplete.update(key for key, _ in self._keys(row))

    def _check_form(self, row: Row) -> None:
        cells, headers = len(row.cells), len(self.header.cells)
        if cells != headers:
            raise Refused(f"it has {cells} cells, and the header {headers}: quote cells that hold commas")
        if any(len(line) > MAX_LENGTH for line in self.table.lines(row.first, row.last)):
            # Whether the row is left out or not, the transcript would hold it.
            message = f"a line of more than {MAX_LENGTH:,} characters: shorten it, and say so in the document's note"
            raise InvalidSeed([SeedError(self.table.file, row.first, message)])
        first = self._seen.setdefault(sha256("\0".join(row.cells).encode()).digest(), row.first)
        if first != row.first:
            raise Refused(f"it is the row at line {first} again: remove one of them")

    def _total_of(self, row: Row) -> int | None:
        """Which of `totals` a row is one of."""
        for place, total in enumerate(self.mapping.totals):
            if all(fold(self.cell(row, column)) == fold(text) for column, text in total.where.items()):
                return place
        return None

    def _keys(self, row: Row) -> list[tuple[Key, TotalsMapping]]:
        return [(self._key(place, row), total) for place, total in enumerate(self.mapping.totals)]

    def _key(self, place: int, row: Row) -> Key:
        by = self.mapping.totals[place].by
        return place, tuple(fold(self.cell(row, each)) for each in (self.mapping.key_columns if by is None else by))

    def _read_total(self, place: int, row: Row) -> None:
        total, key = self.mapping.totals[place], self._key(place, row)
        under = self._under.get(key)
        try:
            self._check_single(row, key)
            alone = under is None and key not in self._incomplete
            if not alone:
                self._compare(row, total, under or Counter(), complete=key not in self._incomplete)
            only = [each for each in total.amounts if alone or not each.sums]
            reading = self._reading(row, only, total=True) if only else None
            if reading and reading.amounts:
                self._add(reading)
                self.only_totals += len(reading.amounts)
        except Refused as refused:
            self._refuse(row, refused)
        else:
            self.totals += 1

    def _check_single(self, row: Row, key: Key) -> None:
        first = self._first_totals.setdefault(key, row.first)
        if first != row.first:
            raise Refused(f"it is a total of the same rows as line {first}: remove one of them")

    def _compare(self, row: Row, total: TotalsMapping, under: Counter[str], *, complete: bool) -> None:
        """Raises Refused if a total is not the sum of its rows, all of which were read."""
        year = self.cell(row, self.mapping.year) if self.mapping.year else ""
        differing = []
        for each in total.amounts:
            if each.sums:
                rows, says = sum(under[column] for column in each.sums), self._jpy(row, each.column)
                self.compared.setdefault((year, each.column), []).append((rows, says))
                if rows != says:
                    differing.append(f"`{each.column}` says {says:,}円, and its rows give {rows:,}円")
        if differing and complete:
            raise Refused(f"{'; '.join(differing)}: find the row that is missing or wrong")

    # --- cells

    def _needed(self, row: Row, column: str) -> str:
        cell = self.cell(row, column)
        if not cell:
            raise Refused(f"`{column}` is empty: fill it in, or say under `totals` that such rows are totals")
        if fold(cell) in TOTAL_WORDS:
            raise Refused(f"`{column}` is `{cell}`, a total among the rows: say so under `totals`")
        if len(cell) > MAX_LENGTH:
            raise Refused(f"`{column}` has more than {MAX_LENGTH:,} characters: shorten it")
        return cell

    def _amount(self, row: Row, column: str) -> AmountEntry | None:
        """The amount in a column, without its phase; None where its cell is empty, or holds a dash alone."""
        try:
            return _amount(self.cell(row, column), self.mapping.unit, self.mapping.basis)
        except ValueError as error:
            raise Refused(f"`{column}`: {error}") from error

    def _jpy(self, row: Row, column: str) -> int:
        amount = self._amount(row, column)
        return amount.jpy if amount else 0

    def _reading(self, row: Row, amounts: Iterable[AmountMapping], *, total: bool = False) -> Reading:
        measure, year = self.mapping.measure, None
        parts = {column: fold(self._needed(row, column)) for column in PLACEHOLDER.findall(measure.id)}
        id_ = _id(measure.id, parts)
        name = self._needed(row, measure.name)
        ministry = self._ministries.id_of(self._needed(row, measure.ministry)) if measure.ministry else None
        if self.mapping.year:
            text = self._needed(row, self.mapping.year)
            year = YEARS.get(_nfkc(text))
            if year is None:
                raise Refused(f"`{self.mapping.year}` is no fiscal year (`{text[:80]}`): write 2024 or 令和6年度")
        if measure.same_as:
            try:
                IdentifierEntry(scheme=measure.same_as.scheme, id=self._needed(row, measure.same_as.column))
            except ValidationError as error:
                raise Refused(f"`{measure.same_as.column}`: {error.errors()[0]['msg']}") from error
        found = [(each, amount) for each in amounts if (amount := self._amount(row, each.column))]
        kept = [(each, amount) for each, amount in found if amount.value or self.mapping.zero == "keep"]
        self.zeros += len(found) - len(kept)
        return Reading(row, id_, name, ministry, year, kept, total)

    def _add(self, reading: Reading) -> None:
        """Raises Refused if the row says something else of its measure than an earlier row."""
        first = self.measures.setdefault(reading.measure, reading)
        for what, ours, theirs in (
            ("name", _folded(reading.name), _folded(first.name)),
            ("ministry", reading.ministry, first.ministry),
        ):
            if ours != theirs:
                raise Refused(f"its {what} is not that of `{reading.measure}` at line {first.row.first}: correct one")
        self.readings.append(reading)
        for mapped, amount in reading.amounts:
            self.sums.setdefault((reading.fiscal_year(mapped), mapped.phase), []).append(amount.jpy)


def import_table(
    mapping: TableMapping, file: str, data: bytes, document: str, organizations: Sequence[OrganizationEntry]
) -> Imported:
    """Reads a CSV file. Raises InvalidSeed if it cannot be read as a table with the columns of the mapping."""
    transcript = _decoded(mapping, file, data)
    table = Table(file, transcript, sha256(transcript).hexdigest())
    try:
        return Imported(mapping, table, transcript, document, Ministries(organizations))
    except Unreadable as error:
        message = f"the row that begins here is no CSV ({error}): correct its quotation marks and line breaks"
        raise InvalidSeed([SeedError(file, error.line, message)]) from error


@lru_cache(maxsize=10_000)  # most cells of a table hold 0
def _amount(cell: str, unit: str, basis: AmountBasis | None) -> AmountEntry | None:
    """Raises ValueError if a cell holds something else than an amount."""
    if fold(cell) in NOTHING:
        return None
    found = AMOUNT.fullmatch(_nfkc(cell))
    if found is None and "内数" in cell:
        raise ValueError(f"`{cell[:80]}` is a part of a larger amount, not this row's own: leave the row out")
    if found is None:
        raise ValueError(f"`{cell[:80]}` is no amount: write digits, after △ or a minus if it is negative")
    sign, digits, fraction, own_unit = found.groups(default="")
    value = ("-" if sign else "") + digits.replace(",", "") + fraction
    try:
        amount = AmountEntry.model_validate({"value": value, "unit": own_unit or unit, "text": cell, "basis": basis})
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise ValueError(f"`{cell[:80]}` is no amount ({reason}): correct the cell") from error
    if message := next(amount.errors(), None):
        raise ValueError(message)
    return amount


def _id(template: str, parts: Mapping[str, str]) -> str:
    id_ = PLACEHOLDER.sub(lambda found: parts[found[1]], template)
    try:
        return IDS.validate_python(id_)
    except ValidationError as error:
        message = f"`{id_[:80]}` is no id: a-z, 0-9, dots and hyphens. Choose other columns for `measure.id`"
        raise Refused(message) from error
