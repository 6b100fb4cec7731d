"""The corpora: the synthetic seed of each size, built by the real build in a process of its own and measured; kept
between runs where a folder is given, and built anew when the corpus or the schema is another."""

import csv
import os
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from app.settings import PROJECT
from tests import corpus
from tests.bench import sql
from tests.bench.bounds import Bounds
from tests.bench.servers import Watch, python


@dataclass(frozen=True)
class Built:
    """What a build took: seconds, seconds of CPU, and the most memory in megabytes."""

    wall: float
    cpu: float
    memory: float


@dataclass(frozen=True)
class Corpus:
    """One size, ready to be served."""

    lines: int
    folder: Path
    built: Built

    @property
    def database(self) -> Path:
        return self.folder / "shisaku.sqlite"

    @property
    def dataset(self) -> Path:
        """The dataset's own public database."""
        found = list(self.folder.glob("shisaku.sqlite.*/dataset.sqlite"))
        return max(found, key=lambda each: each.stat().st_mtime)

    @property
    def peers(self) -> Path:
        return self.folder / "peers.sqlite"

    def table(self, name: str) -> Path:
        return self.folder / f"{name}.csv"


@contextmanager
def corpus_of(lines: int, bounds: Bounds) -> Iterator[Corpus]:
    """The corpus of a size: found where it is kept, or made."""
    with TemporaryDirectory(dir=os.environ.get("TMPDIR")) as temporary:
        recipe = sha256(Path(corpus.__file__).read_bytes()).hexdigest()[:8]
        folder = (bounds.folder or Path(temporary)) / f"{lines}-{recipe}"
        if not folder.exists():
            corpus.write(folder / "seed", lines)
        yield _ready(Corpus(lines, folder, _built(folder)))


def _built(folder: Path) -> Built:
    """What the build took; what it took when it was made, where it stands already."""
    record, database = folder / "built.json", folder / "shisaku.sqlite"
    before = database.stat().st_mtime_ns if database.exists() else 0
    took = build(folder / "seed", {**os.environ, "SHISAKU_DATABASE": str(database)}, "--if-needed")
    if database.stat().st_mtime_ns == before and record.exists():
        return Built(**orjson.loads(record.read_bytes()))
    record.write_bytes(orjson.dumps(asdict(took)))
    return took


def build(seed: Path, environment: dict[str, str], *options: str) -> Built:
    return _measured(python("-m", "app.cli", "build", "--seed", str(seed), *options), environment)


def _measured(command: list[str], environment: dict[str, str]) -> Built:
    """Runs it; memory that its processes share is counted once."""
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with (
        subprocess.Popen(
            command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=sys.stderr
        ) as process,
        Watch(process.pid, every=0.25, shared=True) as watch,
    ):
        process.wait()
    if process.returncode:
        raise RuntimeError("the build failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Built(time.monotonic() - begun, cpu, watch.peak)


def _ready(made: Corpus) -> Corpus:
    """Adds the peers' database, and its tables as CSV, unless they are newer than what they are made from."""
    sources = (made.database, Path(sql.__file__))
    if not made.peers.exists() or made.peers.stat().st_mtime < max(each.stat().st_mtime for each in sources):
        copy = made.peers.with_suffix(".making")
        copy.unlink(missing_ok=True)
        with closing(sqlite3.connect(copy, isolation_level=None)) as target:
            _copy(target, made)
        copy.replace(made.peers)
    return made


def _copy(target: sqlite3.Connection, made: Corpus) -> None:
    """The peers' tables, with the indexes and closures that the questions need, and each table as CSV."""
    target.execute("PRAGMA journal_mode = OFF")
    target.execute("PRAGMA synchronous = OFF")
    target.execute("ATTACH ? AS source", (str(made.dataset),))
    for name, table in sql.TABLES.items():
        target.execute(f"CREATE TABLE {name} ({table.columns})")
        target.execute(f"INSERT INTO main.{name} {table.rows}")
    for statement in (*sql.CLOSURES, *sql.INDEXES, "ANALYZE main"):
        target.execute(statement)
    for name in sql.TABLES:
        rows = target.execute(f"SELECT * FROM main.{name}")
        with made.table(name).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(column[0] for column in rows.description)
            writer.writerows(rows)
    target.execute("DETACH source")
