"""Checks of what entries link to, before anything else of them is checked."""

from collections.abc import Iterator

from app.seeding.checks import EntryError, located
from app.seeding.entries import KINDS
from app.seeding.entries.base import Entry, EntryRef
from app.seeding.entries.sources import DocumentEntry
from app.seeding.errors import SeedError, did_you_mean
from app.seeding.reading import Source
from app.seeding.staging import Seed

MAX_COMPARED = 10_000  # ids among which a hint is looked for


def link_errors(seed: Seed, source: Source) -> Iterator[SeedError]:
    """The errors of links to entries that are not there, or, if there are none, of transcripts without a document.
    Entries of which no more can be checked are marked in the seed as broken."""
    unknown = seed.unknown_targets()
    if source.errors or unknown or any(document.id not in seed.transcripts for document in seed.each(DocumentEntry)):
        _leave_out_broken(seed, unknown)
        for kind in KINDS.values():
            for entry in seed.each(kind, all_=True):
                yield from located(entry, _unknown_links(entry, seed, unknown, source.unread))
    else:
        yield from _undescribed(seed)


def _leave_out_broken(seed: Seed, unknown: set[EntryRef]) -> None:
    """Leaves out entries that link to what is not there, documents without a transcript, and what links to those."""
    missing = set(unknown)
    documents = (entry.id for entry in seed.each(DocumentEntry))
    broken = {("documents", id_) for id_ in documents if id_ not in seed.transcripts}
    while True:
        for name, kind in KINDS.items():
            for entry in seed.each(kind):
                if any((target, id_) in missing for _, target, id_ in entry.links()):
                    broken.add((name, entry.id))
        if not broken:
            return
        seed.broken |= broken
        missing, broken = broken, set()


def _unknown_links(entry: Entry, seed: Seed, unknown: set[EntryRef], unread: set[str]) -> Iterator[EntryError]:
    """Links to unknown entries. If the target's own error is reported elsewhere, there is none here."""
    for path, kind, id_ in entry.links():
        if (kind, id_) not in unknown:
            continue
        if kind not in KINDS:
            yield path, f"`{kind}` is no kind of entry: it is one of {', '.join(KINDS)}"
        elif kind not in unread and not seed.has(kind, id_):
            known = seed.ids(kind) if seed.counts.get(kind, 0) <= MAX_COMPARED else ()
            yield (
                path,
                f"`{id_}` is no id in {kind}.yaml: {did_you_mean(id_, known, f'add it to {kind}.yaml, or correct it')}",
            )


def _undescribed(seed: Seed) -> Iterator[SeedError]:
    """Transcripts of no document: evidence that quotes one would name a record that is not there."""
    for folder, transcript in seed.transcripts.items():
        if not seed.has("documents", folder):
            message = f"no entry in documents.yaml is `{folder}`: describe the document there"
            yield SeedError(transcript.file, 1, message)
