"""Reads the files of seed/: YAML, with the line of every key, and NDJSON, one entry a line. Checks the form only."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from app.errors import closest
from app.seeding.entries import KINDS, NAMES, FieldPath, Location, NameEntry, indexed_fields
from app.seeding.entries.base import E
from app.seeding.errors import InvalidSeed, SeedError
from app.seeding.pool import mapped
from app.seeding.progress import Phase
from app.seeding.staging import Batch, StagingWriter
from app.seeding.transcript import MalformedTable, Table, Transcript

YAML = ".yaml"
NDJSON = ".ndjson"
DATASET = f"dataset{YAML}"
TRANSCRIPTS: Mapping[str, type[Transcript]] = {"transcript.md": Transcript, "transcript.csv": Table}
CHUNK = 400_000  # bytes of NDJSON that are read at once

M = TypeVar("M", bound=BaseModel)

Lines = dict[FieldPath, int]
Report = Callable[[int, str], None]  # takes the line and the message of an error


class QuestionEntry(BaseModel):
    """A question of the guide. It is shown where the data answers its request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: NameEntry
    request: str = Field(pattern=r"^/v1/[!-~]+$", description="Path and query of the API's answer.")


class AboutEntry(BaseModel):
    """`dataset.yaml`: what the whole is called, and its version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$", description="Raised with every change of the data.")
    released: date = Field(description="ISO date of that version.")
    name: NameEntry
    description: NameEntry
    questions: tuple[QuestionEntry, ...] = ()


@dataclass
class Source:
    """What was read beside the entries, which are staged, and the errors of form. `unread` are the kinds of files that
    could not be read: a link to an entry of such a kind may be right."""

    about: AboutEntry | None = None
    transcripts: dict[str, Transcript] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    errors: list[SeedError] = field(default_factory=list)


@dataclass(frozen=True)
class Chunk:
    """A part of a file of entries: all of a YAML file, or some lines of NDJSON."""

    path: Path
    kind: str
    file: str
    document: str | None
    start: int = 0
    size: int = 0
    first_line: int = 1


def read(seed: Path, staging: StagingWriter, phase: Phase) -> Source:
    """Reads every file and stages the entries, those of wrong form included."""
    source = Source()
    if not (seed / DATASET).is_file():
        source.errors.append(
            SeedError(f"{seed.name}/{DATASET}", 1, "there is no such file: write version, released, name")
        )
    chunks: list[Chunk] = []
    for path in _visible(seed, "*"):
        file = f"{seed.name}/{path.relative_to(seed).as_posix()}"
        report = partial(_report, source, file)
        if path.name in TRANSCRIPTS:
            _read_transcript(path, file, source)
        elif path == seed / DATASET:
            _read_about(path, file, source)
        elif path.suffix in (YAML, NDJSON) and path.stem in KINDS:
            document = path.parent.name if any((path.parent / name).exists() for name in TRANSCRIPTS) else None
            chunks.extend(_chunks(path, Chunk(path, path.stem, file, document)))
        elif path.is_file() and not path.name.endswith(".schema.json"):
            nearest = closest(path.name, [f"{kind}{YAML}" for kind in KINDS])
            hint = f"did you mean {nearest}?" if nearest else f"a seed file is one of {', '.join(KINDS)}"
            report(1, f"{path.name} is no seed file: {hint}")
    size = sum(chunk.size for chunk in chunks)
    with phase("Reading", len(chunks)) as done, mapped(read_chunk, chunks, size // 500) as batches:
        for batch in batches:
            staging.add(batch)
            source.errors.extend(batch.file_errors)
            if batch.unread:
                source.unread.add(batch.kind)
            done(1)
    return source


def _visible(seed: Path, pattern: str) -> list[Path]:
    """The files of a seed, sorted, but for those of editors, of the system, and of an import that was cut off."""
    found = sorted(seed.rglob(pattern))
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(seed).parts)]


def _read_about(path: Path, file: str, source: Source) -> None:
    try:
        source.about = read_model(path, file, AboutEntry)
    except InvalidSeed as invalid:
        source.errors.extend(invalid.errors)


def _read_transcript(path: Path, file: str, source: Source) -> None:
    report, data = partial(_report, source, file), path.read_bytes()
    if path.parent.name in source.transcripts:
        report(1, f"there is {source.transcripts[path.parent.name].file} too: keep one")
    text = _decoded(data, report) or ""
    transcript = TRANSCRIPTS[path.name](file, text.encode(), sha256(data).hexdigest())
    source.transcripts[path.parent.name] = transcript
    if isinstance(transcript, Table):
        try:
            transcript.find_rows()
        except MalformedTable as error:
            report(error.line, f"the row that begins here is no CSV ({error}): restore the file")


def _report(source: Source, file: str, line: int, message: str) -> None:
    source.errors.append(SeedError(file, line, message))


def _chunks(path: Path, whole: Chunk) -> Iterator[Chunk]:
    if path.suffix == YAML:
        yield whole
        return
    start = size = lines = 0
    first_line = 1
    with path.open("rb") as file:
        for line in file:
            size += len(line)
            lines += 1
            if size >= CHUNK:
                yield Chunk(path, whole.kind, whole.file, whole.document, start, size, first_line)
                start, first_line, size, lines = start + size, first_line + lines, 0, 0
    if size:
        yield Chunk(path, whole.kind, whole.file, whole.document, start, size, first_line)


def read_chunk(chunk: Chunk) -> Batch:
    """The entries of a part of a file."""
    batch = Batch(chunk.kind, chunk.file, chunk.document)
    (_read_yaml if chunk.path.suffix == YAML else _read_ndjson)(chunk, batch)
    return batch


def _read_yaml(chunk: Chunk, batch: Batch) -> None:
    def report(line: int, message: str) -> None:
        batch.file_errors.append(SeedError(chunk.file, line, message))

    value, lines = _parse_yaml(chunk.path.read_bytes(), report)
    if not isinstance(value, list):
        if value is not None:
            report(1, "this is not a list: begin each entry with `- id:`")
        batch.unread = True
        return
    by_entry: list[Lines] = [{} for _ in value]
    for path, line in lines.items():
        if path:
            by_entry[int(path[0])][path[1:]] = line
    for raw, each in zip(value, by_entry, strict=True):
        _add(batch, raw, Location(chunk.file, chunk.document, each), each)


def _read_ndjson(chunk: Chunk, batch: Batch) -> None:
    with chunk.path.open("rb") as file:
        file.seek(chunk.start)
        data = file.read(chunk.size)
    for line, text in enumerate(BytesIO(data), chunk.first_line):
        location = Location(chunk.file, chunk.document, {(): line})
        try:
            raw = _parse_json(text)
        except ValueError as error:
            message = f"{error}: write one JSON object a line, in UTF-8"
            batch.add(None, location, None, [SeedError(chunk.file, line, message)])
            batch.unread = True
        else:
            _add(batch, raw, location)


def _parse_json(text: bytes) -> Any:
    """The value of a JSON text. Raises ValueError if it is none, or if a key is given twice."""
    try:
        raw = orjson.loads(text)
    except orjson.JSONDecodeError:
        # The standard library takes a little more, such as the mark with which some editors begin a file.
        return json.loads(text, object_pairs_hook=_distinct_keys)
    # A text in which no key is given twice has as many quotation marks as the value that it is read as.
    if orjson.dumps(raw).count(b'"') == text.count(b'"') and b"\\u0022" not in text:
        return raw
    return json.loads(text, object_pairs_hook=_distinct_keys)


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _add(batch: Batch, raw: Any, location: Location, lines: Lines | None = None) -> None:
    """Adds an entry to a batch, with the errors of its form, or with its links and indexed values."""
    id_ = raw.get("id") if isinstance(raw, dict) else None
    model = KINDS[batch.kind]
    try:
        entry = model.model_validate(raw)
    except ValidationError as error:
        batch.add(id_ if isinstance(id_, str) else None, location, None, _form_errors(error, location, model))
    else:
        batch.add(entry.id, location, orjson.dumps(raw), lines=lines)
        batch.targets.update((kind, target) for _, kind, target in entry.links())
        for name in indexed_fields(model):
            value = getattr(entry, name)
            batch.index(name, value if isinstance(value, list) else () if value is None else (value,))


def _form_errors(error: ValidationError, location: Location, model: type[BaseModel]) -> list[SeedError]:
    return [
        SeedError(location.file, location.line(*detail["loc"]), _message(detail, model))
        for detail in error.errors(include_url=False)
    ]


def _message(detail: ErrorDetails, model: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    match detail["type"]:
        case "missing":
            return f"`{where}` is missing: add it"
        case "extra_forbidden":
            nearest = closest(str(detail["loc"][-1]), model.model_fields)
            hint = f"did you mean `{nearest}`?" if nearest else "remove it"
            return f"`{where}` is no field here: {hint}"
        case _:
            shown = detail["input"] if isinstance(detail["input"], str) else ""
            got = f" (it is `{shown[:80]}`)" if shown else ""
            named = f"`{where}`: " if where else ""
            return f"{named}{detail['msg'].removeprefix('Value error, ')}{got}"


def read_model(path: Path, file: str, model: type[M]) -> M:
    """The object that a YAML file holds. Raises InvalidSeed if it is not of the model's form."""
    errors: list[SeedError] = []
    value, lines = _parse_yaml(path.read_bytes(), lambda line, message: errors.append(SeedError(file, line, message)))
    if errors:
        raise InvalidSeed(errors)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InvalidSeed(_form_errors(error, Location(file, None, lines), model)) from error


def read_kind(seed: Path, kind: type[E]) -> list[E]:
    """The entries of one kind, of all files of a seed. Raises InvalidSeed if the form of one is wrong."""
    found: list[E] = []
    errors: list[SeedError] = []
    for path in (path for suffix in (YAML, NDJSON) for path in _visible(seed, f"{NAMES[kind]}{suffix}")):
        file = f"{seed.name}/{path.relative_to(seed).as_posix()}"
        for chunk in _chunks(path, Chunk(path, path.stem, file, None)):
            batch = read_chunk(chunk)
            errors.extend([*batch.file_errors, *(error for each in batch.form_errors.values() for error in each)])
            found.extend(kind.model_validate_json(json) for _, _, _, json in batch.rows if json)
    if errors:
        raise InvalidSeed(errors)
    return found


def _decoded(data: bytes, report: Report) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        report(data.count(b"\n", 0, error.start) + 1, "this is not UTF-8: save the file as UTF-8")
        return None


def _parse_yaml(data: bytes, report: Report) -> tuple[Any, Mapping[FieldPath, int]]:
    """The value of a YAML file, every scalar a string or None, and the line of each path; None if it has none."""
    text = _decoded(data, report)
    if text is None:
        return None, {}
    if not text.strip():
        report(1, "the file is empty: write its entries, or remove it")
        return None, {}
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        tab = "\t" in text.split("\n")[line - 1]
        hint = "indent with blanks, not tabs" if tab else "correct the YAML here or just above"
        report(line, f"{error.problem}: {hint}")
        return None, {}
    except yaml.reader.ReaderError as error:
        report(text.count("\n", 0, error.position) + 1, "a character that no text should hold: remove it")
        return None, {}
    if root is None:
        report(1, "the file holds comments only: write its entries, or remove it")
        return None, {}
    lines: Lines = {}
    return _node_value(root, (), lines, report), lines


def _node_value(node: yaml.Node, path: FieldPath, lines: Lines, report: Report) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return dict(_node_items(node, path, lines, report))
    if isinstance(node, yaml.SequenceNode):
        return [_node_value(item, (*path, position), lines, report) for position, item in enumerate(node.value)]
    return None if node.tag == "tag:yaml.org,2002:null" else node.value


def _node_items(node: yaml.MappingNode, path: FieldPath, lines: Lines, report: Report) -> Iterator[tuple[str, Any]]:
    seen = set()
    for key, value in node.value:
        line = key.start_mark.line + 1
        name = str(key.value)
        if name in seen:
            report(line, f"the key `{name}` is given twice: keep one")
        seen.add(name)
        lines[*path, name] = line
        yield name, _node_value(value, (*path, name), lines, report)
