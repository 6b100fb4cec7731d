"""How fast the service answers, as ratios in one run: CPU per request of a bare ASGI application that sends the same
bytes, of this service hot and cold, and of a plain FastAPI + SQLModel service over the same rows. Linux, loopback only.

    make bench        BENCH_LINES (10000) and BENCH_SECONDS (60) bound it
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

import httpx
import orjson

from app.seeding.build import build, check
from app.settings import PROJECT
from tests.corpus import write

LINES = int(os.environ.get("BENCH_LINES", "10000"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
CONNECTIONS = 8
ROUNDS = 2
TICK = os.sysconf("SC_CLK_TCK")

# What is asked: a name, and the path; a plain service answers those that it can.
CLASSES = {
    "one by id": "/v1/measures/m0-7",
    "list of 20, one filter": "/v1/budget-lines?ministry=mext&limit=20",
    "list of 20, three filters": "/v1/budget-lines?ministry=mext&modality=modality-0&fiscal_year=2020&limit=20",
    "list of 20 by amount": "/v1/budget-lines?sort=amount&order=desc&limit=20",
    "search, 2 characters": "/v1/search?q=%E5%89%B5%E8%96%AC&limit=20",
    "five facets": "/v1/budget-lines?ministry=mext&limit=0&facet=ministry,pillar,modality,section,fiscal_year",
    "sums by ministry": "/v1/budget-summary?group_by=ministry",
}
PLAIN = ("one by id", "list of 20, one filter", "sums by ministry")


@dataclass
class Measured:
    """Requests, and the seconds of CPU that the server spent on them."""

    requests: int = 0
    cpu: float = 0.0
    seconds: float = 0.0
    times: tuple[float, ...] = ()

    @property
    def each(self) -> float:
        """Microseconds of CPU per request."""
        return self.cpu / max(self.requests, 1) * 1e6


class Server:
    """A server process on a port of its own."""

    def __init__(self, application: str, **environment: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        command = [sys.executable, "-m", "uvicorn", application, "--factory", "--port", str(self.port)]
        command += ["--log-level", "error", "--no-access-log", "--loop", "uvloop", "--http", "httptools"]
        self._process = subprocess.Popen(command, cwd=PROJECT, env={**os.environ, **environment})
        for _ in range(400):
            time.sleep(0.05)
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
        raise RuntimeError(f"{application} does not start")

    def cpu(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self) -> float:
        """Resident megabytes."""
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * 4096 / 2**20

    def close(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(10)

    def load(self, path: str, seconds: float) -> Measured:
        """Asks for one path over several connections, each waiting for its answer."""
        until, found = time.monotonic() + seconds, list[float]()
        threads = [threading.Thread(target=self._ask, args=(path, until, found)) for _ in range(CONNECTIONS)]
        before, begun = self.cpu(), time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Measured(len(found), self.cpu() - before, time.monotonic() - begun, tuple(found))

    def _ask(self, path: str, until: float, found: list[float]) -> None:
        request = f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while time.monotonic() < until:
                begun = time.monotonic()
                connection.sendall(request)
                data = connection.recv(1 << 18)
                head, _, body = data.partition(b"\r\n\r\n")
                left = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]) - len(body)
                while left > 0:
                    left -= len(connection.recv(1 << 18))
                if not head.startswith(b"HTTP/1.1 200"):
                    raise RuntimeError(head.decode())
                found.append(time.monotonic() - begun)


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, Server]]:
    seed, database, sent = folder / "seed", folder / "shisaku.sqlite", folder / "sent.json"
    write(seed, LINES)
    begun = time.monotonic()
    build(check(seed), database)
    print(f"{LINES} lines built in {time.monotonic() - begun:.0f} s", file=sys.stderr)  # noqa: T201
    with ExitStack() as stack:

        def start(application: str, **environment: str) -> Server:
            server = Server(application, SHISAKU_DATABASE=str(database), BENCH_SENT=str(sent), **environment)
            stack.callback(server.close)
            return server

        hot, cold = start("app.main:application"), start("app.main:application", SHISAKU_CACHE_BYTES="0")
        with httpx.Client(base_url=f"http://127.0.0.1:{hot.port}", headers={"Accept-Encoding": "identity"}) as client:
            answers = {path: client.get(path).raise_for_status() for path in CLASSES.values()}
        bodies = {path: [[*map(list, answer.headers.items())], answer.text] for path, answer in answers.items()}
        sent.write_bytes(orjson.dumps(bodies))
        yield {
            "bare": start("tests.bench_references:bare"),
            "hot": hot,
            "cold": cold,
            "plain": start("tests.bench_references:plain"),
        }


def main() -> None:
    with TemporaryDirectory() as folder, servers(Path(folder)) as running:
        found: dict[tuple[str, str], Measured] = {}
        slices = ROUNDS * (len(CLASSES) * 3 + len(PLAIN))
        for _ in range(ROUNDS):
            for name, path in CLASSES.items():
                for kind, server in running.items():
                    if kind == "plain" and name not in PLAIN:
                        continue
                    measured = server.load(path, SECONDS / slices)
                    total = found.setdefault((name, kind), Measured())
                    found[name, kind] = Measured(
                        total.requests + measured.requests,
                        total.cpu + measured.cpu,
                        total.seconds + measured.seconds,
                        total.times + measured.times,
                    )
        print(table(found))  # noqa: T201
        memory = ", ".join(f"{kind} {server.memory():.0f} MB" for kind, server in running.items())
        print(f"\n{LINES} lines, {CONNECTIONS} connections; resident: {memory}")  # noqa: T201


def table(found: dict[tuple[str, str], Measured]) -> str:
    """Markdown: microseconds of CPU per request, and what they are in each other."""
    rows = ["| request | bare ASGI | hot | bare / hot | cold | bare / cold | cold p99 | plain | plain / cold |"]
    rows.append("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in CLASSES:
        bare, hot, cold = (found[name, kind].each for kind in ("bare", "hot", "cold"))
        last = quantiles(found[name, "cold"].times, n=100)[98] * 1e3
        plain = found.get((name, "plain"))
        shown = f"{plain.each:,.0f} µs | {plain.each / cold:.1f} ×" if plain else "– | –"
        rows.append(
            f"| {name} | {bare:,.0f} µs | {hot:,.0f} µs | {bare / hot:.0%} | {cold:,.0f} µs | {bare / cold:.1%} "
            f"| {last:.1f} ms | {shown} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    main()
