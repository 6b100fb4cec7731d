"""The history of the records: what each version changed, found by comparing it with the version before."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import merge
from itertools import groupby, pairwise
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any

import orjson

from app.query.names import label
from app.resources.changes import CHANGES, Action
from app.resources.dates import day
from app.resources.facts import FACTS
from app.resources.versions import VERSIONS
from app.schemas import distinct
from app.seeding.entries.base import Json
from app.seeding.entries.dataset import AboutEntry, WithdrawnEntry
from app.seeding.errors import InvalidSeed, SeedError
from app.seeding.patches import patch
from app.seeding.reading import DATASET_FILE, Source
from app.seeding.releases import MAX_RECORD, Header, Release, ReleasedRecord, summary_of, version_key
from app.seeding.rendered_records import RenderedRecords

Difference = tuple[str, str, bytes | None, bytes | None]  # resource, id, the record before and the one after
Withdrawn = dict[tuple[str, str], WithdrawnEntry]  # by resource and id

SUMMARIES = {
    Action.ADDED: ("「{ja}」を加えた。", "Added “{en}”."),
    Action.CHANGED: ("「{ja}」を改めた: {fields_ja}。", "Changed “{en}”: {fields_en}."),
    Action.REMOVED: ("「{ja}」を取り下げた。", "Withdrew “{en}”."),
}


@dataclass(frozen=True)
class History:
    """All versions, the oldest first; the last is the seed's, which may be `unreleased`."""

    versions: Sequence[Release]
    unreleased: bool
    withdrawn: Withdrawn

    def older(self) -> Iterator[tuple[str, str, int, bytes | None]]:
        """The rows of ServingRelease."""
        *older, _ = self.versions
        for each in older[0].records() if older else ():
            yield each.type, each.id, 1, each.record
        for number, (before, after) in enumerate(pairwise(older), 2):
            yield from ((type_, id_, number, new) for type_, id_, old, new in compare(before, after) if old != new)


def history_of(seed: Path, source: Source, rendered: RenderedRecords) -> History:
    """The versions that were released, and the records of the seed as the newest. Raises InvalidSeed if these are not
    what was released as their version, or what was withdrawn was not."""
    about, releases = source.about, source.releases
    assert about  # noqa: S101 - narrows the type; a seed without it has an error
    newest = releases[-1] if releases else None
    now = _seed_release(rendered, about, newest)
    messages = [*_version_errors(now, newest), *_size_errors(rendered)]
    errors = [SeedError(f"{seed.name}/{DATASET_FILE}", 1, message) for message in messages]
    unreleased = newest is None or newest.version != now.version
    withdrawn = {(each.type, each.id): each for each, _, _ in source.withdrawn}
    history = History([*releases, now] if unreleased else releases, unreleased, withdrawn)
    errors.extend(_withdrawal_errors(source, history))
    if errors:
        raise InvalidSeed(sorted(errors))
    return history


def _seed_release(rendered: RenderedRecords, about: AboutEntry, newest: Release | None) -> Release:
    """The records of the seed as a release."""
    records = partial(_sorted, rendered)
    counts, digest = summary_of(records())
    previous = newest and (newest.header.previous if newest.version == about.version else newest.version)
    header = Header(
        version=about.version,
        released=about.released,
        previous=previous,
        notes=about.changes,
        counts=counts,
        digest=digest,
    )
    return Release(header, records)


def _sorted(rendered: RenderedRecords) -> Iterator[ReleasedRecord]:
    for resource in sorted(FACTS, key=attrgetter("name")):
        for id_, record in rendered.rows(resource, "id, json", order="id"):
            yield ReleasedRecord(resource.name, id_, record)


def _size_errors(rendered: RenderedRecords) -> Iterator[str]:
    """Records that a release could not hold."""
    for resource in FACTS:
        for id_, size in rendered.rows(resource, "id, length(json)"):
            if size > MAX_RECORD:
                named = f"the record `{id_}` of {resource.name}"
                yield f"{named} has more than {MAX_RECORD:,} bytes: shorten its evidence or its lists"


def _version_errors(now: Release, newest: Release | None) -> Iterator[str]:
    if newest is None:
        return
    if now.version == newest.version:
        if now.header != newest.header:
            yield f"{now.version} was released with other content: raise `version`, or restore what was released"
    elif version_key(now.version) < version_key(newest.version):
        yield f"{newest.version} was released, and {now.version} is not above it: raise `version`"
    elif now.header.released < newest.header.released:
        day_before = newest.header.released.isoformat()
        yield f"{newest.version} was released on {day_before}: let `released` of {now.version} not be before it"


def _withdrawal_errors(source: Source, history: History) -> Iterator[SeedError]:
    """What was withdrawn was released, is not there, and is replaced by something that is."""
    if not history.withdrawn:
        return
    *older, now = history.versions
    replacing = {(each.type, each.replaced_by) for each, _, _ in source.withdrawn if each.replaced_by}
    wanted = history.withdrawn.keys() | replacing
    there = {each[:2] for each in now.records() if each[:2] in wanted}
    released = {each[:2] for release in older for each in release.records() if each[:2] in wanted}
    for each, file, line in source.withdrawn:
        named, new = f"`{each.id}` of {each.type}", (each.type, each.replaced_by)
        if history.withdrawn[each.type, each.id] is not each:
            yield SeedError(file, line, f"{named} is given twice: keep one entry")
        elif (each.type, each.id) in there:
            yield SeedError(file, line, f"{named} is still there: remove its entry, or this one")
        elif (each.type, each.id) not in released:
            yield SeedError(file, line, f"{named} was never released: correct it, or remove this entry")
        elif each.replaced_by and new not in there:
            message = f"`{each.replaced_by}` is no id of {each.type}: name what replaces {named}, or leave it out"
            yield SeedError(file, line, message)


def compare(before: Release, after: Release) -> Iterator[Difference]:
    """Every record of two releases, as each of them has it."""
    sides = (_of_side(side, release) for side, release in enumerate((before, after)))
    for (type_, id_), found in groupby(merge(*sides), key=itemgetter(0, 1)):
        records = {side: record for _, _, side, record in found}
        yield type_, id_, records.get(0), records.get(1)


def _of_side(side: int, release: Release) -> Iterator[tuple[str, str, int, bytes]]:
    return ((each.type, each.id, side, each.record) for each in release.records())


def write_history(history: History, documents: Collection[str], rendered: RenderedRecords) -> None:
    """Writes the records of `versions` and `changes`, the newest first. `documents` are those that are there."""
    counts: dict[str, Counter[tuple[str, str]]] = {release.version: Counter() for release in history.versions}
    for before, after in reversed(list(pairwise(history.versions))):
        for type_, id_, old, new in compare(before, after):
            change = _change(after, (type_, id_), old, new, history.withdrawn) if old != new else None
            if change:
                change["documents"] = [each for each in change["documents"] if each in documents]
                rendered.add(CHANGES, change)
                counts[after.version][type_, change["action"]] += 1
    for release in reversed(history.versions):
        rendered.add(VERSIONS, _version(release, counts[release.version]))


def _change(
    release: Release, of: tuple[str, str], old: bytes | None, new: bytes | None, withdrawn: Withdrawn
) -> Json | None:
    """A record of `changes`; None if both are the same value in other bytes."""
    before: Any = orjson.loads(old) if old else None
    after: Any = orjson.loads(new) if new else None
    type_, id_ = of
    fields: list[str] = []
    if after is None:
        action, operations = Action.REMOVED, [{"op": "remove", "path": ""}]
    elif before is None:
        action, operations = Action.ADDED, [{"op": "add", "path": "", "value": after}]
    else:
        action, operations = Action.CHANGED, list(patch(before, after))
        if not operations:
            return None
        fields = distinct(each["path"].split("/")[1] for each in operations)
    record: Json = after or before
    summary = _summary(action, record["name"], fields)
    if action is Action.REMOVED and of in withdrawn:
        reason = withdrawn[of].reason
        summary = {"ja": f"{summary['ja']}{reason.ja}", "en": f"{summary['en']} {reason.en}"}
    return {
        "id": f"{release.version}.{type_}.{id_}",
        "name": record["name"],
        "version": {"id": release.version, "name": _name(release)},
        "released": day(release.header.released).model_dump(),
        "type": type_,
        "record": id_,
        "action": action,
        "fields": fields,
        "summary": summary,
        "patch": operations,
        "documents": record["documents"],
        "notes": [],
        "evidence": [],
    }


def _summary(action: Action, name: Json, fields: Sequence[str]) -> dict[str, str]:
    named = {"ja": name["ja"], "fields_ja": "、".join(label(each, "ja") for each in fields)}
    named |= {"en": name["en"], "fields_en": "; ".join(label(each, "en") for each in fields)}
    ja, en = SUMMARIES[action]
    return {"ja": ja.format_map(named), "en": en.format_map(named)}


def _name(release: Release) -> Json:
    return {"ja": f"第{release.version}版", "en": f"Version {release.version}", "en_official": True}


def _version(release: Release, changed: Counter[tuple[str, str]]) -> Json:
    """A record of `versions`."""
    header = release.header
    types = sorted({*header.counts, *(type_ for type_, _ in changed)})
    return {
        "id": release.version,
        "name": _name(release),
        "released": day(header.released).model_dump(),
        "summary": header.notes.model_dump(),
        "digest": header.digest,
        "records": sum(header.counts.values()),
        "counts": [
            {
                "type": type_,
                "records": header.counts.get(type_, 0),
                **{action.value: changed[type_, action] for action in Action},
            }
            for type_ in types
        ],
        "documents": [],
        "notes": [],
        "evidence": [],
    }
