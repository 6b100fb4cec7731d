"""What bounds a run, read from the environment once; no other module of the benchmark reads it."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Bounds:
    """How much is asked, of how much data."""

    lines: tuple[int, ...]  # sizes, in budget lines
    seconds: float  # of load, for each size; builds and starts come on top
    burst: float  # seconds of each burst of many connections
    connections: int | None  # at a time; left open, it goes by the size
    folder: Path | None  # where corpora are kept between runs
    postgres: str  # the address of a PostgreSQL to build into; `no` for none; left open, one is started

    def at(self, lines: int) -> int:
        """Connections at a size: fewer where one answer of a peer takes seconds."""
        return self.connections or (4 if lines >= 1_000_000 else 8)


def from_environment() -> Bounds:
    environ = os.environ
    folder, connections = environ.get("BENCH_FOLDER"), environ.get("BENCH_CONNECTIONS")
    return Bounds(
        lines=tuple(int(each) for each in environ.get("BENCH_LINES", "13,10000").split(",")),
        seconds=float(environ.get("BENCH_SECONDS", "60")),
        burst=float(environ.get("BENCH_BURST", "10")),
        connections=int(connections) if connections else None,
        folder=Path(folder).resolve() if folder else None,
        postgres=environ.get("BENCH_POSTGRES", ""),
    )
