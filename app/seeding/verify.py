"""Verifies that every fact leads back to its words and every link lands; it reads the library and writes nothing."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as each
from functools import cache, partial

from app.errors import near
from app.facts.entry import At, Entry, EvidenceEntry, NameEntry, To, Written
from app.facts.library import Library, Published
from app.facts.shapes import Basis, Derived, Record, is_empty
from app.facts.text import DIGITS, stands
from app.reading.resource import Resource
from app.resources import ENTRIES, RESOURCES
from app.seeding.draft import Drafts, Piece
from app.seeding.fault import Fault
from app.seeding.processes import PIECE, Phase, silent, spread
from app.seeding.source import TRANSCRIPT, Source

KINDS: Mapping[str, type[Entry]] = {**{resource.name: resource.entry for resource in RESOURCES}, **ENTRIES}


STATED = Basis.STATED
NEAR = 10_000  # among more ids than these, none is sought that was meant


@dataclass
class Judged:
    """What was found in some entries. `uncovered` are faults of their records, which are told when there are no others;
    `broken` the places of those that link to what is not there."""

    faults: list[Fault] = each(default_factory=list)
    uncovered: list[Fault] = each(default_factory=list)
    broken: dict[str, set[int]] = each(default_factory=lambda: defaultdict(set))

    def add(self, entry: Entry, found: Iterable[tuple[At, str]]) -> None:
        self.faults.extend(Fault(entry.place.file, entry.place.line(*at), message) for at, message in found)


def verified(source: Source, drafts: Drafts, phase: Phase = silent) -> tuple[Library, list[Fault]]:
    """The library, and every fault; when there is none, each record was drafted."""
    library = Library({shelf.kind: shelf for shelf in source.shelves.values()}, source.transcripts)
    faults = list(source.faults)
    uncovered: list[Fault] = []
    whole = partial(_whole, source, library)
    resources = [resource.name for resource in RESOURCES]
    if faults or source.loose or _untranscribed(source):
        faults.extend(_with_astray(source, library, phase))
    else:
        faults.extend(_undescribed(source))
        faults.extend(_judged(source, _pieces(source, ENTRIES, whole), phase).faults)
        if faults:
            faults.extend(_judged(source, _pieces(source, resources, whole), phase).faults)
        else:
            found = _drafted(source, library, drafts, phase)
            faults, uncovered = found.faults, found.uncovered
    return library, sorted(set(faults or uncovered))


def _drafted(source: Source, library: Library, drafts: Drafts, phase: Phase) -> Judged:
    """Drafts the records while all is well with them."""
    pieces = {
        resource.name: [Piece(drafts.folder, resource, part.start, len(part)) for part in _parts(source, resource.name)]
        for resource in RESOURCES
    }
    units = _side_by_side(list(pieces.values()))
    waiting = deque(piece for several in pieces.values() for piece in several)
    finished: set[Piece] = set()
    working = iter(units)

    def take(found: Judged) -> None:
        finished.update(next(working))
        while waiting and waiting[0] in finished and not found.faults:
            drafts.add(waiting.popleft())

    return _judged(source, [partial(_draft, source, library, unit) for unit in units], phase, then=take)


def _side_by_side(pieces: list[list[Piece]]) -> list[list[Piece]]:
    """The pieces of each resource as far down as those of the others: a line and its measure stand about there, and
    whoever drafts the one has the other's entry at hand."""
    units: list[list[Piece]] = [[] for _ in range(max(map(len, pieces)))]
    for several in pieces:
        for place, piece in enumerate(several):
            units[place * len(units) // len(several)].append(piece)
    return units


def _with_astray(source: Source, library: Library, phase: Phase) -> list[Fault]:
    """What is found where something leads nowhere. The entries that lead there are left out of the deeper checks, which
    need what they link to; their own words are checked all the same."""
    judged = _judged(source, _pieces(source, KINDS, partial(_words, source)), phase)
    found = judged
    while found.broken:
        for name, places in found.broken.items():
            source.shelves[name].leave_out(places)
        found = _judged(source, _pieces(source, KINDS, partial(_leading, source)), phase)
    return judged.faults + _judged(source, _pieces(source, KINDS, partial(_facts, source, library)), phase).faults


def _judged(
    source: Source,
    pieces: Sequence[Callable[[], Judged]],
    phase: Phase,
    then: Callable[[Judged], None] = lambda _: None,
) -> Judged:
    """Does the pieces of work and puts what they found together; after each piece, `then` is given all so far."""
    judged = Judged()
    with phase("Verifying", len(pieces)) as done, spread(pieces, source.count) as results:
        for found in results:
            judged.faults.extend(found.faults)
            judged.uncovered.extend(found.uncovered)
            for name, places in found.broken.items():
                judged.broken[name] |= places
            then(judged)
            done(1)
    return judged


def _parts(source: Source, name: str) -> Iterator[range]:
    total = source.shelves[name].total()
    return (range(start, min(start + PIECE, total)) for start in range(0, total, PIECE))


def _pieces(source: Source, names: Iterable[str], judge: Callable[[str, range], Judged]) -> list[Callable[[], Judged]]:
    return [partial(judge, name, part) for name in names for part in _parts(source, name)]


def _untranscribed(source: Source) -> bool:
    """Whether a document has no transcript in a folder of its name."""
    return any(id_ not in source.transcripts for id_ in source.shelves["documents"])


def _undescribed(source: Source) -> Iterator[Fault]:
    """Transcripts of no document: what quotes them would name a record that is not there."""
    for folder, transcript in source.transcripts.items():
        if folder not in source.shelves["documents"]:
            yield Fault(transcript.file, 1, f"no entry in documents.yaml is `{folder}`: describe the document there")


def _words(source: Source, name: str, part: range) -> Judged:
    """The links and the quotes of entries."""
    judged = Judged()
    for place, entry in source.shelves[name].each(part):
        links = list(_links(entry, source))
        judged.add(entry, ((at, message) for at, _, message in links if message))
        judged.add(entry, _own(name, entry, source))
        if links or (name == "documents" and entry.id not in source.transcripts):
            judged.broken[name].add(place)
    return judged


def _facts(source: Source, library: Library, name: str, part: range) -> Judged:
    """What entries say, of those that lead nowhere astray."""
    judged = Judged()
    for _, entry in source.shelves[name].each(part):
        judged.add(entry, _said(entry, library))
    return judged


def _whole(source: Source, library: Library, name: str, part: range) -> Judged:
    """All of that, of entries whose links are known to be good."""
    judged = Judged()
    for _, entry in source.shelves[name].each(part):
        judged.add(entry, _own(name, entry, source))
        judged.add(entry, _said(entry, library))
    return judged


def _draft(source: Source, library: Library, unit: list[Piece]) -> Judged:
    """The same of entries and, if all is well with them, of their records, which are drafted."""
    judged = Judged()
    for piece in unit:
        resource, part = piece.resource, range(piece.start, piece.start + piece.count)
        judged.faults.extend(_whole(source, library, resource.name, part).faults)
        if not judged.faults:
            entries = (entry for _, entry in source.shelves[resource.name].each(part))
            piece.write(_covered(judged, resource, entries, library), library)
    return judged


def _covered(judged: Judged, resource: Resource, entries: Iterable[Entry], library: Library) -> Iterator[Published]:
    for entry in entries:
        published = resource.publish(entry, library)
        for at, message in _uncovered(published.record, entry):
            judged.uncovered.append(Fault(entry.place.file, entry.place.line(*at), message))
        yield published


def _leading(source: Source, name: str, part: range) -> Judged:
    judged = Judged()
    for place, entry in source.shelves[name].each(part):
        if any(id_ not in source.shelves[type_] for _, type_, id_ in entry.links()):
            judged.broken[name].add(place)
    return judged


def _links(entry: Entry, source: Source) -> Iterator[tuple[At, str, str]]:
    """Links to what is not to be found, with what is wrong; nothing is where another fault tells of it."""
    for at, type_, id_ in entry.links():
        shelf = source.shelves.get(type_)
        if shelf is None:
            yield at, id_, f"`{type_}` is no kind of entry: it is one of {', '.join(source.shelves)}"
        elif id_ in shelf:
            continue
        elif type_ in source.unread or shelf.names(id_):
            yield at, id_, ""
        else:
            nearest = near(id_, shelf.named()) if shelf.total() <= NEAR else None
            hint = f"did you mean `{nearest}`?" if nearest else f"add it to {type_}.yaml, or correct it"
            yield at, id_, f"`{id_}` is no id in {type_}.yaml: {hint}"


def _own(name: str, entry: Entry, source: Source) -> Iterator[tuple[At, str]]:
    """What is wrong with an entry's own words."""
    yield from _quotes(entry, source)
    if name == "documents":
        yield from _transcript(entry, entry.place.document, source)


def _said(entry: Entry, library: Library) -> Iterator[tuple[At, str]]:
    """What is wrong with what it says, given all that it links to."""
    yield from (((field,), message) for field, message in entry.faults(library))
    yield from _stated(entry)


def _transcript(entry: Entry, folder: str | None, source: Source) -> Iterator[tuple[At, str]]:
    """A document stands in a folder of its own name, beside its transcript, whose digest it pins."""
    if folder is None:
        yield ("id",), f"there is no {TRANSCRIPT} beside this file: put the document's transcript there"
    elif folder != entry.id:
        yield ("id",), f"`{entry.id}` stands in the folder {folder}: give both one name"
    elif source.digests[folder] != getattr(entry, "sha256", None):
        digest = source.digests[folder]
        yield ("sha256",), f"{TRANSCRIPT} is not the file that was read: restore it, or read it again and pin {digest}"


def _quotes(entry: Entry, source: Source) -> Iterator[tuple[At, str]]:
    """Quotes that do not stand at their lines, character for character."""
    for number, piece in enumerate(entry.evidence):
        at: At = ("evidence", number)
        document = piece.document or entry.place.document
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


def _misquoted(piece: EvidenceEntry, transcript: Sequence[str]) -> str | None:
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
        fits = stands(quoted[0], standing[0], after=DIGITS if quoted[0][:1].isdigit() else "")
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
    held: dict[str, list[str]] = {}
    for piece in entry.evidence:
        if piece.basis is STATED:
            quote = "".join((piece.quote or "").split())
            for field_ in piece.supports:
                held.setdefault(field_, []).append(quote)
    worded = _worded(type(entry))
    for field_, quotes in held.items():
        for text in _texts(getattr(entry, field_)) if field_ in worded else ():
            if not any("".join(text.split()) in quote for quote in quotes):
                yield (field_,), f"`{text}` stands in no quote that states `{field_}`: correct the one or the other"


@cache
def _worded(kind: type[Entry]) -> frozenset[str]:
    """The fields that hold words, not ids."""
    fields = kind.model_fields.items()
    return frozenset(name for name, info in fields if not any(isinstance(mark, To) for mark in info.metadata))


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


def _uncovered(record: Record, entry: Entry) -> Iterator[tuple[At, str]]:
    """Published fields without evidence, and empty ones without a reason."""
    kind = type(record)
    fields = kind.model_fields
    for number, piece in enumerate(entry.evidence):
        yield from (
            (("evidence", number, "supports"), _unknown(field, fields))
            for field in piece.supports
            if field not in fields
        )
    silent = {field: reason for reason, listed in entry.silent.items() for field in listed}
    yield from (
        (("silent", reason), _unknown(field, fields)) for field, reason in silent.items() if field not in fields
    )
    supported = {field for piece in record.evidence for field in piece.supports}
    for field in _evidenced(kind):
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


def _unknown(field: str, fields: Iterable[str]) -> str:
    nearest = near(field, fields)
    hint = f"did you mean `{nearest}`?" if nearest else f"it is one of {', '.join(fields)}"
    return f"`{field}` is no field of the record: {hint}"


@cache
def _evidenced(kind: type[Record]) -> tuple[str, ...]:
    """The fields that are not worked out from others."""
    fields = kind.model_fields.items()
    return tuple(name for name, info in fields if not any(isinstance(mark, Derived) for mark in info.metadata))
