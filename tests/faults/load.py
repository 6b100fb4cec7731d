"""What the service does under load, as a table on the console: crowds of distinct heavy questions, slow readers and
half-sent requests, against one process on loopback. It ends by itself, in about three minutes, or one with `--short`,
which judges no times: other things may run beside it. With `--minutes`, it asks distinct questions of every kind for so
long instead, and shows each minute what the service holds. Not 0 when a bound is broken.

    python -m tests.faults.load [--short | --minutes N] [DATABASE]
"""

import random
import resource
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from urllib.parse import quote

import click
import httpx

from app.http.protocol import HEAD_SECONDS, LINGER_SECONDS
from app.settings import PROJECT, Settings
from tests.bench.load import Stream, get, load
from tests.conftest import Process, connected, process, raw

CROWDS = (64, 256, 512, 1_000, 2_000)
SECONDS = 8.0  # of each crowd
SHORT_CROWDS = (64, 1_000)
SHORT_SECONDS = 4.0
LEAST_RATE = 0.7  # of good answers at 1,000 connections, of that at 64
SLOWEST_HEALTH = 2.0  # seconds
RECOVERY = 1.0  # seconds until a question is answered as before, after a crowd has gone
READERS = 200
MORE_MEMORY = 150  # MB, for the readers
CALLERS = 16  # connections that ask for minutes
GROWTH = 10  # MB more than after the second minute, by when the response cache is full


def questions() -> Iterator[bytes]:
    """Sums under filters that nobody asked before, so that no answer is cached."""
    chance = random.Random(1)
    while True:
        groups = ",".join(chance.sample(["ministry", "pillar", "fiscal_year"], 2))
        least, most = chance.randrange(10**6), chance.randrange(10**9, 10**12)
        yield get(f"/v1/budget-summary?group_by={groups}&amount_min={least}&amount_max={most}")


def varied() -> Iterator[bytes]:
    """Sums, lists, searches and downloads that nobody asked before."""
    chance, sums = random.Random(2), questions()
    resources = ["measures", "budget-lines", "sections", "pillars"]
    letters = "創薬開発支援研究基盤整備医療人材育成国際連携"
    for number in count():
        words = "%20".join(quote("".join(chance.sample(letters, 2))) for _ in range(2))
        yield next(sums)
        yield get(f"/v1/{chance.choice(resources)}?q={words}&limit={chance.randint(1, 100)}&facet=document")
        yield get(f"/v1/budget-lines?amount_min={number}&sort=amount&order=desc&fields=id,amount")
        yield get(f"/v1/search?q={words}&limit={number % 100 + 1}")
        yield get(f"/v1/exports/budget-lines.{chance.choice(['csv', 'ndjson'])}?amount_min={number}")


@dataclass
class Health:
    """How long `/healthz` took, at most, and how often it failed, while something else was going on."""

    slowest: float = 0.0
    failed: int = 0


@contextmanager
def watched(port: int) -> Iterator[Health]:
    """Asks for the health of a server ten times a second, each time over a new connection."""
    health, ended = Health(), Event()

    def watch() -> None:
        while not ended.wait(0.1):
            begun = time.perf_counter()
            try:
                health.failed += not raw(port, get("/healthz", "Connection: close")).startswith(b"HTTP/1.1 200")
            except OSError:
                health.failed += 1
            health.slowest = max(health.slowest, time.perf_counter() - begun)

    thread = Thread(target=watch)
    thread.start()
    try:
        yield health
    finally:
        ended.set()
        thread.join()


def recovery(server: Process) -> float:
    """Seconds until a question is answered."""
    begun = time.perf_counter()
    while httpx.get(f"{server.url}/v1/measures?limit=1&offset=3", timeout=10).status_code != 200:
        time.sleep(0.02)
    return time.perf_counter() - begun


def files(server: Process) -> int:
    return sum(1 for _ in Path(f"/proc/{server.pid}/fd").iterdir())


def crowds(server: Process, sizes: Sequence[int], seconds: float, *, timed: bool) -> bool:
    """Prints a row for each crowd of so many connections, and says whether the bounds hold."""
    asked = questions()
    rates: dict[int, float] = {}
    holds = True
    print("| connections | good/s | 503 | other | slowest health | health failed | recovery | files left | memory |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    before = files(server)
    for connections in sizes:
        stream = Stream(server.port, asked, connections)
        with watched(server.port) as health:
            took = load([stream], seconds)
        recovered = recovery(server)
        time.sleep(0.3)
        good, refused = stream.statuses["200"], stream.statuses["503"]
        other = stream.statuses.total() - good - refused - stream.statuses["closed"]
        rates[connections] = good / took
        left = files(server) - before
        print(
            f"| {connections} | {good / took:.0f} | {refused} | {other} | {health.slowest:.2f} s | {health.failed} "
            f"| {recovered:.2f} s | {left} | {server.memory()} MB |",
            flush=True,
        )
        holds &= not other and not health.failed and left < 20
        holds &= not timed or (health.slowest < SLOWEST_HEALTH and recovered < RECOVERY)
    return holds and (not timed or rates[1_000] >= LEAST_RATE * rates[64])


def slow_readers(server: Process, *, timed: bool) -> bool:
    """Readers of the largest download at 1 kB/s, for as long as the server lets them."""
    httpx.get(f"{server.url}/v1/exports/budget-lines.ndjson?order=desc")
    before, most = server.memory(), 0
    with ExitStack() as stack, watched(server.port) as health:
        readers = []
        for _ in range(READERS):
            reader = stack.enter_context(socket.socket())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            reader.connect(("127.0.0.1", server.port))
            reader.sendall(get("/v1/exports/budget-lines.ndjson?order=desc"))
            readers.append(reader)
        heads = [reader.recv(12) for reader in readers]
        until = time.monotonic() + 10
        while time.monotonic() < until:
            for reader in readers:
                reader.recv(1_000)
            most = max(most, server.memory())
            question = httpx.get(f"{server.url}/v1/measures?limit=1", timeout=10).status_code
            time.sleep(1)
    accepted = heads.count(b"HTTP/1.1 200")
    recovered = recovery(server)
    print(
        f"\n{READERS} slow readers: {accepted} served, {heads.count(b'HTTP/1.1 503')} refused, memory {before} → {most}"
        f" MB, slowest health {health.slowest:.2f} s, a question {question}, recovery {recovered:.2f} s"
    )
    return most - before < MORE_MEMORY and question == 200 and not health.failed and (not timed or recovered < RECOVERY)


def half_sent(server: Process, *, timed: bool) -> bool:
    """Half-sent headers, more than the server has descriptors."""
    with ExitStack() as stack, watched(server.port) as health:
        for _ in range(400):
            stack.enter_context(connected(server.port, b"GET /v1 HTTP/1.1\r\nHost: x\r\nX: "))
        begun = time.perf_counter()
        question = httpx.get(f"{server.url}/v1/measures?limit=1", timeout=30).status_code
        took = time.perf_counter() - begun
        time.sleep(HEAD_SECONDS + LINGER_SECONDS + 2)  # refused, and closed though the clients do not
        left = files(server)
    print(
        f"400 half-sent headers at 256 descriptors: a question {question} in {took:.2f} s, slowest health "
        f"{health.slowest:.2f} s, failed {health.failed}, files open at the end: {left}"
    )
    return question == 200 and not health.failed and left < 64 and (not timed or took < SLOWEST_HEALTH)


def idle(server: Process, *, timed: bool) -> bool:
    """Connections that rest between requests."""
    with ExitStack() as stack, watched(server.port) as health:
        for _ in range(500):
            connection = stack.enter_context(connected(server.port, get("/v1/measures?limit=1")))
            connection.recv(1 << 16)
        question = httpx.get(f"{server.url}/v1/measures?limit=2", timeout=30).status_code
    print(f"500 idle connections: a question {question}, slowest health {health.slowest:.2f} s")
    return question == 200 and not health.failed


def minutes(server: Process, number: int) -> bool:
    """Prints what the server holds after each minute of distinct questions, when their connections are closed."""
    asked = varied()
    held: list[tuple[int, int]] = []
    print("| minute | good/s | other | memory | files |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    other = 0
    for minute in range(number + 1):
        if minute:
            stream = Stream(server.port, asked, CALLERS)
            took = load([stream], 60)
            time.sleep(0.5)
            other += stream.refused
        held.append((server.memory(), files(server)))
        rate = f"{stream.statuses['200'] / took:.0f} | {stream.refused}" if minute else "|"
        print(f"| {minute} | {rate} | {held[-1][0]} MB | {held[-1][1]} |", flush=True)
    settled, *later = held[2:] or held
    return not other and all(memory <= settled[0] + GROWTH and open_ <= settled[1] for memory, open_ in later)


@click.command()
@click.argument("database", type=click.Path(path_type=Path), default=PROJECT / "data" / "shisaku.sqlite")
@click.option("--short", is_flag=True, help="Two crowds, half as long, and no times judged.")
@click.option("--minutes", "long", type=click.IntRange(1), help="Distinct questions for so long, instead.")
def main(database: Path, long: int | None, *, short: bool) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 8_192), hard), hard))
    settings = Settings(database=database, database_url=None)
    crowded = partial(crowds, sizes=SHORT_CROWDS if short else CROWDS, seconds=SHORT_SECONDS if short else SECONDS)
    holds = True
    if long:
        with TemporaryDirectory() as folder, process(settings, Path(folder)) as server:
            holds = minutes(server, long)
        sys.exit(None if holds else "a bound was broken")
    for bounded, checks in ((0, (crowded, slow_readers, idle)), (256, (half_sent,))):
        with TemporaryDirectory() as folder, process(settings, Path(folder), files=bounded) as server:
            for check in checks:
                holds &= check(server, timed=not short)
    sys.exit(None if holds else "a bound was broken")


if __name__ == "__main__":
    main()
