"""Builds a database from seed/: read, check and render; then write, index, make the downloads, publish."""

import shutil
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import orjson

from app.db.tables import (
    SCHEMA_NAME,
    SEED_NAME,
    SERVING_CSV,
    SERVING_INDEX,
    SERVING_RECORD,
    SERVING_RELEASE,
    SERVING_VALUE,
)
from app.query.dataset import DATASET, About, Download, Question
from app.query.downloads import DATABASE
from app.query.records import WITHDRAWN
from app.query.resource import Resource
from app.query.responses import DatasetVersion
from app.resources import RESOURCES
from app.resources.packages import STATED_TOTAL_NOTES
from app.resources.schema import schema_version
from app.schemas import Name
from app.seeding.crosswalk import linked_programmes
from app.seeding.declarations import DeclarationError, declaration_errors
from app.seeding.downloads import Downloads, in_order
from app.seeding.entries.budgets import PackageEntry
from app.seeding.entries.dataset import AboutEntry
from app.seeding.entries.sources import DocumentEntry
from app.seeding.history import History, history_of, write_history
from app.seeding.pool import mapped
from app.seeding.progress import progress
from app.seeding.reading import read, seed_digest
from app.seeding.records import amount_notes, name_of, stated_total_notes
from app.seeding.relational import write_relational
from app.seeding.rendered_records import RenderedRecords
from app.seeding.rendering import check_and_render
from app.seeding.search_index import TABLES, read_index, sort_orders, write_search_index
from app.seeding.sqlite import SqliteTarget, read_table
from app.seeding.staging import Seed, StagingWriter
from app.seeding.target import Building, Target
from app.settings import Settings
from app.sums.groups import rendered_groups
from app.sums.line_sums import AMOUNT_NOTES

MAX_ATTRIBUTIONS = 10  # documents that are cited one by one
BATCH = 1_000  # records


@dataclass(frozen=True)
class Checked:
    """A seed without errors, and its records: their files are closed and removed with this object."""

    about: AboutEntry
    seed: Seed
    rendered: RenderedRecords
    history: History
    digest: str  # of the files of the seed

    @property
    def count(self) -> int:
        """How many records there are."""
        return sum(self.rendered.counts.values())


def check(seed: Path, folder: Path | None = None) -> Checked:
    """Reads a seed, checks it and renders its records. Temporary files are made in `folder`. Raises InvalidSeed with
    every error, and DeclarationError if the resources are not declared completely."""
    if wrong := list(declaration_errors()):
        raise DeclarationError(wrong)
    digest = seed_digest(seed)
    temporary = Path(mkdtemp(prefix=".shisaku.", suffix=".records", dir=folder))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, temporary, ignore_errors=True)
        with closing(StagingWriter(temporary / "staging.sqlite")) as staging:
            source = read(seed, staging, temporary)
            source.errors.extend(staging.finish())
        entries = stack.enter_context(closing(Seed(temporary / "staging.sqlite", source.transcripts)))
        with closing(RenderedRecords(temporary / "records.sqlite", entries.counts)) as rendered:
            check_and_render(entries, source, rendered)
            history = history_of(seed, source, rendered)
            write_history(history, {document.id for document in entries.each(DocumentEntry)}, rendered)
        assert source.about  # noqa: S101 - narrows the type; a seed without it has an error
        checked = Checked(source.about, entries, rendered, history, digest)
        weakref.finalize(checked, stack.pop_all().close)
        return checked


def build(checked: Checked, to: Target | Path) -> str:
    """Makes a database and its downloads, and publishes them in one step. Returns the digest of the dataset."""
    target = SqliteTarget(to) if isinstance(to, Path) else to
    with target.building() as building:
        return write(checked, building)


def write(checked: Checked, building: Building) -> str:
    """The same, in a database that is being made."""
    rendered = checked.rendered
    about = _about(checked)
    with TemporaryDirectory(prefix=".shisaku.", suffix=".building", dir=building.folder) as temporary:
        folder, index_file = Path(temporary) / "downloads", Path(temporary) / "index.sqlite"
        folder.mkdir()
        downloads = Downloads(rendered, about, folder)
        tasks: list[Callable[[], Any]] = [
            partial(_make_database, downloads, checked),
            partial(_make_index, index_file, rendered),
            downloads.package,
            *(
                partial(make, resource)
                for make in (downloads.workbook, downloads.ndjson, downloads.parquet)
                for resource in RESOURCES
            ),
        ]
        with mapped(lambda number: tasks[number](), range(len(tasks)), checked.count) as results:
            with progress("Writing", checked.count) as done:
                made: list[Download] = [next(results)]
                building.load_public(folder / DATABASE)
                for resource in RESOURCES:
                    _write_records(building, resource, rendered, done)
                building.insert(SERVING_RELEASE, checked.history.older())
                building.insert(SERVING_INDEX, sort_orders(folder / DATABASE))
                groups = next(results)
                for table in TABLES:
                    building.insert(table, read_table(index_file, table))
            with progress("Downloads", len(tasks) - 2) as done:
                for result in results:
                    made.extend(result if isinstance(result, list) else [result])
                    done(1)
        about = about.model_copy(update={"downloads": in_order(made)})
        building.insert(SERVING_VALUE, _values(checked, about))
        building.insert(SERVING_VALUE, groups)
        building.insert(SERVING_VALUE, linked_programmes(folder / DATABASE))
        building.publish(about.digest, folder)
    return about.version.digest


def target_of(settings: Settings) -> Target:
    """Where the settings say that the data is kept."""
    if settings.database_url is None:
        return SqliteTarget(settings.database)
    # Imports the driver of PostgreSQL, which a file does not need.
    from app.seeding.postgres import PostgresTarget

    return PostgresTarget(settings)


def _make_database(downloads: Downloads, checked: Checked) -> Download:
    """Makes `dataset.sqlite`."""
    write_relational(downloads.folder / DATABASE, checked.rendered, _facts(downloads.about), checked.seed.transcripts)
    return downloads.file(DATABASE)


def _make_index(file: Path, rendered: RenderedRecords) -> list[tuple[str, bytes]]:
    """Makes the file of the index. Returns the values of groups, which are summed with it."""
    write_search_index(file, rendered)
    return list(rendered_groups(*read_index(file)))


def _write_records(
    building: Building, resource: Resource, rendered: RenderedRecords, done: Callable[[int], None]
) -> None:
    key = rendered.first_key(resource)
    rows = rendered.rows(resource, "id, json, csv")
    while batch := list(islice(rows, BATCH)):
        numbered = [(number, *row) for number, row in enumerate(batch, key)]
        building.insert(SERVING_RECORD, ((number, resource.name, id_, json) for number, id_, json, _ in numbered))
        building.insert(SERVING_CSV, ((number, line) for number, _, _, line in numbered))
        key += len(batch)
        done(len(batch))


def _about(checked: Checked) -> About:
    """What the dataset is, without its downloads."""
    about = checked.about
    documents = list(checked.seed.each(DocumentEntry))
    attributions = [document.attribution for document in documents]
    if len(attributions) > MAX_ATTRIBUTIONS:
        attributions = ["各文書の出典は /v1/documents の attribution にある。"]
    digest = checked.history.versions[-1].header.digest
    return About(
        version=DatasetVersion(version=about.version, released=about.released.isoformat(), digest=digest),
        name=Name(**name_of(about.name)),
        description=Name(**name_of(about.description)),
        attribution="\n".join(attributions),
        questions=[Question(question=Name(**name_of(each.question)), request=each.request) for each in about.questions],
        synonyms=about.synonyms,
        issuers={document.id: document.issuer for document in documents},
        downloads=[],
    )


def _facts(about: About) -> Mapping[str, str]:
    """The rows of the table `dataset`."""
    texts = {"name": about.name, "description": about.description}
    named = {f"{name}_{language}": getattr(text, language) for name, text in texts.items() for language in ("ja", "en")}
    return {**about.version.model_dump(), **named, "attribution": about.attribution}


def _values(checked: Checked, about: About) -> Iterator[tuple[str, bytes]]:
    """The serving values of the dataset as a whole, but for the vocabularies."""
    yield SCHEMA_NAME, schema_version().encode()
    yield SEED_NAME, checked.digest.encode()
    yield DATASET, about.model_dump_json().encode()
    yield AMOUNT_NOTES, orjson.dumps(amount_notes(checked.seed))
    for package in checked.seed.each(PackageEntry):
        yield STATED_TOTAL_NOTES + package.id, orjson.dumps(stated_total_notes(package, checked.seed))
    for (type_, id_), each in checked.history.withdrawn.items():
        replacing = {"replaced_by": each.replaced_by, "reason": each.reason.model_dump()}
        yield f"{WITHDRAWN}{type_}/{id_}", orjson.dumps(replacing)
