"""The servers: a process each, on a port of its own, with what it has spent; it knows no server's language. Linux."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Self

from app.settings import PROJECT

STARTS_WITHIN = 120.0  # seconds
PAGE = os.sysconf("SC_PAGE_SIZE")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def python(*arguments: str, environment: str = ".venv") -> list[str]:
    """A command of this project's Python, or of the peers'."""
    return [sys.executable if environment == ".venv" else str(PROJECT / environment / "bin" / "python"), *arguments]


@dataclass
class Server:
    """A running server. `{port}` in its command is the port that it is given."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    beside: int | None = None  # a process that works for it alone, such as its database server
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        command = [part.replace("{port}", str(self.port)) for part in self.command]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(
            command, cwd=PROJECT, env={**os.environ, **self.environment}, stdout=quiet, stderr=quiet
        )
        self.wait()

    def wait(self) -> None:
        """Until it takes connections."""
        until = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < until:
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.002)
        self.close()
        raise RuntimeError(f"{self.name} does not start: {' '.join(self.command)}")

    def cpu(self) -> float:
        """Seconds of CPU, user and system, of the process and all below it."""
        processes = [*family(self.process.pid), *(family(self.beside) if self.beside else ())]
        return sum(map(_cpu, processes))

    def memory(self) -> float:
        """Resident megabytes, of the process and all below it."""
        return sum(map(_resident, family(self.process.pid))) / 2**20

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def family(pid: int) -> Iterator[int]:
    """A process and its descendants, those that are left."""
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [child for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return
    for child in children:
        yield from family(int(child))


def _cpu(pid: int) -> float:
    """The process's own clock (clock_getcpuclockid), which counts finer than the ticks of /proc."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0


def _proportional(pid: int) -> int:
    """Bytes, those shared with other processes divided among them."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)


class Watch:
    """The most memory, in megabytes, that a process and all below it held while this was open."""

    def __init__(self, pid: int, *, every: float = 0.05, shared: bool = False) -> None:
        self.peak = 0.0
        self._measure = _proportional if shared else _resident
        self._pid, self._every, self._over = pid, every, Event()
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            self.peak = max(self.peak, sum(map(self._measure, family(self._pid))) / 2**20)
            if self._over.wait(self._every):
                return
