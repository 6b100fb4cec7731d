"""Library: every entry of every seed folder, found by type and id; it reads no file and writes no row."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import Table

from app.facts.entry import Entry, EvidenceEntry, FurtherEvidence, NoteEntry
from app.facts.shapes import Evidence, Note, Reason, Record, Text, distinct, ordered

E = TypeVar("E", bound=Entry)

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
class Place:
    """Where an entry stands in the seed."""

    file: str
    document: str | None
    lines: Mapping[tuple[str | int, ...], int]

    def line(self, *path: str | int) -> int:
        """The line of a field, or of the nearest thing around it that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines[path]


@dataclass(frozen=True)
class Published:
    """A record, and where it is to be found: its columns, and by filter the values it stands under."""

    record: Record
    columns: Mapping[str, object] = field(default_factory=dict)
    links: Mapping[str, Iterable[int]] = field(default_factory=dict)
    aside: tuple[tuple[Table, list[dict[str, object]]], ...] = ()


@dataclass(frozen=True)
class About:
    """What `dataset.yaml` says of the whole."""

    version: str
    released: date
    name: Mapping[str, str]
    description: Mapping[str, str]


class Library:
    """All entries, in seed order. A link is checked before anything is published, so look-ups do not fail."""

    def __init__(self, entries: Mapping[type[Entry], Mapping[str, Entry]], places: Mapping[int, Place]) -> None:
        self._entries = entries
        self._places = places
        self._keys = {kind: {id_: key for key, id_ in enumerate(of, 1)} for kind, of in entries.items()}
        self._groups: dict[tuple[type[Entry], str], Mapping[str, list[Entry]]] = {}
        self._further = self._group(FurtherEvidence, lambda entry: [f"{entry.type}/{entry.record}"])
        self.transcripts: dict[str, list[str]] = {}

    def of(self, kind: type[E]) -> Mapping[str, E]:
        """Every entry of a kind by id, in seed order."""
        return self._entries.get(kind, {})  # type: ignore[return-value]

    def place(self, entry: Entry) -> Place:
        return self._places[id(entry)]

    def key(self, kind: type[Entry], id_: str) -> int:
        """The key of the row that the entry becomes."""
        return self._keys[kind][id_]

    def keys(self, kind: type[Entry], ids: Iterable[str]) -> list[int]:
        return [self._keys[kind][id_] for id_ in ordered(ids)]

    def where(self, kind: type[E], field_: str, id_: str) -> list[E]:
        """Entries of a kind whose `field_` is, or holds, `id_`."""
        if (kind, field_) not in self._groups:
            self._groups[kind, field_] = self._group(kind, lambda entry: _values(getattr(entry, field_)))
        return self._groups[kind, field_].get(id_, [])  # type: ignore[return-value]

    def _group(self, kind: type[E], values: Callable[[E], Iterable[str]]) -> Mapping[str, list[E]]:
        found: dict[str, list[E]] = defaultdict(list)
        for entry in self.of(kind).values():
            for value in values(entry):
                found[value].append(entry)
        return found

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

    def further(self, type_: str, id_: str) -> Iterator[EvidenceEntry]:
        """The evidence that other documents add to a record."""
        for addition in self._further.get(f"{type_}/{id_}", []):
            yield from self.evidence_of(addition)

    def borrow(self, entry: Entry, **fields: tuple[str, ...]) -> Iterator[EvidenceEntry]:
        """Another entry's evidence, for those of its fields that appear here too: theirs=(ours, …)."""
        for piece in self.evidence_of(entry):
            supports = ordered(ours for theirs in piece.supports for ours in fields.get(theirs, ()))
            if supports:
                yield piece.model_copy(update={"supports": supports})

    def evidence_of(self, entry: Entry) -> Iterator[EvidenceEntry]:
        """An entry's evidence, each piece with its document named."""
        own = self.place(entry).document
        for piece in entry.evidence:
            yield piece if piece.document else piece.model_copy(update={"document": own})

    def common(self, type_: str, entry: Entry, borrowed: Iterable[EvidenceEntry] = ()) -> dict[str, Any]:
        """What every record has: id, documents, evidence, notes. `borrowed` evidence comes from other entries."""
        pieces = [*self.evidence_of(entry), *borrowed, *self.further(type_, entry.id)]
        evidence = distinct(self._published(piece) for piece in pieces)
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

    def _published(self, piece: EvidenceEntry) -> Evidence:
        rule = self.of(NoteEntry)[piece.rule] if piece.rule else None
        return Evidence(
            basis=piece.basis,
            document=piece.document or "",
            lines=piece.lines,
            quote=piece.quote,
            supports=piece.supports,
            note=Text(ja=rule.ja, en=rule.en) if rule else piece.note,
            url=piece.url,
        )


def _values(value: object) -> Iterable[str]:
    if isinstance(value, list):
        return value
    return [] if value is None else [str(value)]


SILENCES = frozenset(reason.value.replace("_", "-") for reason in Reason)  # codes of the notes below


def _silences(entry: Entry) -> list[Note]:
    return [
        Note(
            code=reason.value.replace("_", "-"),
            ja=f"{REASONS[reason][0]}: {'、'.join(fields)}",
            en=f"{REASONS[reason][1]}: {', '.join(fields)}",
        )
        for reason, fields in entry.silent.items()
    ]
