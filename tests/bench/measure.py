"""Measuring: the servers take turns, a slice each, on the same questions; what comes of it are figures without a
judgement."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, repeat
from statistics import median, quantiles

from tests.bench.languages import Language
from tests.bench.load import Stream, load
from tests.bench.questions import Question
from tests.bench.servers import Server

ROUNDS = 3
SLOW = 1.0  # seconds of one answer, beyond which one is all that is measured
WARM = 0.15  # seconds of load that are not counted: every thread of a server has then done such work before
FASTEST = 12_000  # cold answers a second that questions are made ready for


@dataclass
class Measured:
    """Requests of one class to one server, and what they took."""

    cpu: float = 0.0
    seconds: float = 0.0
    refused: int = 0
    times: list[float] = field(default_factory=list)
    slices: list[float] = field(default_factory=list)  # microseconds of CPU per request, of each slice

    @property
    def requests(self) -> int:
        return len(self.times)

    @property
    def each(self) -> float:
        """Microseconds of CPU per request."""
        return self.cpu / self.requests * 1e6

    @property
    def least(self) -> float:
        """The same, of the slice that was disturbed least: of one request repeated, to which noise only adds."""
        return min(self.slices)

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def p50(self) -> float:
        """Milliseconds."""
        return median(self.times) * 1e3

    @property
    def p99(self) -> float:
        return (quantiles(self.times, n=100, method="inclusive")[98] if self.requests > 1 else self.times[0]) * 1e3

    @property
    def most(self) -> float:
        return max(self.times) * 1e3

    def add(self, stream: Stream, cpu: float, seconds: float) -> None:
        self.cpu += cpu
        self.seconds += seconds
        self.refused += stream.refused
        self.times.extend(stream.times)
        if stream.times:
            self.slices.append(cpu / len(stream.times) * 1e6)


class Supply:
    """The questions of a class in one server's language, each given once; made ready ahead of the load."""

    def __init__(self, questions: Iterator[Question], language: Language) -> None:
        self._questions = questions
        self._language = language
        self._ready: deque[bytes] = deque()

    @property
    def ready(self) -> int:
        return len(self._ready)

    def __iter__(self) -> Iterator[bytes]:
        while self._ready:
            yield self._ready.popleft()

    def prepare(self, count: int) -> bool:
        """Has so many ready; False when there are none left, or the server cannot be asked."""
        while len(self._ready) < count:
            question = next(self._questions, None)
            if question is None:
                break
            request = self._language(question)
            if request is not None:
                self._ready.append(request)
            elif not self._ready:
                break
        return bool(self._ready)


def run(server: Server, requests: Iterator[bytes], connections: int, seconds: float, into: Measured) -> None:
    """One slice."""
    stream = Stream(server.port, requests, connections)
    before = server.cpu()
    took = load([stream], seconds)
    into.add(stream, server.cpu() - before, took)


@dataclass
class Contest:
    """One class, asked of one server."""

    server: Server
    supply: Supply
    connections: int
    found: Measured = field(default_factory=Measured)
    over: bool = False

    def probe(self) -> None:
        """One question by one caller, then a few by all: what a process does once is done, and a slow one known."""
        if not self.supply.prepare(1):
            self.over = True
            return
        first = Measured()
        run(self.server, (request for request, _ in zip(self.supply, "1", strict=False)), 1, 0.0001, first)
        if not first.requests or first.times[0] > SLOW:
            self.found, self.over = first, True
            _settle(self.server)
        elif self.supply.prepare(int(WARM / first.times[0]) * 2 + self.connections):
            few = islice(iter(self.supply), self.supply.ready // 3)
            run(self.server, few, self.connections, WARM, Measured())

    def slice(self, seconds: float) -> None:
        if self.over or not self.supply.prepare(int(seconds * FASTEST) + self.connections):
            return
        run(self.server, iter(self.supply), self.connections, seconds, self.found)


def _settle(server: Server) -> None:
    """Waits until it rests: nobody waits any more for what it may be busy with."""
    for _ in range(120):
        before = server.cpu()
        time.sleep(0.5)
        if server.cpu() - before < 0.02:
            return


def interleaved(contests: list[Contest], seconds: float) -> None:
    """Runs them in turns for so long in all, a slice of each in every round."""
    for contest in contests:
        contest.probe()
    open_ = [contest for contest in contests if not contest.over]
    each = seconds / ROUNDS / max(len(open_), 1)
    for _ in range(ROUNDS):
        for contest in open_:
            if contest.found.seconds < each * ROUNDS:
                contest.slice(each)


def repeated(server: Server, request: bytes, connections: int, seconds: float, into: Measured) -> None:
    """One slice of the same request, after a few that are not counted: other servers had the cores meanwhile."""
    run(server, repeat(request), connections, WARM / 5, Measured())
    run(server, repeat(request), connections, seconds, into)
