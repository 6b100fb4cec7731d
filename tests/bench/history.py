"""What releases cost: a list beside one of data without any, in one process, and a build."""

import gc
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import anyio
from fastapi import FastAPI

from app.main import create_app
from app.seeding.releases import ENDING, FOLDER, Release, ReleasedRecord, read_releases, summary_of, write_release
from app.settings import SEED, Settings
from tests.bench.corpora import build
from tests.bench.routing import microseconds
from tests.bench.scenarios import Figure

RELEASES = (0, 2, 10)
ROUNDS = 25
REQUESTS = 100  # of a round
URL = "/v1/budget-lines?limit=20"
MOST = 1.1  # times as much, which is noise


def history_figures() -> list[Figure]:
    """Of the project's own documents."""
    figures, spent = [], dict[int, list[float]]((count, []) for count in RELEASES)
    with TemporaryDirectory() as folder:
        apps: dict[int, FastAPI] = {}
        for count in RELEASES:
            seed, database = Path(folder) / f"seed-{count}", Path(folder) / f"{count}.sqlite"
            write_seed(seed, count)
            built = build(seed, {**os.environ, "SHISAKU_DATABASE": str(database)})
            measured = f"{built.cpu:.1f} s of CPU, {built.memory:,.0f} MB"
            figures.append(Figure(f"build with {count} releases", "", measured))
            apps[count] = create_app(Settings(database=database, database_url=None))

        async def run() -> None:
            for _ in range(ROUNDS):
                for count, app in apps.items():
                    spent[count].append(await microseconds(app, URL, REQUESTS))

        gc.freeze()  # as the server does
        anyio.run(run)
        gc.unfreeze()
        for app in apps.values():
            app.state.snapshots.close()
    took = {count: median(rounds) for count, rounds in spent.items()}
    value = ", ".join(f"{count}: {each:,.0f} µs" for count, each in took.items())
    met = max(took.values()) <= MOST * took[0]
    return [*figures, Figure("a list, by releases", f"≤ {MOST} × that without", value, met)]


def write_seed(seed: Path, count: int) -> None:
    """The project's seed with so many releases, each of which names a tenth of all records otherwise."""
    shutil.copytree(SEED, seed, ignore=shutil.ignore_patterns(FOLDER))
    (seed / FOLDER).mkdir()
    files = sorted((SEED / FOLDER).glob(f"*{ENDING}"))
    (*_, newest), _ = read_releases([(path, path.name) for path in files], seed.parent)
    for number in range(count):
        records = partial(renamed, newest, number)
        counts, digest = summary_of(records())
        previous = f"0.{number - 1}.0" if number else None
        update = {"version": f"0.{number}.0", "previous": previous, "counts": counts, "digest": digest}
        release = replace(newest, header=newest.header.model_copy(update=update), records=records)
        write_release(seed / FOLDER / f"0.{number}.0{ENDING}", release)


def renamed(release: Release, number: int) -> Iterator[ReleasedRecord]:
    for place, each in enumerate(release.records()):
        name = b'"en":"%d ' % number
        yield each._replace(record=each.record.replace(b'"en":"', name, 1)) if place % 10 == number else each
