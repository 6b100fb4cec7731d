"""Makes the folder of a document from a table that was imported."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import yaml

from app.seeding.entries.base import Json
from app.seeding.entries.budgets import AmountEntry
from app.seeding.errors import InvalidSeed, SeedError
from app.seeding.importing import Imported, Reading
from app.seeding.mapping import PLACEHOLDER, AmountMapping
from app.seeding.transcript import Row

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


def _yaml(kind: str, entries: Sequence[Json]) -> bytes:
    text = yaml.safe_dump(list(entries), allow_unicode=True, sort_keys=False, width=120)
    return f"# yaml-language-server: $schema=../schemas/{kind}.schema.json\n{text}".encode()


def _ndjson(entries: Iterable[Json]) -> bytes:
    return b"".join(orjson.dumps(entry) + b"\n" for entry in entries)


def files_of(imported: Imported) -> dict[str, bytes]:
    """The files of the document's folder, by name. Raises InvalidSeed if the header does not state a year in one
    line."""
    return {"transcript.csv": imported.transcript, **_EntryFiles(imported).files()}


class _EntryFiles:
    """Makes the files of entries."""

    def __init__(self, imported: Imported) -> None:
        self._imported, self._mapping, self._table = imported, imported.mapping, imported.table
        self._codes: set[str] = set()  # of the notes that are used

    def files(self) -> dict[str, bytes]:
        """The files, by name."""
        measures = [self._measure_entry(reading) for reading in self._imported.measures.values()]
        packages: dict[int, Json] = {}
        lines: list[Json] = []
        together = Counter((each.measure, each.year) for each in self._imported.readings if not each.total)
        taken: Counter[str] = Counter()
        for reading in self._imported.readings:
            for mapped, amount in reading.amounts:
                year = reading.fiscal_year(mapped)
                if year not in packages:
                    packages[year] = self._package_entry(reading.row, mapped, year)
                stem = f"{reading.measure}-fy{year}-{mapped.phase.value.replace('_', '-')}"
                taken[stem] += 1
                id_ = stem if taken[stem] == 1 else f"{stem}-{taken[stem]}"
                apart = self._mapping.apart if together[reading.measure, reading.year] > 1 else []
                lines.append(self._line_entry(id_, year, reading, (mapped, amount), apart))
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
        return f"{self._imported.document.replace('.', '-')}-{code}"

    def _unread(self) -> str:
        return ", ".join(cell for cell in self._imported.header.cells if cell and cell not in self._imported.places)

    def _evidence(self, row: Row, column: str, supports: list[str], **more: str) -> Json:
        lines = str(row.first) if row.first == row.last else f"{row.first}-{row.last}"
        quote = self._imported.cell(row, column)
        return {"basis": "stated", "lines": lines, "column": column, "quote": quote, "supports": supports, **more}

    def _measure_entry(self, reading: Reading) -> Json:
        measure, row = self._mapping.measure, reading.row
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
            entry["same_as"] = [{"scheme": measure.same_as.scheme.value, "id": self._imported.cell(row, column)}]
            evidence.append(self._evidence(row, column, ["same_as"]))
        notes = [self._code("no-english"), *([self._code("columns")] if self._unread() else [])]
        return {**entry, "evidence": evidence, "notes": notes, "silent": {"not_stated": silent}}

    def _line_entry(
        self, id_: str, year: int, reading: Reading, stated: tuple[AmountMapping, AmountEntry], apart: Sequence[str]
    ) -> Json:
        (mapped, amount), row, ministry = stated, reading.row, self._mapping.measure.ministry
        columns = [mapped.column, *(column for column in apart if self._imported.cell(row, column))]
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
        return self._mapping.package.id.replace("{year}", str(year))

    def _package_entry(self, row: Row, mapped: AmountMapping, year: int) -> Json:
        """The package of a fiscal year, of which a column of a row is the first to state an amount."""
        supports, evidence = ["name", "fiscal_year"], []
        if mapped.year is None or mapped.year == "next":
            code = self._code("package" if mapped.year is None else "next-year")
            assert self._mapping.year  # noqa: S101 - narrows the type; the mapping's own check
            evidence.append(self._evidence(row, self._mapping.year, supports, basis="reading", rule=code))
        if mapped.year is not None:
            code = self._code("next-year" if mapped.year == "next" else "year-in-header")
            column = self._mapping.next_column if mapped.year == "next" else mapped.column
            line, quote = self._in_header(column or "")
            evidence.append({"basis": "reading", "lines": line, "quote": quote, "supports": supports, "rule": code})
        name = self._mapping.package.name
        return {
            "id": self._package_id(year),
            "name": {"ja": name.ja.replace("{year}", str(year)), "en": name.en.replace("{year}", str(year))},
            "fiscal_year": year,
            "evidence": evidence,
            "silent": {"not_applicable": ["budget_kind"], "not_stated": ["aims", "stated_totals"]},
        }

    def _in_header(self, column: str) -> tuple[str, str]:
        """The line of the header at which a column's name stands, and the name as it stands there."""
        header = self._imported.header
        for number, line in enumerate(self._table.lines(header.first, header.last), header.first):
            if column in line:
                return str(number), column
        message = f"`{column}` does not stand in one line, which a year in its name needs: write the header in one line"
        raise InvalidSeed([SeedError(self._table.file, header.first, message)])

    def _document_entry(self) -> Json:
        document = self._mapping.document
        name = document.name.model_dump()
        stated = ["name", "issuer", "url", "parts", *(["licence"] if document.licence else [])]
        codes = [*(["columns"] if self._unread() else []), *(["zeros"] if self._imported.zeros else [])]
        return {
            "id": self._imported.document,
            "name": name,
            "issuer": document.issuer,
            "attribution": document.attribution,
            "licence": document.licence,
            "url": document.url,
            "sha256": self._table.sha256,
            "parts": [{"title": name, "lines": f"1-{len(self._table)}", "transcript": "full"}],
            "evidence": [
                {"basis": "external", "url": document.url, "supports": stated, "note": document.note.model_dump()}
            ],
            "notes": [self._code(code) for code in codes],
            "silent": {"not_stated": ["issued", *([] if document.licence else ["licence"])]},
        }
