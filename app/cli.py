"""The command line: serve, build, check, verify, and the commands that write generated files.

What builds is imported by the commands that build: a service runs where `app.seeding` is not installed.
"""

import asyncio
import logging
import sqlite3
import sys
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import orjson
import uvicorn
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from starlette.types import ASGIApp

from app import log
from app.db.base import VALUE, Unusable
from app.db.opening import open_database
from app.db.tables import SEED_NAME
from app.errors import Problem
from app.query.dataset import About, Download
from app.query.downloads import folder_of, is_file, is_intact, is_there
from app.query.snapshot import Snapshot
from app.resources.schema import schema_version
from app.settings import SEED, Settings
from app.text import one_line

STATUS_METRICS = (  # that `status` shows
    "shisaku_questions_",
    "shisaku_cache_",
    "shisaku_database_age",
    "process_resident_memory",
)
OTHER_FILES = 64  # that a process has open beside its connections: the database, downloads, the log


@click.group()
@click.version_option(package_name="shisaku")
def main() -> None:
    """Shisaku: Japan's public-policy measures and budget lines as a read-only REST API."""


seed_option = click.option(
    "--seed",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=SEED,
    help="The seed folder, instead of seed/.",
)


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        messages = [
            "".join(f"SHISAKU_{str(name).upper()}: " for name in each["loc"][:1])
            + each["msg"].removeprefix("Value error, ")
            for each in error.errors()
        ]
        raise click.ClickException("; ".join(messages)) from error


@main.command("build")
@seed_option
@click.option("--if-needed", is_flag=True, help="Do nothing when the database can be served and is of this seed.")
def build_command(seed: Path, *, if_needed: bool) -> None:
    """Make the database from migrations/ and seed/."""
    from app.seeding.build import check, target_of, write

    settings = _settings()
    if if_needed and _is_built(settings, seed):
        return
    to = target_of(settings)
    with (
        _errors_as_messages(f"{to.name}: ", ". The old database, if there was one, stands."),
        to.building() as building,
    ):
        checked = check(seed, building.folder)
        digest = write(checked, building)
    click.echo(f"{to.name}: {checked.count} records, digest {digest}")


def _is_built(settings: Settings, seed: Path) -> bool:
    """Whether the database can be served, and was built from this seed; says why not."""
    from app.seeding.reading import seed_digest

    try:
        with _snapshot(settings) as snapshot:
            found = snapshot.database.query(lambda session: session.query(VALUE, name=SEED_NAME))
    except click.ClickException as error:
        click.echo(error.message, err=True)
        return False
    same = found == [(seed_digest(seed).encode(),)]
    if not same:
        click.echo(f"The database was built from another seed than {seed} is now.", err=True)
    return same


@contextmanager
def _errors_as_messages(before: str = "", after: str = "") -> Iterator[None]:
    """Ends a command in a sentence if no database can be used, or if the machine fails it, such as by a full disk."""
    try:
        yield
    except (Unusable, Problem) as error:
        raise click.ClickException(one_line(str(error))) from error
    except OSError as error:
        raise click.ClickException(one_line(f"{before}{error.strerror or error}{after}")) from error
    except (sqlite3.Error, DBAPIError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise click.ClickException(one_line(f"{before}{cause}{after}")) from error
    except BrokenProcessPool as error:
        why = "a process of the build was ended from outside, perhaps for want of memory"
        raise click.ClickException(one_line(f"{before}{why}{after}")) from error


@contextmanager
def _snapshot(settings: Settings) -> Iterator[Snapshot]:
    """The build that would be served."""
    with _errors_as_messages():
        snapshot = Snapshot.open(settings, schema_version())
    with closing(snapshot.database):
        yield snapshot


@main.command("check")
@seed_option
def check_command(seed: Path) -> None:
    """Verify seed/ without writing: every error, with its file and line."""
    from app.seeding.build import check

    with _errors_as_messages():
        checked = check(seed)
    click.echo(f"{checked.count} records, no errors")


@main.command()
@seed_option
def release(seed: Path) -> None:
    """Freeze the records of seed/ under their version, in seed/releases/."""
    from app.seeding.build import check
    from app.seeding.releases import ENDING, FOLDER, version_key, write_release
    from app.seeding.versioning import least_version

    with _errors_as_messages(f"{seed}: "):
        checked = check(seed)
        *older, newest = checked.history.versions
        path = seed / FOLDER / f"{newest.version}{ENDING}"
        if not checked.history.unreleased:
            click.echo(f"{path}: this stands already, with the same records")
            return
        if older:
            least, why = least_version(older[-1], newest)
            if version_key(newest.version) < version_key(least):
                message = (
                    f"{newest.version} says too little: {why}. Raise `version` in dataset.yaml to at least {least}."
                )
                raise click.ClickException(message)
        path.parent.mkdir(exist_ok=True)
        write_release(path, newest)
    click.echo(f"{path}: {sum(newest.header.counts.values())} records, digest {newest.header.digest}")


@main.command("import")
@click.argument("mapping", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("table", metavar="CSV", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--to", type=click.Path(path_type=Path), required=True, help="The document's folder: seed/<document-id>.")
@seed_option
@click.option("--replace", is_flag=True, help="Replace the folder if it is there.")
@click.option("--skip-refused", is_flag=True, help="Write the other rows when some are refused.")
def import_command(mapping: Path, table: Path, to: Path, seed: Path, *, replace: bool, skip_refused: bool) -> None:
    """Make the folder of a document from a published CSV file, by a MAPPING of its columns.

    Reports which rows were read, left out as totals, or refused, and the sums of the rows beside the file's own totals.
    """
    from app.seeding.entries.sources import OrganizationEntry
    from app.seeding.errors import InvalidSeed
    from app.seeding.imported_entries import files_of, write_folder
    from app.seeding.importing import IDS, import_table
    from app.seeding.mapping import TableMapping
    from app.seeding.reading import read_kind, read_model

    if not replace and to.exists():
        raise click.ClickException(f"{to} is there: choose another folder, or replace it with --replace")
    try:
        document = IDS.validate_python(to.name)
        read, _ = read_model(mapping, mapping.name, TableMapping)
        organizations = read_kind(seed, OrganizationEntry)
        imported = import_table(read, table.name, table.read_bytes(), document, organizations)
        files = files_of(imported)
    except ValidationError as error:
        raise click.ClickException(f"{to.name} is no id of a document: a-z, 0-9, dots and hyphens") from error
    for sentence in imported.report():
        click.echo(sentence)
    if imported.refused and not skip_refused:
        raise InvalidSeed(imported.refused, ". Correct these rows, or leave them out with --skip-refused")
    for refused in imported.refused:
        click.echo(str(refused), err=True)
    try:
        write_folder(files, to)
    except OSError as error:
        raise click.ClickException(f"{to}: {error.strerror}; nothing was written") from error
    click.echo(f"wrote {to}: verify it with `shisaku check`")


@main.command()
@click.option("--host", default="127.0.0.1", envvar="HOST", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, envvar="PORT", show_default=True, type=click.IntRange(0, 65_535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes.")
def serve(host: str, port: int, workers: int) -> None:
    """Serve the database over HTTP."""
    settings = _settings()
    with _errors_as_messages():
        open_database(settings, schema_version()).close()
        if workers > 1:  # the content too, since each of several processes is started again and again
            Snapshot.open(settings, schema_version()).database.close()
    log.configure(settings)
    _run("app.main:application", settings, host, port, "app.http.protocol:HttpProtocol", factory=True, workers=workers)


def _run(app: ASGIApp | str, settings: Settings, host: str, port: int, protocol: str, **options: Any) -> None:
    """Serves an application until it is stopped."""
    uvicorn.run(
        app,
        host=host,
        port=port,
        http=protocol,
        ws="none",
        limit_concurrency=connection_limit(settings.connections),
        access_log=False,  # ours knows more: the cache, the id
        log_config=None,
        server_header=False,
        date_header=True,
        timeout_keep_alive=75,  # longer than that of usual proxies, so that they close idle connections, not we
        timeout_graceful_shutdown=10,
        timeout_worker_healthcheck=30,  # a worker that a busy machine starts slowly would be ended and started for ever
        **options,
    )


@main.command()
@click.option(
    "--http", "over_http", is_flag=True, help="Serve streamable HTTP at /mcp instead of standard input and output."
)
@click.option(
    "--host", default="127.0.0.1", envvar="HOST", show_default=True, help="Address to listen on, with --http."
)
@click.option("--port", default=8001, show_default=True, type=click.IntRange(0, 65_535), help="Port, with --http.")
def mcp(host: str, port: int, *, over_http: bool) -> None:
    """Serve the database to assistants over the Model Context Protocol."""
    try:
        from app.mcp.server import application, http_application, serve_stdio, server_of
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"`shisaku mcp` needs {error.name}, of an extra: pip install 'shisaku[mcp]'"
        ) from error

    settings = _settings()
    log.configure(settings)
    for each in ("httpx2", "mcp"):  # which tell of each request
        logging.getLogger(each).setLevel(logging.WARNING)
    with _errors_as_messages(), application(settings) as app:
        if over_http:
            served = http_application(server_of(app), settings, host)
            _run(served, settings, host, port, "app.http.protocol:BodyProtocol")
        else:
            asyncio.run(serve_stdio(server_of(app)))


def connection_limit(wanted: int) -> int:
    """How many connections a process can hold with the files that it may open, whose limit is raised for them."""
    with suppress(ImportError):
        import resource  # not on Windows

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < wanted + OTHER_FILES:
            soft = min(wanted + OTHER_FILES, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return min(wanted, max(soft - OTHER_FILES, 1))
    return wanted


@main.command()
def verify() -> None:
    """Compare the database and the files of its downloads with the digests that the build kept of them."""
    settings = _settings()
    with _snapshot(settings) as snapshot:
        about = snapshot.dataset.about
    files = _files(settings, about)
    damaged = [path.name for path, each in files.items() if not is_intact(path, each, {})]
    if damaged:
        raise click.ClickException(
            f"{folder_of(settings.database, about.digest)}: missing, or not what was built: {', '.join(damaged)}. "
            "Run `shisaku build`."
        )
    click.echo(f"the database is what was built, and so are {len(files)} files; digest {about.version.digest}")


def _files(settings: Settings, about: About) -> dict[Path, Download]:
    """The files of downloads that stand beside the database. Over PostgreSQL they stand in it, and a service fetches
    them anew where they are damaged."""
    if settings.database_url is not None:
        return {}
    folder = folder_of(settings.database, about.digest)
    return {folder / each.path.rpartition("/")[2]: each for each in about.downloads if is_file(each)}


@main.command()
@click.option("--host", default="127.0.0.1", envvar="HOST", show_default=True, help="Address of the service.")
@click.option("--port", default=8000, envvar="PORT", show_default=True, type=click.IntRange(1, 65_535))
def status(host: str, port: int) -> None:
    """Tell how the database, its downloads and the service are. Fails unless all are well."""
    settings = _settings()
    well, built = True, None
    try:
        with _snapshot(settings) as snapshot:
            about, version = snapshot.dataset.about, snapshot.dataset.version
    except click.ClickException as error:
        well = False
        click.echo(f"database: {error.message}")
    else:
        built = version.digest
        click.echo(f"database: whole, version {version.version} of {version.released}, digest {version.digest}")
        files = _files(settings, about)
        missing = [path.name for path, each in files.items() if not is_there(path, each)]
        if missing:
            well = False
            click.echo(f"files:    missing, or of another size: {', '.join(missing)}. Run `shisaku build`.")
        elif files:
            size = sum(each.bytes or 0 for each in files.values())
            click.echo(
                f"files:    all {len(files)} of the downloads, {size} B; `shisaku verify` compares their digests"
            )
        else:
            click.echo("files:    of the downloads, in the database")
    ready = readiness(host, port, f"{settings.prefix}/readyz")
    well &= ready["status"] == "ready"
    message = ready.get("detail") or ready["status"]
    click.echo(f"service:  {message}" + (f", digest {ready['digest']}" if "digest" in ready else ""))
    if built and ready.get("digest", built) != built:
        well = False
        click.echo("          it serves another build than this database")
    _tell_metrics(settings)
    if not well:
        sys.exit(1)


def _tell_metrics(settings: Settings) -> None:
    """Prints what the metrics of the service tell, where it has them."""
    if settings.metrics_port:
        samples = _fetch(settings.metrics_host, settings.metrics_port, "/metrics")
        if samples is None:
            click.echo(f"metrics:  nothing answers at port {settings.metrics_port}")
        for line in (samples or "").splitlines():
            if line.startswith(STATUS_METRICS):
                click.echo(f"          {line}")


def readiness(host: str, port: int, path: str) -> dict[str, str]:
    """What `/readyz` says, whether or not the service is ready."""
    answer = _fetch(host, port, path)
    if answer is None:
        return {"status": "nothing answers"}
    try:
        ready = orjson.loads(answer)
        return {"status": str(ready["status"]), **ready}
    except (ValueError, LookupError, TypeError):
        return {"status": "what answers is another program"}


def _fetch(host: str, port: int, path: str) -> str | None:
    """The body of a response, whatever its status; None if there is none."""
    with suppress(OSError, HTTPException), closing(HTTPConnection(host, port, timeout=5)) as connection:
        connection.request("GET", path)
        return connection.getresponse().read().decode("utf-8", "replace")
    return None


check_option = click.option("--check", "only_check", is_flag=True, help="Write nothing; fail when it would change.")


@main.command()
@check_option
def openapi(*, only_check: bool) -> None:
    """Write the OpenAPI document from the code and its answers to the seed's data, in the development environment."""
    from app.api.openapi import COMMITTED
    from app.api.openapi_generator import generate
    from app.main import create_app
    from app.seeding.build import build, check, target_of

    with TemporaryDirectory() as folder:
        settings = Settings(database=Path(folder) / "shisaku.sqlite", database_url=None)
        build(check(SEED), target_of(settings))
        app = create_app(settings)
        document = generate(app)
        app.state.snapshots.close()
    _write({COMMITTED: document}, only_check=only_check)


@main.command()
@check_option
def schemas(*, only_check: bool) -> None:
    """Write the JSON Schemas that editors complete and check seed files with."""
    from app.seeding.schemas import schemas as generated

    _write(dict(generated()), only_check=only_check)


def _write(files: dict[Path, bytes], *, only_check: bool) -> None:
    """Writes what is generated and committed, or says which of it is not what the code gives."""
    for path, text in files.items():
        if path.exists() and path.read_bytes() == text:
            continue
        if only_check:
            raise click.ClickException(f"{path.name} is not what the code gives: run `make openapi`, and read the diff")
        path.write_bytes(text)
        click.echo(f"wrote {path.name}")


if __name__ == "__main__":
    main()
