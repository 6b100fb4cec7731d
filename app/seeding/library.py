"""Library: every entry of every seed folder, found by type and id; it reads no file and writes no row."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Table

from app.facts.entry import Entry, EvidenceEntry, FurtherEvidence, NoteEntry
from app.facts.shapes import Evidence, Note, Reason, Record, Text, ordered

E = TypeVar("E", bound=Entry)
T = TypeVar("T")
K = TypeVar("K")

REMEMBERED = 10_000  # answers kept of what many records share

REASONS: Mapping[Reason, tuple[str, str]] = {
    Reason.NOT_STATED: ("文書に記載がない", "Not stated in the document"),
    Reason.AMBIGUOUS: ("文書の記載からは一つに定まらない", "The document does not settle it"),
    Reason.LAYOUT_LOST: (
        "図示されており、文字としては残っていない",
        "Drawn on the slide, not written in its text",
    ),
    Reason.NOT_APPLICABLE: ("該当しない", "Not applicable"),
}


@dataclass(frozen=True)
class Published:
    """A record, and where it is to be found: its columns, and by filter the values it stands under."""

    record: Record
    columns: Mapping[str, object] = field(default_factory=dict)
    links: Mapping[str, Iterable[int]] = field(default_factory=dict)
    aside: tuple[tuple[Table, Iterable[dict[str, object]]], ...] = ()


@dataclass(frozen=True)
class About:
    """What `dataset.yaml` says of the whole."""

    version: str
    released: date
    name: Mapping[str, str]
    description: Mapping[str, str]


class Entries(Mapping[str, E]):
    """The entries of one kind by id, in seed order. They need not be in memory: one is made when it is asked for."""

    @abstractmethod
    def key(self, id_: str) -> int:
        """The key of the row that the entry becomes."""

    @abstractmethod
    def where(self, field_: str, value: str) -> list[E]:
        """Those whose `field_`, which is marked `Sought`, is or holds the value."""

    @abstractmethod
    def count(self, field_: str, values: Iterable[str]) -> int:
        """How many there are whose `field_` is or holds any of the values; none is made for it."""


class Library:
    """All entries, in seed order. A link is checked before anything is published, so look-ups do not fail."""

    def __init__(self, entries: Mapping[type[Entry], Entries[Any]], transcripts: Mapping[str, Sequence[str]]) -> None:
        self._entries = entries
        self.transcripts = transcripts
        self.memory: dict[Any, Any] = {}

    def of(self, kind: type[E]) -> Entries[E]:
        """Every entry of a kind by id, in seed order."""
        return self._entries[kind]

    def key(self, kind: type[Entry], id_: str) -> int:
        """The key of the row that the entry becomes."""
        return self._entries[kind].key(id_)

    def keys(self, kind: type[Entry], ids: Iterable[str]) -> list[int]:
        return [_key(self, (kind, id_)) for id_ in ordered(ids)]

    def where(self, kind: type[E], field_: str, id_: str) -> list[E]:
        """Entries of a kind whose `field_` is, or holds, `id_`."""
        return self.of(kind).where(field_, id_)

    def count(self, kind: type[Entry], field_: str, ids: Iterable[str]) -> int:
        """How many entries of a kind there are whose `field_` is, or holds, one of these."""
        return self.of(kind).count(field_, ids)

    def up(self, kind: type[Entry], field_: str, id_: str | None) -> Iterator[str]:
        """An id and all above it, each the `field_` of the one before; a circle ends where it closes."""
        seen: set[str] = set()
        while id_ and id_ not in seen:
            seen.add(id_)
            yield id_
            id_ = getattr(self.of(kind)[id_], field_)

    def down(self, kind: type[Entry], field_: str, id_: str) -> list[str]:
        """An id and all that stand below it."""
        found = [id_]
        for above in found:
            found.extend(entry.id for entry in self.where(kind, field_, above) if entry.id not in found)
        return found

    def further(self, type_: str, id_: str) -> Iterator[Evidence]:
        """The evidence that other documents add to a record."""
        additions = self.where(FurtherEvidence, "record", id_)
        for addition in (each for each in additions if each.type == type_):
            yield from self.evidence_of(addition)

    def borrow(self, entry: Entry, **fields: tuple[str, ...]) -> Iterator[Evidence]:
        """Another entry's evidence, for those of its fields that appear here too: theirs=(ours, …)."""
        for piece in entry.evidence:
            if fields.keys().isdisjoint(piece.supports):
                continue
            supports = ordered(ours for theirs in piece.supports for ours in fields.get(theirs, ()))
            yield self._published(piece, entry, supports)

    def evidence_of(self, entry: Entry) -> Iterator[Evidence]:
        """An entry's evidence, each piece with its document named."""
        return (self._published(piece, entry, piece.supports) for piece in entry.evidence)

    def common(self, type_: str, entry: Entry, borrowed: Iterable[Evidence] = ()) -> dict[str, Any]:
        """What every record has: id, documents, evidence, notes. `borrowed` evidence comes from other entries."""
        pieces = [*self.evidence_of(entry), *borrowed, *self.further(type_, entry.id)]
        evidence = _distinct(pieces)
        return {
            "id": entry.id,
            "documents": ordered(piece.document for piece in evidence),
            "evidence": evidence,
            "notes": [*self.notes(entry.notes), *_silences(entry)],
        }

    def notes(self, codes: Iterable[str]) -> list[Note]:
        """The notes of those codes."""
        told = self.of(NoteEntry)
        return [Note(code=code, ja=told[code].ja, en=told[code].en) for code in codes]

    def _published(self, piece: EvidenceEntry, entry: Entry, supports: list[str]) -> Evidence:
        return Evidence(
            basis=piece.basis,
            document=piece.document or entry.place.document or "",
            lines=piece.lines,
            quote=piece.quote,
            supports=supports,
            note=_rule(self, piece.rule) if piece.rule else piece.note,
            url=piece.url,
        )


def remembered(make: Callable[[Library, K], T]) -> Callable[[Library, K], T]:
    """A function whose answers the library keeps, because many records share them: shapes do not change."""

    def known(library: Library, asked: K) -> T:
        try:
            found: T = library.memory[make, asked]
        except KeyError:
            if len(library.memory) >= REMEMBERED:
                library.memory.clear()
            found = library.memory[make, asked] = make(library, asked)
        return found

    return known


@remembered
def _key(library: Library, asked: tuple[type[Entry], str]) -> int:
    return library.key(*asked)


@remembered
def _rule(library: Library, code: str) -> Text:
    rule = library.of(NoteEntry)[code]
    return Text(ja=rule.ja, en=rule.en)


def _distinct(pieces: Iterable[Evidence]) -> list[Evidence]:
    """Each once, in the order of their first mention."""
    found: dict[tuple[object, ...], Evidence] = {}
    for piece in pieces:
        found.setdefault(_compared(piece), piece)
    return list(found.values())


def _compared(piece: Evidence) -> tuple[object, ...]:
    """What two pieces of evidence are compared by: shapes hold lists, and have no hash."""
    lines, note = piece.lines, piece.note
    return (
        piece.basis,
        piece.document,
        lines and (lines.from_, lines.to),
        piece.quote,
        tuple(piece.supports),
        note and (note.ja, note.en),
        piece.url,
    )


SILENCES = frozenset(reason.value.replace("_", "-") for reason in Reason)  # codes of the notes below


def _silences(entry: Entry) -> Iterator[Note]:
    return (_silence(reason, tuple(fields)) for reason, fields in entry.silent.items())


@lru_cache(maxsize=1_000)
def _silence(reason: Reason, fields: tuple[str, ...]) -> Note:
    return Note(
        code=reason.value.replace("_", "-"),
        ja=f"{REASONS[reason][0]}: {'、'.join(fields)}",
        en=f"{REASONS[reason][1]}: {', '.join(fields)}",
    )
