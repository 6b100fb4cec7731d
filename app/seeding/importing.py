"""Makes the folder of a document from a published CSV file and a mapping of its columns.

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
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import yaml
from pydantic import TypeAdapter, ValidationError

from app.resources.amount import AmountBasis, BudgetPhase
from app.resources.organizations import NOT_PAYING
from app.schemas import Id
from app.seeding.entries.base import IdentifierEntry
from app.seeding.entries.budgets import UNITS, AmountEntry
from app.seeding.entries.sources import OrganizationEntry
from app.seeding.errors import InvalidSeed, SeedError, Unreadable, hint
from app.seeding.mapping import ENCODINGS, PLACEHOLDER, YEARS, AmountMapping, TableMapping, TotalsMapping
from app.seeding.transcript import HEADINGS, Row, Table
from app.text import NOT_IN_TEXT, fold

Json = dict[str, Any]
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
            meant = hint(name, self._names, "add it to organizations.yaml")
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


def _yaml(kind: str, entries: Sequence[Json]) -> bytes:
    text = yaml.safe_dump(list(entries), allow_unicode=True, sort_keys=False, width=120)
    return f"# yaml-language-server: $schema=../schemas/{kind}.schema.json\n{text}".encode()


def _ndjson(entries: Iterable[Json]) -> bytes:
    return b"".join(orjson.dumps(entry) + b"\n" for entry in entries)


def write_folder(files: Mapping[str, bytes], to: Path) -> None:
    """Writes all files of a folder, or none: beside it first, under a name that is passed over when a seed is read.
    It replaces what was there before."""
    with TemporaryDirectory(prefix=f".{to.name}.", dir=to.parent) as temporary:
        new = Path(temporary) / "new"
        new.mkdir()
        for name, data in files.items():
            (new / name).write_bytes(data)
        if to.exists():
            to.rename(Path(temporary) / "old")
        new.rename(to)


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
    """A table that was read: the files of its folder, by name, the rows that were refused, and what was counted."""

    def __init__(
        self, mapping: TableMapping, table: Table, transcript: bytes, document: str, ministries: Ministries
    ) -> None:
        self.mapping, self.table, self.document, self.ministries = mapping, table, document, ministries
        self.rows = self.read = self.totals = 0
        self.only_totals = 0  # amounts that total rows alone state
        self.zeros = 0
        self.refused: list[SeedError] = []
        self.sums: dict[tuple[int, BudgetPhase], list[int]] = {}  # yen
        self.compared: dict[tuple[str, str], list[tuple[int, int]]] = {}  # yen of the rows, of the total
        self._header, self._places = self._find_header()
        self._measures: dict[str, Reading] = {}
        self._readings: list[Reading] = []
        self._seen: dict[bytes, int] = {}  # lines of rows, by digest
        self._totals: list[tuple[int, Row]] = []
        self._first_totals: dict[Key, int] = {}  # their lines
        self._under: dict[Key, Counter[str]] = {}  # yen by column, of the rows of a total
        self._incomplete: set[Key] = set()  # totals of whose rows some are refused
        self._codes: set[str] = set()  # of the notes that are used
        for row in self.table.rows():
            if row.first > self._header.last and any(row.cells):
                self.rows += 1
                self._read_row(row)
        for place, row in self._totals:
            self._read_total(place, row)
        self.files = {"transcript.csv": transcript, **self._entries()}

    def report(self) -> Iterator[str]:
        """What was read and what was not, in sentences, and the sums of both."""
        lines = sum(len(amounts) for amounts in self.sums.values())
        yield (
            f"{self.table.file}: {self.rows:,} rows: {self.read:,} read, {self.totals:,} left out as totals, "
            f"{len(self.refused):,} refused"
        )
        yield f"{len(self._measures):,} measures, {lines:,} budget lines; {self.zeros:,} amounts of 0 left out"
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
            meant = hint(column, filter(None, row.cells), "write all headers in one row, one a column")
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
        if len(row.cells) == len(self._header.cells):
            self._incomplete.update(key for key, _ in self._keys(row))

    def _check_form(self, row: Row) -> None:
        if len(row.cells) != len(self._header.cells):
            raise Refused(
                f"it has {len(row.cells)} cells, and the header {len(self._header.cells)}: quote cells that hold commas"
            )
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
            if all(fold(self._cell(row, column)) == fold(text) for column, text in total.where.items()):
                return place
        return None

    def _keys(self, row: Row) -> list[tuple[Key, TotalsMapping]]:
        return [(self._key(place, row), total) for place, total in enumerate(self.mapping.totals)]

    def _key(self, place: int, row: Row) -> Key:
        by = self.mapping.totals[place].by
        return place, tuple(fold(self._cell(row, each)) for each in (self.mapping.key_columns if by is None else by))

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
        year = self._cell(row, self.mapping.year) if self.mapping.year else ""
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

    def _cell(self, row: Row, column: str) -> str:
        return row.cells[self._places[column]]

    def _needed(self, row: Row, column: str) -> str:
        cell = self._cell(row, column)
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
            return _amount(self._cell(row, column), self.mapping.unit, self.mapping.basis)
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
        ministry = self.ministries.id_of(self._needed(row, measure.ministry)) if measure.ministry else None
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
        first = self._measures.setdefault(reading.measure, reading)
        for what, ours, theirs in (
            ("name", _folded(reading.name), _folded(first.name)),
            ("ministry", reading.ministry, first.ministry),
        ):
            if ours != theirs:
                raise Refused(f"its {what} is not that of `{reading.measure}` at line {first.row.first}: correct one")
        self._readings.append(reading)

    # --- entries

    def _entries(self) -> dict[str, bytes]:
        """The files of entries, by name."""
        measures = [self._measure_entry(reading) for reading in self._measures.values()]
        packages: dict[int, Json] = {}
        lines: list[Json] = []
        together = Counter((each.measure, each.year) for each in self._readings if not each.total)
        taken: Counter[str] = Counter()
        for reading in self._readings:
            for mapped, amount in reading.amounts:
                year = self._fiscal_year(reading, mapped)
                if year not in packages:
                    packages[year] = self._package_entry(reading.row, mapped, year)
                stem = f"{reading.measure}-fy{year}-{mapped.phase.value.replace('_', '-')}"
                taken[stem] += 1
                id_ = stem if taken[stem] == 1 else f"{stem}-{taken[stem]}"
                apart = self.mapping.apart if together[reading.measure, reading.year] > 1 else []
                lines.append(self._line_entry(id_, year, reading, (mapped, amount), apart))
                self.sums.setdefault((year, mapped.phase), []).append(amount.jpy)
        document = self._document_entry()
        notes = [
            {"id": self._code(code), "ja": ja.format(self._unread()), "en": en.format(self._unread())}
            for code, (ja, en) in NOTES.items()
            if code in self._codes
        ]
        listed = {"documents": [document], "packages": [packages[year] for year in sorted(packages)], "notes": notes}
        return {
            **{f"{kind}.yaml": _yaml(kind, entries) for kind, entries in listed.items()},
            "measures.ndjson": _ndjson(measures),
            "budget-lines.ndjson": _ndjson(lines),
        }

    def _code(self, code: str) -> str:
        """The code of a note of this document."""
        self._codes.add(code)
        return f"{self.document.replace('.', '-')}-{code}"

    def _unread(self) -> str:
        return ", ".join(cell for cell in self._header.cells if cell and cell not in self._places)

    def _evidence(self, row: Row, column: str, supports: list[str], **more: str) -> Json:
        lines = str(row.first) if row.first == row.last else f"{row.first}-{row.last}"
        quote = self._cell(row, column)
        return {"basis": "stated", "lines": lines, "column": column, "quote": quote, "supports": supports, **more}

    def _fiscal_year(self, reading: Reading, mapped: AmountMapping) -> int:
        if isinstance(mapped.year, int):
            return mapped.year
        assert reading.year is not None  # noqa: S101 - narrows the type; the mapping's own check
        return reading.year + (mapped.year == "next")

    def _measure_entry(self, reading: Reading) -> Json:
        measure, row = self.mapping.measure, reading.row
        name = " ".join(reading.name.split("\n"))
        key = PLACEHOLDER.findall(measure.id)[0]
        evidence = [
            self._evidence(row, measure.name, ["name"]),
            self._evidence(row, key, ["kind"], basis="editorial", rule=self._code("kind")),
        ]
        entry: Json = {"id": reading.measure, "kind": measure.kind.value, "name": {"ja": name, "en": name}}
        silent = ["description", "sections", "pillar", "organizations", "modalities"]
        if measure.ministry:
            entry["ministries"] = [reading.ministry]
            evidence.append(self._evidence(row, measure.ministry, ["ministries"]))
        else:
            silent.append("ministries")
        if measure.same_as:
            column = measure.same_as.column
            entry["same_as"] = [{"scheme": measure.same_as.scheme.value, "id": self._cell(row, column)}]
            evidence.append(self._evidence(row, column, ["same_as"]))
        notes = [self._code("no-english"), *([self._code("columns")] if self._unread() else [])]
        return {**entry, "evidence": evidence, "notes": notes, "silent": {"not_stated": silent}}

    def _line_entry(
        self, id_: str, year: int, reading: Reading, stated: tuple[AmountMapping, AmountEntry], apart: Sequence[str]
    ) -> Json:
        (mapped, amount), row, ministry = stated, reading.row, self.mapping.measure.ministry
        columns = [mapped.column, *(column for column in apart if self._cell(row, column))]
        evidence = [self._evidence(row, column, ["amount"]) for column in columns]
        silent = {"not_stated": ["pillar", "modalities"]}
        silent.setdefault("not_applicable" if amount.basis else "not_stated", []).append("national_expenditure")
        entry: Json = {"id": id_, "measure": reading.measure, "package": self._package_id(year)}
        entry["amount"] = {
            "value": str(amount.value),
            "unit": amount.unit,
            "text": amount.text,
            **({"basis": amount.basis.value} if amount.basis else {}),
            "phase": mapped.phase.value,
        }
        if ministry:
            entry["ministries"] = [reading.ministry]
            evidence.append(self._evidence(row, ministry, ["ministries"]))
        else:
            silent["not_stated"].append("ministries")
        if reading.total:
            entry["notes"] = [self._code("only-total")]
        return {**entry, "evidence": evidence, "silent": silent}

    def _package_id(self, year: int) -> str:
        return self.mapping.package.id.replace("{year}", str(year))

    def _package_entry(self, row: Row, mapped: AmountMapping, year: int) -> Json:
        """The package of a fiscal year, of which a column of a row is the first to state an amount."""
        supports, evidence = ["name", "fiscal_year"], []
        if mapped.year is None or mapped.year == "next":
            code = self._code("package" if mapped.year is None else "next-year")
            assert self.mapping.year  # noqa: S101 - narrows the type; the mapping's own check
            evidence.append(self._evidence(row, self.mapping.year, supports, basis="reading", rule=code))
        if mapped.year is not None:
            code = self._code("next-year" if mapped.year == "next" else "year-in-header")
            column = self.mapping.next_column if mapped.year == "next" else mapped.column
            line, quote = self._in_header(column or "")
            evidence.append({"basis": "reading", "lines": line, "quote": quote, "supports": supports, "rule": code})
        name = self.mapping.package.name
        return {
            "id": self._package_id(year),
            "name": {"ja": name.ja.replace("{year}", str(year)), "en": name.en.replace("{year}", str(year))},
            "fiscal_year": year,
            "evidence": evidence,
            "silent": {"not_applicable": ["budget_kind"], "not_stated": ["aims", "stated_totals"]},
        }

    def _in_header(self, column: str) -> tuple[str, str]:
        """The line of the header at which a column's name stands, and the name as it stands there."""
        header = self._header
        for number, line in enumerate(self.table.lines(header.first, header.last), header.first):
            if column in line:
                return str(number), column
        message = f"`{column}` does not stand in one line, which a year in its name needs: write the header in one line"
        raise InvalidSeed([SeedError(self.table.file, header.first, message)])

    def _document_entry(self) -> Json:
        document = self.mapping.document
        name = document.name.model_dump()
        stated = ["name", "issuer", "url", "parts", *(["licence"] if document.licence else [])]
        codes = [*(["columns"] if self._unread() else []), *(["zeros"] if self.zeros else [])]
        return {
            "id": self.document,
            "name": name,
            "issuer": document.issuer,
            "attribution": document.attribution,
            "licence": document.licence,
            "url": document.url,
            "sha256": self.table.sha256,
            "parts": [{"title": name, "lines": f"1-{len(self.table)}", "transcript": "full"}],
            "evidence": [
                {"basis": "external", "url": document.url, "supports": stated, "note": document.note.model_dump()}
            ],
            "notes": [self._code(code) for code in codes],
            "silent": {"not_stated": ["issued", *([] if document.licence else ["licence"])]},
        }


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


NOTES = {
    "kind": (
        "分類: この表の行が額を示すものを一つの施策とし、種別は編集部が付けた。",
        "Classification: what the rows of this table state amounts for is a measure; its kind is ours.",
    ),
    "package": (
        "読み方: この表の一つの年度の額を一つの予算とする。複数の段階の額を含みうる。",
        "Rule of reading: the amounts of one year in this table are one budget; it may hold several phases.",
    ),
    "next-year": (
        "読み方: 翌年度の額は、その行の年度の翌年度についての額とする。",
        "Rule of reading: an amount of 翌年度 is for the year after the year of its row.",
    ),
    "year-in-header": (
        "読み方: 列の見出しにある年度を、その列の額の年度とする。",
        "Rule of reading: the year in the header of a column is the year of its amounts.",
    ),
    "no-english": (
        "この表に英語名はない。en は日本語のままである。",
        "The table has no English names: `en` repeats the Japanese.",
    ),
    "columns": (
        "この表の次の列は、記録に取り込んでいない: {}",
        "These columns of the table are not in the records: {}",
    ),
    "zeros": (
        "額が0の欄は、予算行にしていない。",
        "Amounts of 0 in the table are no budget lines.",
    ),
    "only-total": (
        "合計の行だけにある額で、内訳の行や列はない。",
        "The amount stands in a row of totals alone; no other row or column states its parts.",
    ),
}
