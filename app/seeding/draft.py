"""Drafts: verified records as the database and the downloads take them, in files beside the database that is being
built; whoever writes them decides nothing more."""

import shutil
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import orjson

from app.facts.library import Library, Published
from app.facts.text import fold
from app.reading.columns import Cell, list_columns, own_columns, row_of
from app.reading.columns import columns as columns_of
from app.reading.dataset import pack
from app.reading.formats import Csv
from app.reading.resource import DOCUMENT, Resource, texts_of
from app.resources.documents import DocumentEntry

ASIDES = 1_000  # rows beside a record that are written and read at once


@dataclass(frozen=True, slots=True)
class Draft:
    """One record: rendered, and as a line of CSV, with the columns it is found by, by filter the values it stands
    under, its folded names and descriptions and what a search shows of it, and the terms that it adds to vocabularies
    as (vocabulary, id, key, about)."""

    key: int
    record: bytes
    line: bytes
    id: str
    name: str
    columns: Mapping[str, Any]
    links: Mapping[str, list[int]]
    names: list[str]
    descriptions: list[str]
    shown: str
    terms: list[tuple[str, str, int, str]]


@dataclass(frozen=True, eq=False)
class Piece:
    """Records of one resource that were drafted in one go: their files, and what is in each."""

    folder: Path
    resource: Resource
    start: int
    count: int

    def write(self, published: Iterable[Published], library: Library) -> None:
        """Drafts the records, and what the downloads have of them."""
        rendered, drafts, lines = [], [], []
        csv = Csv(columns_of(self.resource.record))
        for key, each in enumerate(published, self.start + 1):
            record = each.record.model_dump_json().encode()
            plain = orjson.loads(record)
            rendered.append(record)
            drafts.append((plain, _draft(self.resource, key, each, plain, library)))
            lines.append(csv.line(plain))
            self._aside(each)
        plains = [plain for plain, _ in drafts]
        self._file("records").write_bytes(b"".join(record + b"\n" for record in rendered))
        self._file("drafts").write_bytes(orjson.dumps([draft for _, draft in drafts]))
        self._file("csv").write_bytes(b"".join(lines))
        self._file("lines").write_bytes(orjson.dumps(list(map(len, lines))))
        self._file("tables").write_bytes(orjson.dumps(_tables(self.resource, plains)))

    def _aside(self, published: Published) -> None:
        for table, rows in published.aside:
            with self._file("aside").open("ab") as file:
                batch: list[Any] = []
                for row in rows:
                    batch.append(row)
                    if len(batch) == ASIDES:
                        file.write(orjson.dumps((table.name, batch)) + b"\n")
                        batch = []
                file.write(orjson.dumps((table.name, batch)) + b"\n")

    def _file(self, part: str) -> Path:
        return self.folder / f"{self.resource.name}-{self.start:09}.{part}"

    def drafts(self) -> Iterator[Draft]:
        """The records, in their order."""
        drafts = orjson.loads(self._file("drafts").read_bytes())
        made = zip(self.records().splitlines(), self._lines(), drafts, strict=True)
        return (Draft(key, record, line, *draft) for key, (record, line, draft) in enumerate(made, self.start + 1))

    def _lines(self) -> Iterator[bytes]:
        csv, at = self.csv(), 0
        for length in orjson.loads(self._file("lines").read_bytes()):
            yield csv[at : at + length]
            at += length

    def asides(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Rows of other tables that come with the records, a batch at a time."""
        if self._file("aside").exists():
            with self._file("aside").open("rb") as lines:
                yield from map(orjson.loads, lines)

    def records(self) -> bytes:
        """The records, one a line."""
        return self._file("records").read_bytes()

    def csv(self) -> bytes:
        """Their rows of CSV."""
        return self._file("csv").read_bytes()

    def tables(self) -> list[list[list[Cell]]]:
        """Their rows of the resource's own table, and of the tables of its lists."""
        found: list[list[list[Cell]]] = orjson.loads(self._file("tables").read_bytes())
        return found


class Drafts:
    """All records of a seed, in their order, with the digest of their bytes; their files go with them."""

    def __init__(self, beside: Path | None) -> None:
        self.folder = Path(mkdtemp(prefix=".shisaku.", suffix=".drafts", dir=beside))
        weakref.finalize(self, shutil.rmtree, self.folder)
        self.pieces: list[Piece] = []
        self._digest = sha256()

    def add(self, piece: Piece) -> None:
        """Takes a piece that was written; pieces come in their order."""
        self.pieces.append(piece)
        prefix = f"{piece.resource.name} ".encode()
        for record in piece.records().splitlines(keepends=True):
            self._digest.update(prefix + record)

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def of(self, resource: Resource) -> list[Piece]:
        return [piece for piece in self.pieces if piece.resource is resource]

    @property
    def size(self) -> int:
        """How many records there are."""
        return sum(piece.count for piece in self.pieces)

    def count(self, resource: Resource) -> int:
        return sum(piece.count for piece in self.of(resource))


def _draft(
    resource: Resource, key: int, published: Published, plain: dict[str, Any], library: Library
) -> tuple[Any, ...]:
    links = {name: sorted(set(values)) for name, values in published.links.items()}
    links[DOCUMENT] = sorted(library.keys(DocumentEntry, published.record.documents))
    terms = ((listed.name, listed.term(published.record, key)) for listed in resource.lists)
    return (
        published.record.id,
        plain["name"]["ja"],
        published.columns,
        links,
        [fold(text) for _, text in texts_of(resource.names, plain)],
        [fold(text) for _, text in texts_of(resource.descriptions, plain)],
        orjson.dumps({field: plain[field] for field in ("id", *resource.names, *resource.descriptions)}).decode(),
        [(name, term.id, term.key, pack(term).decode()) for name, term in terms if term is not None],
    )


def _tables(resource: Resource, plains: list[dict[str, Any]]) -> list[list[list[Cell]]]:
    own = row_of(own_columns(resource.record))
    tables = [[own(plain) for plain in plains]]
    for name, inner in list_columns(resource.record).items():
        cells = row_of(inner)
        tables.append(
            [[plain["id"], position, *cells(item)] for plain in plains for position, item in enumerate(plain[name], 1)]
        )
    return tables
