"""Checks of the content of entries: quotes, values, evidence. Each error is given as (path in the entry, message)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any

from app.query.vocabulary import RESERVED
from app.schemas import Basis, Derived, LineRange, MayBeEmpty, Record, References
from app.seeding.checks_by_kind import CHECKS
from app.seeding.entries.base import Entry, EntryPart, FieldPath, NameEntry, Registered, marked_fields
from app.seeding.entries.budgets import AmountEntry
from app.seeding.entries.sources import DocumentEntry
from app.seeding.errors import SeedError, did_you_mean
from app.seeding.printed import Printed, contains, holds
from app.seeding.reading import TRANSCRIPTS
from app.seeding.staging import Seed
from app.seeding.transcript import Table, Transcript
from app.text import DIGITS

TRANSCRIPT = " or ".join(TRANSCRIPTS)

EntryError = tuple[FieldPath, str]


def located(entry: Entry, errors: Iterable[EntryError]) -> Iterator[SeedError]:
    """Errors of an entry, each with its file and line."""
    return (SeedError(entry.location.file, entry.location.line(*path), message) for path, message in errors)


def own_errors(entry: Entry, seed: Seed) -> Iterator[EntryError]:
    """What is wrong with an entry whatever it links to: its id, its quotes, and the transcript of a document."""
    if entry.id in RESERVED:
        yield ("id",), f"`{entry.id}` has a meaning of its own in requests and answers: choose another id"
    yield from _quote_errors(entry, seed)
    if isinstance(entry, DocumentEntry):
        yield from _transcript_errors(entry, seed)


def content_errors(entry: Entry, seed: Seed) -> Iterator[EntryError]:
    """What is wrong with an entry, given all that it links to."""
    if check := CHECKS.get(type(entry)):
        yield from (((field,), message) for field, message in check(entry, seed))
    yield from stated_errors(entry)


def _transcript_errors(entry: DocumentEntry, seed: Seed) -> Iterator[EntryError]:
    """A document stands in a folder of its own name, beside its transcript, whose digest it pins."""
    folder = entry.location.document
    if folder is None:
        yield ("id",), f"there is no {TRANSCRIPT} beside this file: put the document's transcript there"
    elif folder != entry.id:
        yield ("id",), f"`{entry.id}` stands in the folder {folder}: give both one name"
    elif (digest := seed.transcripts[folder].sha256) != entry.sha256:
        yield (
            ("sha256",),
            f"the transcript is not the file that was read: restore it, or read it again and pin {digest}",
        )


def _quote_errors(entry: Entry, seed: Seed) -> Iterator[EntryError]:
    """Quotes that are not, character for character, what their lines hold."""
    for number, piece in enumerate(entry.evidence):
        document = piece.document or entry.location.document
        if document is None:
            yield ("evidence", number), "the evidence names no document: add `document:`"
        elif document not in seed.transcripts:
            meant = did_you_mean(document, seed.transcripts, "name a document's folder")
            yield ("evidence", number, "document"), f"`{document}` has no {TRANSCRIPT}: {meant}"
        elif piece.lines and piece.quote:
            transcript = seed.transcripts[document]
            if piece.column:
                message = _misquoted_cell(piece.quote, piece.lines, piece.column, transcript)
            else:
                message = _misquoted(piece.quote, piece.lines, transcript)
            if message:
                yield ("evidence", number, "quote"), message


def _misquoted_cell(quote: str, lines: LineRange, column: str, transcript: Transcript) -> str | None:
    if not isinstance(transcript, Table):
        return "`column` is for a transcript that is a table: leave it out"
    first, last = lines.from_, lines.to
    cell = transcript.cell(first, last, column)
    if cell is None:
        return f"no row of the table stands at lines {first}-{last} and has one cell under `{column}`: correct these"
    if cell != quote:
        return f"the cell under `{column}` at line {first} reads `{cell}`, not `{quote}`: copy it from there"
    return None


def _misquoted(quote: str, at: LineRange, transcript: Transcript) -> str | None:
    first, last = at.from_, at.to
    if not 1 <= first <= last <= len(transcript):
        return f"there are no lines {first}-{last}: the transcript has {len(transcript)}"
    lines = [line.rstrip() for line in transcript.lines(first, last)]
    quoted = [line.rstrip() for line in quote.split("\n")]
    fits = len(quoted) == len(lines)
    if fits and len(quoted) == 1:
        # A quote that begins within a number states another number.
        fits = contains(lines[0], quoted[0], not_after=DIGITS if quoted[0][:1].isdigit() else "")
    elif fits:
        fits = lines[0].endswith(quoted[0]) and lines[-1].startswith(quoted[-1]) and quoted[1:-1] == lines[1:-1]
    if fits and quoted[0] and quoted[-1]:
        return None
    shown = "\n".join(lines)
    return f"the quote `{quote}` does not stand at lines {first}-{last}, which read `{shown}`: copy it from there"


def stated_errors(entry: Entry) -> Iterator[EntryError]:
    """Values that stand in no quote of their stated evidence."""
    quotes: dict[str, list[str]] = {}
    for piece in entry.evidence:
        if piece.basis is Basis.STATED:
            for field in piece.supports:
                quotes.setdefault(field, []).append(piece.quote or "")
    for field in (field for field in _printed_fields(type(entry)) if field in quotes):
        for value in _printed_values(getattr(entry, field)):
            if not any(holds(quote, value) for quote in quotes[field]):
                yield (field,), f"`{value}` stands in no quote that states `{field}`: correct the one or the other"


@cache
def _printed_fields(part: type[EntryPart]) -> Sequence[str]:
    """The fields of an entry or a part whose values a document prints: not the ids of other entries and registers."""
    ids = {*marked_fields(part, References), *marked_fields(part, Registered)}
    return [field for field in part.model_fields if field not in ids]


def _printed_values(value: object) -> Iterator[Printed]:
    """The values in a field that a document prints. Amounts, whose unit may stand elsewhere, have their own check."""
    if isinstance(value, list):
        for item in value:
            yield from _printed_values(item)
    elif isinstance(value, NameEntry):
        yield value.ja
    elif isinstance(value, EntryPart) and not isinstance(value, AmountEntry):
        for field in _printed_fields(type(value)):
            yield from _printed_values(getattr(value, field))
    elif isinstance(value, Printed) and not isinstance(value, bool | Enum):  # which a document says in its own words
        yield value


def coverage_errors(record: Mapping[str, Any], entry: Entry, model: type[Record]) -> Iterator[EntryError]:
    """Fields of a record without evidence, and empty ones without a reason."""
    fields = model.model_fields
    for number, piece in enumerate(entry.evidence):
        yield from (
            (("evidence", number, "supports"), _unknown_field(field, fields))
            for field in piece.supports
            if field not in fields
        )
    silent = {field: reason for reason, listed in entry.silent.items() for field in listed}
    yield from (
        (("silent", reason), _unknown_field(field, fields)) for field, reason in silent.items() if field not in fields
    )
    supported = {field for piece in record["evidence"] for field in piece["supports"]}
    for field in (name for name in fields if name not in marked_fields(model, Derived)):
        if _is_empty(record[field]):
            if field not in silent and field not in marked_fields(model, MayBeEmpty):
                yield (field,), f"`{field}` is empty: say why under `silent`, or give it with its evidence"
        elif field in silent:
            message = f"`{field}` is under `silent`, and has a value: remove the one or the other"
            yield ("silent", silent[field]), message
        elif field not in supported:
            yield (field,), f"`{field}` has no evidence: quote the words that support it"


def _is_empty(value: Any) -> bool:
    """Whether a field says nothing: null, an empty list, an amount without yen."""
    return value is None or value == [] or (isinstance(value, dict) and value.get("jpy", 0) is None)


def _unknown_field(field: str, fields: Iterable[str]) -> str:
    meant = did_you_mean(field, fields, f"it is one of {', '.join(fields)}")
    return f"`{field}` is no field of the record: {meant}"
