"""What surrounds single answers: start, memory, downloads, slow neighbours, two workers, bursts; each scenario gives
figures with their targets beside them."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count, islice, repeat
from random import Random
from statistics import median, quantiles

from app.settings import PROJECT
from tests.bench.corpora import Built, Corpus
from tests.bench.languages import Language, ours, plain
from tests.bench.line_up import fetch, plain_service, service
from tests.bench.load import Stream, get, load
from tests.bench.questions import CLASSES, Question, Values, one_by_id, one_filter, slow_search
from tests.bench.servers import Server, Watch, python

EXPORT = "/v1/exports/budget-lines.csv"
BURST = 64  # connections
IMPORTS = "import fastapi, sqlmodel, uvicorn"
STARTS = 5


@dataclass(frozen=True)
class Figure:
    """One thing measured: what, the target in words, the value in words, and whether it is met; None is not judged."""

    what: str
    target: str
    value: str
    met: bool | None = None


def build_figures(built: Built, postgres: Built | None, lines: int) -> Iterator[Figure]:
    judged = lines >= 1_000_000
    value = f"{built.wall:,.0f} s ({built.cpu:,.0f} s of CPU)"
    yield Figure("build", "≤ 300 s", value, built.wall <= 300 if judged else None)
    yield Figure("build, memory", "≤ 1,024 MB", f"{built.memory:,.0f} MB", built.memory <= 1024 if judged else None)
    if postgres:
        yield Figure("build into PostgreSQL", "", f"{postgres.wall:,.0f} s, {postgres.memory:,.0f} MB")


def start_figures(corpus: Corpus, at_13: float | None) -> tuple[float, list[Figure]]:
    """From the process's beginning to its first answer, beside what the imports take alone."""
    starts, imports = [], []
    for _ in range(STARTS):
        begun = time.perf_counter()
        subprocess.run(python("-c", IMPORTS), cwd=PROJECT, check=True)
        imports.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        server = service(corpus)
        fetch(server.port, "/v1/budget-lines?limit=1")
        starts.append(time.perf_counter() - begun)
        server.close()
    start, alone = median(starts), median(imports)
    figures = [Figure("import of fastapi, sqlmodel, uvicorn", "", f"{alone:.2f} s")]
    small = corpus.lines < 1_000
    ratio = start / alone
    figures.append(
        Figure(
            "start to first answer",
            "≤ 1.3 × the import",
            f"{start:.2f} s, {ratio:.2f} ×",
            ratio <= 1.3 if small else None,
        )
    )
    if at_13 is not None and not small:
        more = start - at_13
        figures.append(Figure("start, more than at 13 lines", "≤ 1.5 s", f"{more:.2f} s", more <= 1.5))
    return start, figures


def memory_figures(rest: float, after: float, others: dict[str, float]) -> Iterator[Figure]:
    yield Figure("memory at rest", "≤ 90 MB", f"{rest:,.0f} MB", rest <= 90)
    yield Figure("memory after the run", "≤ 200 MB", f"{after:,.0f} MB", after <= 200)
    yield Figure("memory of the others", "", ", ".join(f"{name} {value:,.0f} MB" for name, value in others.items()))


def _items(server: Server, values: Values, connections: int, seed: int) -> Stream:
    """One record after the other, round and round."""
    asked = [ours(question) for question in islice(one_by_id(values, Random(seed)), 20_000)]
    return Stream(server.port, chain.from_iterable(repeat(asked)), connections)


def _p99(stream: Stream) -> float:
    return quantiles(stream.times, n=100, method="inclusive")[98] * 1e3 if len(stream.times) > 1 else float("inf")


def neighbour_figures(server: Server, values: Values, connections: int, seconds: float) -> Iterator[Figure]:
    """Records asked for alone; while one caller loops the dearest search; while one takes everything as CSV. The server
    keeps no answers, so that each is a cold one."""
    alone = _items(server, values, connections, 1)
    took = load([alone], seconds)
    rate, calm = len(alone.times) / took, _p99(alone)
    yield Figure("an item, alone", "", f"{rate:,.0f} /s, p99 {calm:.1f} ms")
    searches = (ours(question) for question in slow_search(values, Random(2)))
    exports = repeat(get(EXPORT))
    for name, requests in (("a slow search", searches), ("an export of everything", exports)):
        beside, slow = _items(server, values, connections, 3), Stream(server.port, requests, 1)
        took = load([beside, slow], seconds)
        here, share = _p99(beside), len(beside.times) / took / rate
        yield Figure(f"an item's p99 beside {name}", "≤ 50 ms", f"{here:.1f} ms", here <= 50)
        yield Figure(f"an item's rate beside {name}", "≥ 50 %", f"{share:.0%}", share >= 0.5)
        if requests is exports:
            yield Figure("an item's p99 beside an export, of alone", "≤ 2 ×", f"{here / calm:.1f} ×", here <= 2 * calm)


def export_figures(server: Server, datasette: Server | None, lines: int, seconds: float) -> Iterator[Figure]:
    """All lines as CSV, again and again; Datasette's stream of the table, without what is joined."""
    before = server.memory()
    with Watch(server.process.pid, every=0.02) as watch:
        rate, first = _download(server, EXPORT, seconds)
    grown = max(watch.peak - before, 0.0)
    yield Figure("export as CSV, first byte", "< 50 ms", f"{first:.0f} ms", first < 50)
    yield Figure("export as CSV, rows", "", f"{rate:,.0f} /s, all {lines:,} in {lines / rate:,.1f} s")
    yield Figure("export as CSV, memory", "< 20 MB more", f"{grown:.0f} MB", grown < 20)
    if datasette:
        theirs, _ = _download(datasette, "/peers/budget_lines.csv?_stream=on&_size=max", seconds)
        yield Figure("export as CSV, of Datasette's rate", "≥ 3 ×", f"{rate / theirs:.1f} ×", rate >= 3 * theirs)


def _download(server: Server, path: str, seconds: float) -> tuple[float, float]:
    """Rows a second, and milliseconds to the first byte: of downloads begun in that time; a long one is cut off."""
    stream = Stream(server.port, repeat(get(path)), 1)
    took = load([stream], seconds, patience=10.0)
    return max(stream.rows, 1) / took, median(stream.firsts) * 1e3


def worker_figures(corpus: Corpus, values: Values, seconds: float) -> Iterator[Figure]:
    """Cold lists of two processes beside one's, each round on new connections."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    running = {workers: service(corpus, "--workers", str(workers)) for workers in rates}
    asked = {workers: map(ours, one_filter(values, Random(4))) for workers in rates}
    try:
        for server in running.values():
            fetch(server.port, "/readyz")
            time.sleep(1.0)  # a worker more may still be starting
        for _ in range(4):
            for workers, server in running.items():
                stream = Stream(server.port, asked[workers], 16)
                took = load([stream], seconds / 8)
                rates[workers].append(len(stream.times) / took)
    finally:
        for server in running.values():
            server.close()
    one, two = median(rates[1]), median(rates[2])
    yield Figure("two workers, of one", "≥ 1.7 ×", f"{two / one:.2f} × ({two:,.0f} of {one:,.0f} /s)", two >= 1.7 * one)


def mixed(values: Values, seed: int) -> Iterator[Question]:
    """Every class in turn, without an end."""
    asking = [list(islice(each.questions(values, Random(seed)), 5_000)) for each in CLASSES]
    for place in count():
        for questions in filter(None, asking):
            yield questions[place % len(questions)]


def burst_figures(corpus: Corpus, values: Values, seconds: float) -> Iterator[Figure]:
    """Two bursts of mixed questions, and one question after each; the plain service gets a shorter one."""
    server = service(corpus)
    try:
        gap, errors, after, rate = _bursts(server, values, seconds)
    finally:
        server.close()
    yield Figure(
        f"two bursts of {BURST} connections, longest silence", "< 1 s", f"{gap:.2f} s, {rate:,.0f} /s", gap < 1
    )
    yield Figure("the same, refused or broken", "0", str(errors), errors == 0)
    yield Figure("the same, the next answer", "≤ 100 ms", f"{after * 1e3:.0f} ms", after <= 0.1)
    naive = plain_service(corpus)
    try:
        gap, errors, after, rate = _bursts(naive, values, min(seconds, 4.0), plain)
    finally:
        naive.process.kill()
        naive.close()
    value = f"silence {gap:.1f} s, {errors} broken, next {after * 1e3:,.0f} ms, {rate:,.0f} /s"
    yield Figure("the same, of the naive service", "", value)


def _bursts(
    server: Server, values: Values, seconds: float, language: Language = ours
) -> tuple[float, int, float, float]:
    gap = after = 0.0
    errors = answered = 0
    for seed in (5, 6):
        requests = filter(None, map(language, mixed(values, seed)))
        stream = Stream(server.port, requests, BURST)
        load([stream], seconds, patience=5.0)
        gap, errors, answered = max(gap, stream.gap), errors + stream.refused, answered + len(stream.times)
        single = Stream(server.port, iter([get(f"/v1/budget-lines/{values.ids[0]}")]), 1)
        after = max(after, load([single], 0.001, patience=25.0))
    return gap, errors, after, answered / (2 * seconds)
