"""Reads the files of seed/: YAML, with the line of every key, and NDJSON, one entry a line. Checks the form only."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import file_digest, sha256
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from app.schemas import ID
from app.seeding.entries import KINDS, NAMES
from app.seeding.entries.base import E, FieldPath, Indexed, Location, marked_fields
from app.seeding.entries.dataset import AboutEntry, Withdrawals, WithdrawnEntry
from app.seeding.errors import InvalidSeed, SeedError, Unreadable, did_you_mean
from app.seeding.pool import mapped
from app.seeding.progress import progress
from app.seeding.releases import ENDING, FOLDER, MAX_LINE, Release, read_releases
from app.seeding.staging import Batch, StagingWriter
from app.seeding.transcript import Table, Transcript
from app.seeding.yaml_with_lines import Lines, decoded, not_in_text, parse_yaml
from app.similarity import closest
from app.text import NOT_IN_TEXT

YAML = ".yaml"
NDJSON = ".ndjson"
DATASET_FILE = f"dataset{YAML}"
WITHDRAWN_FILE = f"withdrawn{YAML}"
TRANSCRIPTS: Mapping[str, type[Transcript]] = {"transcript.md": Transcript, "transcript.csv": Table}
CHUNK = 400_000  # bytes of NDJSON that are read at once
MAX_FILE = 256 << 20  # bytes of a file that is read as a whole

M = TypeVar("M", bound=BaseModel)


@dataclass
class Source:
    """What was read beside the entries, which are staged, and the errors of form. `unread` are the kinds of files that
    could not be read: a link to an entry of such a kind may be right."""

    about: AboutEntry | None = None
    transcripts: dict[str, Transcript] = field(default_factory=dict)
    releases: list[Release] = field(default_factory=list)
    withdrawn: list[tuple[WithdrawnEntry, str, int]] = field(default_factory=list)  # each with its file and line
    unread: set[str] = field(default_factory=set)
    errors: list[SeedError] = field(default_factory=list)

    def report(self, file: str, line: int, message: str) -> None:
        self.errors.append(SeedError(file, line, message))


@dataclass(frozen=True)
class Chunk:
    """A part of a file of entries: all of a YAML file, or some lines of NDJSON."""

    path: Path
    file: str
    document: str | None
    start: int = 0
    size: int = 0
    first_line: int = 1


def read(seed: Path, staging: StagingWriter, temporary: Path) -> Source:
    """Reads every file and stages the entries, those of wrong form included. Releases are copied to the temporary
    folder."""
    source = Source()
    if not (seed / DATASET_FILE).is_file():
        source.report(f"{seed.name}/{DATASET_FILE}", 1, "there is no such file: write version, released, name")
    chunks: list[Chunk] = []
    files = list(_files(seed, source.errors))
    releases = [each for each in files if each[0].parent == seed / FOLDER and each[0].name.endswith(ENDING)]
    documents = {path.parent for path, _ in files if path.name in TRANSCRIPTS}
    for path, file in files:
        if path.name in TRANSCRIPTS:
            _read_transcript(path, file, source)
        elif path in (seed / DATASET_FILE, seed / WITHDRAWN_FILE):
            try:
                _read_shared(path, file, source)
            except InvalidSeed as invalid:
                source.errors.extend(invalid.errors)
        elif path.suffix in (YAML, NDJSON) and path.stem in KINDS:
            document = path.parent.name if path.parent in documents else None
            chunks.extend(_chunks(Chunk(path, file, document)))
        elif (path, file) not in releases and not path.name.endswith(".schema.json"):
            nearest = closest(path.name, [f"{kind}{YAML}" for kind in KINDS])
            meant = f"did you mean {nearest}?" if nearest else f"a seed file is one of {', '.join(KINDS)}"
            source.report(file, 1, f"{path.name} is no seed file: {meant}")
    source.releases, errors = read_releases(releases, temporary)
    source.errors.extend(errors)
    size = sum(chunk.size for chunk in chunks)
    with progress("Reading", len(chunks)) as done, mapped(read_chunk, chunks, size // 500) as batches:
        for batch in batches:
            staging.add(batch)
            source.errors.extend(batch.file_errors)
            if batch.unread:
                source.unread.add(batch.kind)
            done(1)
    return source


def _files(seed: Path, errors: list[SeedError]) -> Iterator[tuple[Path, str]]:
    """The files of a seed, each with its name in errors. What is no file, or too large to be read, is an error."""
    for path in sorted(seed.rglob("*")):
        relative = path.relative_to(seed)
        if any(part.startswith(".") for part in relative.parts):
            continue  # a file of an editor or the system, or of an import that was cut off
        file = f"{seed.name}/{relative.as_posix()}"
        try:
            wrong = _refusal(path, seed)
        except (OSError, RuntimeError) as error:  # a link that leads to itself is a RuntimeError before Python 3.13
            wrong = f"this cannot be read ({error}): restore or remove it"
        if wrong:
            errors.append(SeedError(file, 1, wrong))
        elif not path.is_dir():
            yield path, file


def _refusal(path: Path, seed: Path) -> str | None:
    """Why a path cannot be read, or None. Raises OSError or RuntimeError if it is a link that leads nowhere."""
    size = path.stat().st_size
    if path.is_symlink() and not path.resolve(strict=True).is_relative_to(seed.resolve()):
        return "this is a link that leads out of the seed folder: put the file in its place"
    if path.is_dir():
        named_as_file = path.name in TRANSCRIPTS or path.suffix in (YAML, NDJSON) or path.name.endswith(ENDING)
        wrong = "this is a folder: rename it, or put the file in its place" if named_as_file else None
        # The files in a folder that is a link would be left out.
        return "this is a link to a folder: put the folder in its place" if path.is_symlink() else wrong
    if not path.is_file():
        return "this is no regular file: put one in its place, or remove it"
    return _refusal_of_file(path, size)


def _refusal_of_file(path: Path, size: int) -> str | None:
    if not os.access(path, os.R_OK):
        return "this may not be read: let this user read it"
    if path.suffix not in (NDJSON, ".gz") and size > MAX_FILE:  # a release is read line by line, too
        return f"this has more than {MAX_FILE:,} bytes: split it, or write the entries as NDJSON"
    if path.name in TRANSCRIPTS and not (re.fullmatch(ID, path.parent.name) and len(path.parent.name) <= 200):
        return f"its folder `{path.parent.name}` is no id of a document: name it by a-z, 0-9, dots and hyphens"
    return None


def seed_digest(seed: Path) -> str:
    """A digest of the files of a seed, which tells whether a database was built from them."""
    digest = sha256()
    for path, _ in _files(seed, []):
        with path.open("rb") as content:
            name = os.fsencode(path.relative_to(seed))
            digest.update(b"%b\0%b" % (name, file_digest(content, "sha256").digest()))
    return digest.hexdigest()


def _read_shared(path: Path, file: str, source: Source) -> None:
    """Reads `dataset.yaml` or `withdrawn.yaml`."""
    if path.name == DATASET_FILE:
        source.about, _ = read_model(path, file, AboutEntry)
    else:
        model, lines = read_model(path, file, Withdrawals)
        source.withdrawn.extend((each, file, lines[number,]) for number, each in enumerate(model.root))


def _read_transcript(path: Path, file: str, source: Source) -> None:
    report, data = partial(source.report, file), path.read_bytes()
    if path.parent.name in source.transcripts:
        report(1, f"there is {source.transcripts[path.parent.name].file} too: keep one")
    text = decoded(data, report) or ""
    if found := NOT_IN_TEXT.search(text):
        report(text.count("\n", 0, found.start()) + 1, not_in_text(found[0]))
    transcript = TRANSCRIPTS[path.name](file, text.encode(), sha256(data).hexdigest())
    source.transcripts[path.parent.name] = transcript
    if isinstance(transcript, Table):
        try:
            transcript.find_rows()
        except Unreadable as error:
            report(error.line, f"the row that begins here is no CSV ({error}): restore the file")


def _chunks(whole: Chunk) -> Iterator[Chunk]:
    if whole.path.suffix == YAML:
        yield whole
        return
    start = size = lines = 0
    first_line = 1
    with whole.path.open("rb") as file:
        while line := file.readline(MAX_LINE):  # a longer one is refused when it is read
            size += len(line)
            lines += line.endswith(b"\n")
            if size >= CHUNK:
                yield replace(whole, start=start, size=size, first_line=first_line)
                start, first_line, size, lines = start + size, first_line + lines, 0, 0
    if size:
        yield replace(whole, start=start, size=size, first_line=first_line)


def read_chunk(chunk: Chunk) -> Batch:
    """The entries of a part of a file."""
    batch = Batch(chunk.path.stem, chunk.file, chunk.document)
    (_read_yaml if chunk.path.suffix == YAML else _read_ndjson)(chunk, batch)
    return batch


def _read_yaml(chunk: Chunk, batch: Batch) -> None:
    def report(line: int, message: str) -> None:
        batch.file_errors.append(SeedError(chunk.file, line, message))

    value, lines = parse_yaml(chunk.path.read_bytes(), report)
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
        _add(batch, raw, Location(chunk.file, chunk.document, each))


def _read_ndjson(chunk: Chunk, batch: Batch) -> None:
    with chunk.path.open("rb") as file:
        file.seek(chunk.start)
        data = file.read(chunk.size)
    for line, text in enumerate(BytesIO(data), chunk.first_line):
        location = Location(chunk.file, chunk.document, {(): line})
        try:
            raw = _parse_json(text)
        except (ValueError, TypeError, RecursionError) as error:
            message = f"{error}: write one JSON object a line, in UTF-8, without control characters"
            batch.add(None, location, None, [SeedError(chunk.file, line, message)])
            batch.unread = True
        else:
            _add(batch, raw, location)


def _parse_json(text: bytes) -> Any:
    """The value of a JSON text. Raises ValueError if it is none, if a key is given twice or a text holds what no text
    does; TypeError if it is no text of Unicode, and RecursionError if it is nested too deep."""
    if len(text) >= MAX_LINE:
        raise ValueError(f"the line has {MAX_LINE:,} bytes or more")
    raw = json.loads(text, object_pairs_hook=_distinct_keys)
    plain = orjson.dumps(raw).decode()  # which takes less: no surrogates, no nesting without end
    if "\\" in plain or not plain.isprintable():  # else no text holds a control character, and most hold none
        _check_texts(raw)
    return raw


def _check_texts(value: Any) -> None:
    """Raises ValueError if a text in a JSON value, or a key, holds what no text does."""
    if isinstance(value, str) and NOT_IN_TEXT.search(value):
        raise ValueError("a text holds a control character")
    inner = value if isinstance(value, list) else (*value, *value.values()) if isinstance(value, dict) else ()
    for each in inner:
        _check_texts(each)


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _add(batch: Batch, raw: Any, location: Location) -> None:
    """Adds an entry to a batch, with the errors of its form, or with its links and indexed values."""
    id_ = raw.get("id") if isinstance(raw, dict) else None
    model = KINDS[batch.kind]
    try:
        entry = model.model_validate(raw)
    except ValidationError as error:
        batch.add(id_ if isinstance(id_, str) else None, location, None, _form_errors(error, location, model))
    else:
        batch.add(entry.id, location, orjson.dumps(raw))
        batch.targets.update((kind, target) for _, kind, target in entry.links())
        for name in marked_fields(model, Indexed):
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
            return (
                f"`{where}` is no field here: {did_you_mean(str(detail['loc'][-1]), model.model_fields, 'remove it')}"
            )
        case _:
            shown = detail["input"] if isinstance(detail["input"], str) else ""
            got = f" (it is `{shown[:80]}`)" if shown else ""
            named = f"`{where}`: " if where else ""
            return f"{named}{detail['msg'].removeprefix('Value error, ')}{got}"


def read_model(path: Path, file: str, model: type[M]) -> tuple[M, Mapping[FieldPath, int]]:
    """The object that a YAML file holds, and the line of each path. Raises InvalidSeed if it is not of the model's
    form."""
    errors: list[SeedError] = []
    value, lines = parse_yaml(path.read_bytes(), lambda line, message: errors.append(SeedError(file, line, message)))
    if errors:
        raise InvalidSeed(errors)
    try:
        return model.model_validate(value), lines
    except ValidationError as error:
        raise InvalidSeed(_form_errors(error, Location(file, None, lines), model)) from error


def read_kind(seed: Path, kind: type[E]) -> list[E]:
    """The entries of one kind, of all files of a seed. Raises InvalidSeed if the form of one is wrong."""
    found: list[E] = []
    errors: list[SeedError] = []
    files = [each for each in _files(seed, errors) if each[0].suffix in (YAML, NDJSON)]
    for path, file in (each for each in files if each[0].stem == NAMES[kind]):
        for chunk in _chunks(Chunk(path, file, None)):
            batch = read_chunk(chunk)
            errors.extend([*batch.file_errors, *(error for each in batch.form_errors.values() for error in each)])
            found.extend(kind.model_validate_json(json) for _, _, _, json in batch.rows if json)
    if errors:
        raise InvalidSeed(errors)
    return found
