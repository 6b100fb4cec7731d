"""Verifies that every fact leads back to its words and every link lands; it reads the library and writes nothing."""

import re
from collections.abc import Iterable, Iterator, Mapping

from app.errors import near
from app.facts.entry import At, Entry, EvidenceEntry, NameEntry, To, Written
from app.facts.library import Library
from app.facts.shapes import Basis, Derived, Record, is_empty
from app.reading.resource import Resource
from app.resources import ENTRIES, RESOURCES
from app.seeding.fault import Fault
from app.seeding.source import TRANSCRIPT, Source

KINDS: Mapping[str, type[Entry]] = {**{resource.name: resource.entry for resource in RESOURCES}, **ENTRIES}


def verified(source: Source) -> tuple[Library, list[Fault]]:
    """The library, and every fault. An entry that links to a faulty one is left out of the deeper checks, which
    need what it links to; its own words are checked all the same."""
    faults = list(source.faults)
    for name, entries in source.entries.items():
        for entry in entries.values():
            place = source.places[id(entry)]
            found = [*_links(entry, source), *_quotes(entry, place.document, source)]
            if name == "documents":
                found.extend(_transcript(entry, place.document, source))
            faults.extend(Fault(place.file, place.line(*at), message) for at, message in found)
    library = Library(_sound(source), source.places)
    library.transcripts = source.transcripts
    for kind in KINDS.values():
        for entry in library.of(kind).values():
            place = library.place(entry)
            faults.extend(Fault(place.file, place.line(field), message) for field, message in entry.faults(library))
            faults.extend(Fault(place.file, place.line(*at), message) for at, message in _stated(entry))
    if not faults:
        faults.extend(fault for resource in RESOURCES for fault in _uncovered(resource, library))
    return library, sorted(set(faults))


def _links(entry: Entry, source: Source) -> Iterator[tuple[At, str]]:
    """Ids that are of no entry."""
    for at, type_, id_ in entry.links():
        if type_ in source.unread:
            continue
        if type_ not in source.named:
            yield at, f"`{type_}` is no kind of entry: it is one of {', '.join(source.named)}"
        elif id_ not in source.named[type_]:
            nearest = near(id_, source.named[type_])
            hint = f"did you mean `{nearest}`?" if nearest else f"add it to {type_}.yaml, or correct it"
            yield at, f"`{id_}` is no id in {type_}.yaml: {hint}"


def _sound(source: Source) -> dict[type[Entry], dict[str, Entry]]:
    """The entries all of whose links lead to sound entries."""
    sound = {name: dict(entries) for name, entries in source.entries.items()}
    while True:
        broken = [
            (name, entry.id)
            for name, entries in sound.items()
            for entry in entries.values()
            if any(id_ not in sound.get(type_, {}) for _, type_, id_ in entry.links())
            or (name == "documents" and entry.id not in source.transcripts)
        ]
        if not broken:
            return {KINDS[name]: entries for name, entries in sound.items()}
        for name, id_ in broken:
            del sound[name][id_]


def _transcript(entry: Entry, folder: str | None, source: Source) -> Iterator[tuple[At, str]]:
    """A document stands in a folder of its own name, beside its transcript, whose digest it pins."""
    if folder is None:
        yield ("id",), f"there is no {TRANSCRIPT} beside this file: put the document's transcript there"
    elif folder != entry.id:
        yield ("id",), f"`{entry.id}` stands in the folder {folder}: give both one name"
    elif source.digests[folder] != getattr(entry, "sha256", None):
        digest = source.digests[folder]
        yield ("sha256",), f"{TRANSCRIPT} is not the file that was read: restore it, or read it again and pin {digest}"


def _quotes(entry: Entry, folder: str | None, source: Source) -> Iterator[tuple[At, str]]:
    """Quotes that do not stand at their lines, character for character."""
    for number, piece in enumerate(entry.evidence):
        at: At = ("evidence", number)
        document = piece.document or folder
        if document is None:
            yield at, "the evidence names no document: add `document:`"
        elif document not in source.transcripts:
            nearest = near(document, source.transcripts)
            hint = f"did you mean `{nearest}`?" if nearest else "name a document's folder"
            yield (*at, "document"), f"`{document}` has no {TRANSCRIPT}: {hint}"
        elif piece.lines and piece.quote:
            message = _misquoted(piece, source.transcripts[document])
            if message:
                yield (*at, "quote"), message


def _misquoted(piece: EvidenceEntry, transcript: list[str]) -> str | None:
    assert piece.lines  # noqa: S101 - narrows the type; the caller looked
    assert piece.quote  # noqa: S101
    first, last = piece.lines.from_, piece.lines.to
    if not 1 <= first <= last <= len(transcript):
        return f"there are no lines {first}-{last}: the transcript has {len(transcript)}"
    standing = [line.rstrip() for line in transcript[first - 1 : last]]
    quoted = [line.rstrip() for line in piece.quote.split("\n")]
    fits = len(quoted) == len(standing)
    if fits and len(quoted) == 1:
        # A quote that begins within a number states another number.
        fits = (
            re.search(
                rf"(?<![0-9０-９]){re.escape(quoted[0])}" if quoted[0][:1].isdigit() else re.escape(quoted[0]),
                standing[0],
            )
            is not None
        )
    elif fits:
        fits = (
            standing[0].endswith(quoted[0]) and standing[-1].startswith(quoted[-1]) and quoted[1:-1] == standing[1:-1]
        )
    if fits and quoted[0] and quoted[-1]:
        return None
    shown = "\n".join(standing)
    return f"the quote `{piece.quote}` does not stand at lines {first}-{last}, which read `{shown}`: copy it from there"


def _stated(entry: Entry) -> Iterator[tuple[At, str]]:
    """Texts that no quote said to state them holds. Blanks are layout."""
    for field, info in type(entry).model_fields.items():
        quotes = [
            piece.quote or "" for piece in entry.evidence if piece.basis is Basis.STATED and field in piece.supports
        ]
        if not quotes or any(isinstance(mark, To) for mark in info.metadata):
            continue
        held = ["".join(quote.split()) for quote in quotes]
        for text in _texts(getattr(entry, field)):
            if not any("".join(text.split()) in quote for quote in held):
                yield (field,), f"`{text}` stands in no quote that states `{field}`: correct the one or the other"


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, NameEntry):
        yield value.ja
    elif type(value) is str:
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, Written):
        for part in vars(value).values():
            if isinstance(part, NameEntry):
                yield part.ja


def _uncovered(resource: Resource, library: Library) -> Iterator[Fault]:
    """Published fields without evidence, and empty ones without a reason."""
    own = [
        name
        for name, info in resource.record.model_fields.items()
        if not any(isinstance(mark, Derived) for mark in info.metadata)
    ]
    for entry in library.of(resource.entry).values():
        place = library.place(entry)
        record = resource.publish(entry, library).record
        for at, message in _covered(record, own, entry):
            yield Fault(place.file, place.line(*at), message)


def _covered(record: Record, own: Iterable[str], entry: Entry) -> Iterator[tuple[At, str]]:
    fields = type(record).model_fields
    supported = {field for piece in record.evidence for field in piece.supports}
    silent = {field: reason for reason, listed in entry.silent.items() for field in listed}
    named: list[tuple[At, str]] = [(("silent", reason), field) for field, reason in silent.items()]
    for number, piece in enumerate(entry.evidence):
        named.extend((("evidence", number, "supports"), field) for field in piece.supports)
    for at, field in named:
        if field not in fields:
            nearest = near(field, fields)
            hint = f"did you mean `{nearest}`?" if nearest else f"it is one of {', '.join(fields)}"
            yield at, f"`{field}` is no field of the record: {hint}"
    for field in own:
        if is_empty(getattr(record, field)):
            if field not in silent:
                yield (field,), f"`{field}` is empty: say why under `silent`, or give it with its evidence"
        elif field in silent:
            yield (
                ("silent", silent[field]),
                f"`{field}` is under `silent`, and has a value: remove the one or the other",
            )
        elif field not in supported:
            yield (field,), f"`{field}` has no evidence: quote the words that support it"
