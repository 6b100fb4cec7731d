"""Reads the files of seed/ into entries, and remembers the line of every key; it judges form, never content."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from app.errors import near
from app.facts.entry import Entry, NameEntry
from app.facts.library import About, Place
from app.seeding.fault import Fault

M = TypeVar("M", bound=BaseModel)
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
    """All that was read, and the faults of its form. `named` has the ids of faulty entries too, and `unread` the kinds
    of files that could not be read, so that a link to one is not a second fault."""

    entries: dict[str, dict[str, Entry]] = field(default_factory=dict)
    named: dict[str, set[str]] = field(default_factory=dict)
    places: dict[int, Place] = field(default_factory=dict)
    transcripts: dict[str, list[str]] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    about: About | None = None
    faults: list[Fault] = field(default_factory=list)


def read(seed: Path, kinds: dict[str, type[Entry]]) -> Source:
    """Reads every file; `kinds` says what the entries of `<name>.yaml` are."""
    source = Source({name: {} for name in kinds}, {name: set() for name in kinds})
    if not (seed / ABOUT).is_file():
        source.faults.append(Fault(f"{seed.name}/{ABOUT}", 1, "there is no such file: write version, released, name"))
    for path in sorted(seed.rglob("*")):
        file = f"{seed.name}/{path.relative_to(seed).as_posix()}"
        if path.name == TRANSCRIPT:
            _transcript(source, file, path)
        elif path == seed / ABOUT:
            _about(source, file, path)
        elif path.suffix == SUFFIX and path.stem in kinds:
            _entries(source, file, path, kinds[path.stem])
        elif path.suffix == BULK and path.stem in kinds:
            _bulk(source, file, path, kinds[path.stem])
        elif path.is_file() and not path.name.endswith(".schema.json"):
            nearest = near(path.name, [f"{kind}{SUFFIX}" for kind in kinds])
            hint = f"did you mean {nearest}?" if nearest else f"a seed file is one of {', '.join(kinds)}"
            source.faults.append(Fault(file, 1, f"{path.name} is no seed file: {hint}"))
    return source


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
    source.transcripts[path.parent.name] = text.removesuffix("\n").split("\n")
    source.digests[path.parent.name] = sha256(path.read_bytes()).hexdigest()


def _about(source: Source, file: str, path: Path) -> None:
    value, lines = _parse(source, file, path)
    if value is None:
        return
    about = _validated(source, file, AboutEntry, value, lines)
    if about:
        source.about = About(
            about.version,
            about.released,
            about.name.published().model_dump(),
            about.description.published().model_dump(),
        )


def _entries(source: Source, file: str, path: Path, kind: type[Entry]) -> None:
    value, lines = _parse(source, file, path)
    if value is None:
        source.unread.add(path.stem)
        return
    if not isinstance(value, list):
        source.unread.add(path.stem)
        source.faults.append(Fault(file, 1, "this is not a list: begin each entry with `- id:`"))
        return
    document = path.parent.name if (path.parent / TRANSCRIPT).exists() else None
    of_entry: list[Lines] = [{} for _ in value]
    for at, line in lines.items():
        if at:
            of_entry[int(at[0])][at[1:]] = line
    for raw, own in zip(value, of_entry, strict=True):
        _entry(source, Place(file, document, own), path.stem, kind, raw)


def _bulk(source: Source, file: str, path: Path, kind: type[Entry]) -> None:
    document = path.parent.name if (path.parent / TRANSCRIPT).exists() else None
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            place = Place(file, document, {(): number})
            try:
                raw = json.loads(line, object_pairs_hook=_once)
            except ValueError as error:
                source.faults.append(Fault(file, number, f"{error}: write one JSON object a line, in UTF-8"))
                source.unread.add(path.stem)
                continue
            _entry(source, place, path.stem, kind, raw)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _entry(source: Source, place: Place, name: str, kind: type[Entry], raw: Any) -> None:
    id_ = raw.get("id") if isinstance(raw, dict) else None
    if id_ in source.named[name]:
        other = next((source.places[id(entry)] for key, entry in source.entries[name].items() if key == id_), None)
        first = f" at {other.file}:{other.line('id')}" if other else ""
        message = f"the id `{id_}` is already taken{first}: choose another, or merge the two"
        source.faults.append(Fault(place.file, place.line("id"), message))
        return
    if isinstance(id_, str):
        source.named[name].add(id_)
    entry = _validated(source, place.file, kind, raw, place.lines)
    if entry:
        source.entries[name][entry.id] = entry
        source.places[id(entry)] = place


def _validated(source: Source, file: str, model: type[M], raw: Any, lines: Any) -> M | None:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        place = Place(file, None, lines)
        source.faults.extend(
            Fault(file, place.line(*detail["loc"]), _told(detail, model)) for detail in error.errors(include_url=False)
        )
        return None


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
