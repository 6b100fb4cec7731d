"""Reads the files of seed/ into entries, and remembers the line of every key; it judges form, never content."""

import json
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from app.errors import near
from app.facts.entry import Entry, NameEntry, Place
from app.facts.library import About
from app.seeding.fault import Fault
from app.seeding.processes import PIECE, Phase, silent, spread
from app.seeding.shelf import ID, Bulk, File, Held, Index, Pairs, Shelf, Transcript, id_of, sought, values, word

Lines = dict[tuple[str | int, ...], int]

SUFFIX = ".yaml"
BULK = ".ndjson"  # one entry a line, for records that a program writes
ABOUT = f"dataset{SUFFIX}"
TRANSCRIPT = "transcript.md"


class AboutEntry(BaseModel):
    """`dataset.yaml`: what the whole is called, and its version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$", description="Raised with every change of the data.")
    released: date = Field(description="ISO date of that version.")
    name: NameEntry
    description: NameEntry


@dataclass
class Source:
    """All that was read, and the faults of its form. `unread` has the kinds of files that could not be read, so that
    a link to one is not a second fault; `loose` says that a link leads to no entry."""

    shelves: dict[str, Shelf[Any]]
    transcripts: dict[str, Transcript] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    loose: bool = False
    about: About | None = None
    faults: list[Fault] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many entries there are, faulty ones included."""
        return sum(shelf.total() for shelf in self.shelves.values())


@dataclass
class Read:
    """What was learnt from some entries of a file: where their ids and the values that are sought stand, what they
    link to, and what is wrong with the form of each."""

    kind: str
    indexes: dict[str, Index] = field(default_factory=dict)
    links: dict[str, "array[int]"] = field(default_factory=dict)
    faults: dict[int, list[Fault]] = field(default_factory=dict)
    unread: bool = False


def read(seed: Path, kinds: dict[str, type[Entry]], phase: Phase = silent) -> Source:
    """Reads every file; `kinds` says what the entries of `<name>.yaml` are."""
    source = Source({name: Shelf(kind) for name, kind in kinds.items()})
    if not (seed / ABOUT).is_file():
        source.faults.append(Fault(f"{seed.name}/{ABOUT}", 1, "there is no such file: write version, released, name"))
    found: list[Read] = []
    pieces: list[Callable[[], Read]] = []
    for path in sorted(seed.rglob("*")):
        file = f"{seed.name}/{path.relative_to(seed).as_posix()}"
        if path.name == TRANSCRIPT:
            _transcript(source, file, path)
        elif path == seed / ABOUT:
            _about(source, file, path)
        elif path.suffix == SUFFIX and path.stem in kinds:
            found.append(_entries(source, file, path))
        elif path.suffix == BULK and path.stem in kinds:
            pieces.extend(_bulk(source, file, path))
        elif path.is_file() and not path.name.endswith(".schema.json"):
            nearest = near(path.name, [f"{kind}{SUFFIX}" for kind in kinds])
            hint = f"did you mean {nearest}?" if nearest else f"a seed file is one of {', '.join(kinds)}"
            source.faults.append(Fault(file, 1, f"{path.name} is no seed file: {hint}"))
    with phase("Reading", len(pieces)) as done, spread(pieces, source.count) as parts:
        for part in parts:
            found.append(part)
            done(1)
    _arrange(source, found)
    return source


def _arrange(source: Source, found: list[Read]) -> None:
    """Puts what was learnt from the parts together."""
    for name, shelf in source.shelves.items():
        own = [part for part in found if part.kind == name]
        kind: type[Entry] = shelf.kind
        fields = (ID, *sought(kind))
        shelf.arrange({field: [part.indexes[field] for part in own if field in part.indexes] for field in fields})
        faults = {place: told for part in own for place, told in part.faults.items()}
        taken = dict(_taken(shelf, faults))
        shelf.leave_out([*faults, *taken])
        source.faults.extend(fault for told in (faults | taken).values() for fault in told)
        if any(part.unread for part in own):
            source.unread.add(name)
    source.loose = any(
        type_ not in source.shelves or source.shelves[type_].ids.lacks(words)
        for part in found
        for type_, words in part.links.items()
    )


def _taken(shelf: Shelf[Any], faulty: dict[int, list[Fault]]) -> Iterator[tuple[int, list[Fault]]]:
    """Entries whose id an earlier one has."""
    for place in shelf.ids.repeated():
        file, at = shelf.file(place)
        id_ = _id(shelf, place) or ""
        before = (other for other in shelf.ids.places(id_) if other < place and _id(shelf, other) == id_)
        for first in islice(before, 1):
            earlier, line = shelf.file(first)
            stands = "" if first in faulty else f" at {earlier.name}:{earlier.line(line)}"
            message = f"the id `{id_}` is already taken{stands}: choose another, or merge the two"
            yield place, [Fault(file.name, file.line(at), message)]


def _id(shelf: Shelf[Any], place: int) -> str | None:
    file, at = shelf.file(place)
    return file.id(at)


class Reading:
    """Gathers what is learnt from entries, one after the other."""

    def __init__(self, name: str, kind: type[Entry]) -> None:
        self.read = Read(name)
        self._pairs: dict[str, Pairs] = defaultdict(list)
        self._links: dict[str, set[int]] = defaultdict(set)
        self._sought = sought(kind)

    def named(self, place: int, raw: object) -> None:
        id_ = id_of(raw)
        if id_ is not None:
            self._pairs[ID].append((word(id_), place))

    def entry(self, place: int, entry: Entry) -> None:
        for name in self._sought:
            self._pairs[name].extend((word(value), place) for value in values(entry, name))
        for _, type_, id_ in entry.links():
            self._links[type_].add(word(id_))

    def done(self) -> Read:
        for name, pairs in self._pairs.items():
            pairs.sort()
            self.read.indexes[name] = Index((each[0] for each in pairs), (each[1] for each in pairs))
        self.read.links = {type_: array("Q", words) for type_, words in self._links.items()}
        return self.read


def _text(source: Source, file: str, path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        source.faults.append(Fault(file, line, "this is not UTF-8: save the file as UTF-8"))
        return ""


def _transcript(source: Source, file: str, path: Path) -> None:
    text = _text(source, file, path)
    source.transcripts[path.parent.name] = Transcript(file, text.encode())
    source.digests[path.parent.name] = sha256(path.read_bytes()).hexdigest()


def _about(source: Source, file: str, path: Path) -> None:
    value, lines = _parse(source, file, path)
    if value is None:
        return
    try:
        about = AboutEntry.model_validate(value)
    except ValidationError as error:
        source.faults.extend(_faults(error, Place(file, None, lines), AboutEntry))
    else:
        source.about = About(
            about.version,
            about.released,
            about.name.published().model_dump(),
            about.description.published().model_dump(),
        )


def _entries(source: Source, file: str, path: Path) -> Read:
    shelf = source.shelves[path.stem]
    reading = Reading(path.stem, shelf.kind)
    value, lines = _parse(source, file, path)
    if not isinstance(value, list):
        if value is not None:
            source.faults.append(Fault(file, 1, "this is not a list: begin each entry with `- id:`"))
        reading.read.unread = True
        return reading.read
    document = path.parent.name if (path.parent / TRANSCRIPT).exists() else None
    of_entry: list[Lines] = [{} for _ in value]
    for at, line in lines.items():
        if at:
            of_entry[int(at[0])][at[1:]] = line
    held = Held(file, document, shelf.kind, value, of_entry)
    first = shelf.add(held)
    for place, raw in enumerate(value):
        _entry(reading, held, place, raw, first)
    return reading.done()


def _bulk(source: Source, file: str, path: Path) -> Iterator[Callable[[], Read]]:
    """The work of reading a file of one entry a line, in pieces."""
    shelf = source.shelves[path.stem]
    document = path.parent.name if (path.parent / TRANSCRIPT).exists() else None
    bulk = Bulk(file, document, shelf.kind, path)
    first = shelf.add(bulk)
    for start in range(0, len(bulk), PIECE):
        yield partial(_lines, path.stem, bulk, range(start, min(start + PIECE, len(bulk))), first)


def _lines(name: str, bulk: Bulk[Any], part: range, first: int) -> Read:
    reading = Reading(name, bulk.kind)
    for at in part:
        try:
            raw = _once(bulk.text(at))
        except ValueError as error:
            fault = Fault(bulk.name, at + 1, f"{error}: write one JSON object a line, in UTF-8")
            reading.read.faults[first + at] = [fault]
            reading.read.unread = True
        else:
            _entry(reading, bulk, at, raw, first)
    return reading.done()


def _once(text: bytes) -> Any:
    """The value of a JSON text in which no key is given twice: then it is written with as many quotation marks."""
    try:
        raw = orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text, object_pairs_hook=_distinct)
    if orjson.dumps(raw).count(b'"') == text.count(b'"') and b"\\u0022" not in text:
        return raw
    return json.loads(text, object_pairs_hook=_distinct)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _entry(reading: Reading, file: File[Any], at: int, raw: Any, first: int) -> None:
    reading.named(first + at, raw)
    try:
        reading.entry(first + at, file.made(at, raw))
    except ValidationError as error:
        reading.read.faults[first + at] = list(_faults(error, file.place(at), file.kind))


def _faults(error: ValidationError, place: Place, model: type[BaseModel]) -> Iterator[Fault]:
    for detail in error.errors(include_url=False):
        yield Fault(place.file, place.line(*detail["loc"]), _told(detail, model))


def _told(detail: ErrorDetails, model: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    match detail["type"]:
        case "missing":
            return f"`{where}` is missing: add it"
        case "extra_forbidden":
            nearest = near(str(detail["loc"][-1]), model.model_fields)
            hint = f"did you mean `{nearest}`?" if nearest else "remove it"
            return f"`{where}` is no field here: {hint}"
        case _:
            shown = detail["input"] if isinstance(detail["input"], str) else ""
            got = f" (it is `{shown[:80]}`)" if shown else ""
            return f"`{where}`: {detail['msg'].removeprefix('Value error, ')}{got}"


def _parse(source: Source, file: str, path: Path) -> tuple[Any, Lines]:
    """The file's value, every scalar a string or None, and the line of each path in it; None when it has none."""
    text = _text(source, file, path)
    if not text.strip():
        if path.stat().st_size == 0 or not source.faults or source.faults[-1].file != file:
            source.faults.append(Fault(file, 1, "the file is empty: write its entries, or remove it"))
        return None, {}
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        tab = "\t" in text.split("\n")[line - 1]
        hint = "indent with blanks, not tabs" if tab else "correct the YAML here or just above"
        source.faults.append(Fault(file, line, f"{error.problem}: {hint}"))
        return None, {}
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        source.faults.append(Fault(file, line, "a character that no text should hold: remove it"))
        return None, {}
    if root is None:
        source.faults.append(Fault(file, 1, "the file holds comments only: write its entries, or remove it"))
        return None, {}
    lines: Lines = {}
    return _value(root, (), lines, lambda line, told: source.faults.append(Fault(file, line, told))), lines


def _value(node: yaml.Node, at: tuple[str | int, ...], lines: Lines, fault: Any) -> Any:
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return dict(_pairs(node, at, lines, fault))
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*at, place), lines, fault) for place, item in enumerate(node.value)]
    return None if node.tag == "tag:yaml.org,2002:null" else node.value


def _pairs(node: yaml.MappingNode, at: tuple[str | int, ...], lines: Lines, fault: Any) -> Iterator[tuple[str, Any]]:
    seen = set()
    for key, value in node.value:
        line = key.start_mark.line + 1
        name = str(key.value)
        if name in seen:
            fault(line, f"the key `{name}` is given twice: keep one")
        seen.add(name)
        lines[*at, name] = line
        yield name, _value(value, (*at, name), lines, fault)
