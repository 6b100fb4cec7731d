"""The run: every size in turn, the servers interleaved, the tables at the end. It judges by printing, never fails on a
number, and sends nothing beyond this machine's loopback.

    make bench BENCH_LINES=13,10000 BENCH_SECONDS=60 BENCH_BURST=10 BENCH_CONNECTIONS=8

The tables are Markdown: paste them into tests/bench/RESULTS.md, which describes the method.
"""

import os
import platform
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import orjson

from tests.bench import scenarios, table
from tests.bench.bounds import Bounds, from_environment
from tests.bench.corpora import Corpus, corpus_of
from tests.bench.history import history_figures
from tests.bench.languages import path_of
from tests.bench.line_up import Rival, Variant, bare_application, fetch, keep_answers, rivals
from tests.bench.load import get
from tests.bench.measure import ROUNDS, Contest, Measured, Supply, interleaved, repeated
from tests.bench.pages import page_figures, seed_figures
from tests.bench.postgres_corpus import PostgresCorpus, postgres_corpus
from tests.bench.questions import CLASSES, SIZE, Question, RequestClass, Values, values_of
from tests.bench.routing import routing_figures
from tests.bench.servers import Server
from tests.bench.table import Result

COLD, HOT, ALONE, AROUND = 0.45, 0.25, 0.1, 0.2  # of the seconds of a size
VARIED = ("one by id", "list of 20, one filter")  # asked as gzip too, and with what the caller has already
UNCACHED = VARIED
CURSORS = 150


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers end with the run
    bounds, results, load = from_environment(), list[Result](), os.getloadavg()[0]
    started: float | None = None
    for lines in bounds.lines:
        with corpus_of(lines, bounds) as corpus, postgres_corpus(corpus, bounds.postgres) as postgres:
            built = scenarios.build_figures(corpus.built, postgres.built if postgres else None, lines)
            result = Result(lines, bounds.at(lines), figures=list(built))
            log(f"{lines:,} lines: starts")
            start, figures = scenarios.start_figures(corpus, started)
            started = start if lines < table.ENOUGH else started
            result.figures += figures
            measure(corpus, postgres, bounds, result)
            if not results:
                result.figures += [*seed_figures(), *history_figures()]
            results.append(result)
        report(result, results)
    print(machine(load))  # noqa: T201


def measure(corpus: Corpus, postgres: PostgresCorpus | None, bounds: Bounds, result: Result) -> None:
    """One size: cold and hot requests, one caller alone, and what surrounds them."""
    values = values_of(corpus.dataset)
    with rivals(corpus, postgres) as running:
        ours = running["ours"].server
        rest = ours.memory()
        values = replace(values, cursors=list(cursors(ours, values)))
        supplies = _cold(running, values, bounds, result)
        log(f"{corpus.lines:,} lines: one caller alone")
        lone = {name: Contest(ours, supply, 1) for name, supply in supplies.items()}
        interleaved(list(lone.values()), bounds.seconds * ALONE)
        result.alone = {name: contest.found for name, contest in lone.items()}
        _hot(ours, values, bounds, result)
        after = ours.memory()
        others = {rival.server.name: rival.server.memory() for rival in running.values() if rival.server is not ours}
        result.figures += scenarios.memory_figures(rest, after, others)
        datasette = running["Datasette page"].server if "Datasette page" in running else None
        each = bounds.seconds * AROUND / 6
        log(f"{corpus.lines:,} lines: neighbours, downloads, workers, bursts")
        result.figures += scenarios.neighbour_figures(running["uncached"].server, values, result.connections, each)
        result.figures += scenarios.export_figures(ours, datasette, corpus.lines, each)
    result.figures += scenarios.worker_figures(corpus, values, 2 * each)
    result.figures += scenarios.burst_figures(corpus, values, bounds.burst)
    result.figures += routing_figures(corpus, values)
    result.figures += page_figures(corpus, values)


def _cold(running: dict[str, Rival], values: Values, bounds: Bounds, result: Result) -> dict[str, Supply]:
    """Cold requests of every class to every server, in the same order. Returns what is left of ours."""
    left: dict[str, Supply] = {}
    chosen = {class_.name: _contests(class_, running, values, result) for class_ in CLASSES}
    total = sum(map(len, chosen.values()))
    for name, contests in chosen.items():
        log(f"{result.lines:,} lines: {name}")
        interleaved(list(contests.values()), bounds.seconds * COLD * len(contests) / total)
        result.cold |= {(name, server): contest.found for server, contest in contests.items() if contest.found.requests}
        left[name] = contests["ours"].supply
    return left


def _contests(class_: RequestClass, running: dict[str, Rival], values: Values, result: Result) -> dict[str, Contest]:
    found = {}
    for name, rival in running.items():
        if name == "uncached" and class_.name not in UNCACHED:
            continue
        supply = Supply(class_.questions(values, Random(result.lines)), rival.language)
        if supply.prepare(1):
            found[name] = Contest(rival.server, supply, result.connections)
    return found or {"ours": Contest(running["ours"].server, Supply(iter(()), running["ours"].language), 1)}


def _hot(ours: Server, values: Values, bounds: Bounds, result: Result) -> None:
    """The same requests again and again, of this service and of the bare application."""
    log(f"{result.lines:,} lines: hot")
    asked: dict[str, list[Variant]] = {}
    names: dict[str, tuple[str, Variant]] = {}
    for each in CLASSES:
        question = next(each.questions(values, Random(7)), None)
        if question is None:
            continue
        path, variants = path_of(question), [Variant("")]
        if each.name in VARIED:
            tag = next(value for name, value in fetch(ours.port, path)[1] if name.lower() == "etag")
            variants += [Variant(", gzip", ("Accept-Encoding", "gzip")), Variant(", 304", ("If-None-Match", tag))]
        asked[path] = variants
        names |= {each.name + variant.name: (path, variant) for variant in variants}
    with TemporaryDirectory() as folder:
        sent = Path(folder) / "sent"
        keep_answers(ours.port, asked, sent)
        bare = bare_application(sent)
        try:
            _turns({"bare": bare, "ours": ours}, names, bounds.seconds * HOT, result)
        finally:
            bare.close()


def _turns(servers: dict[str, Server], names: dict[str, tuple[str, Variant]], seconds: float, result: Result) -> None:
    each = seconds / ROUNDS / (len(names) * len(servers))
    for _ in range(ROUNDS):
        for name, (path, variant) in names.items():
            for kind, server in servers.items():
                into = result.hot.setdefault((name, kind), Measured())
                repeated(server, get(path, *variant.line), result.connections, each, into)


def cursors(server: Server, values: Values) -> Iterator[str]:
    """Places far from the beginning, as far as an offset leads, and on from there."""
    if values.lines <= table.ENOUGH:
        return
    deepest = min(values.lines // 2, 9_900)
    path = path_of(Question("list", sort="amount", limit=SIZE, offset=deepest))
    for _ in range(CURSORS):
        path = orjson.loads(fetch(server.port, path)[2])["links"]["next"]
        if not path:
            return
        yield dict(part.split("=", 1) for part in path.partition("?")[2].split("&"))["cursor"]


def report(result: Result, results: list[Result]) -> None:
    """Prints one size."""
    small = next((each for each in results if table.ENOUGH <= each.lines < result.lines), None)
    parts = [f"\n### {result.lines:,} budget lines, {result.connections} connections"]
    parts += [table.cold(result), table.uncached(result), table.hot(result), table.alone(result, small)]
    parts += [table.around(result.figures)]
    print("\n\n".join(parts), flush=True)  # noqa: T201
    refused = {key: each.refused for key, each in result.cold.items() if each.refused}
    if refused:
        log(f"refused or broken: {refused}")


def machine(load: float) -> str:
    """Where and when, and how busy others kept the cores before: figures of a busy machine are worth little."""
    day = datetime.now(UTC).date().isoformat()
    return (
        f"\n{day}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}, "
        f"load {load:.1f} before; "
        "µs are CPU per request (user and system, of the server and its processes)."
    )


def log(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
