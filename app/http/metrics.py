"""Metrics for Prometheus, on a listener of their own: what a process answers, and the state that it is in.

The library's own counters and histograms take five times as long for each request as the sums that are kept here.
"""

import logging
import platform
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import start_http_server
from prometheus_client.registry import Collector
from starlette.types import Scope

from app import __version__
from app.http.access import operation_of
from app.http.admission import AdmissionMiddleware
from app.http.cache import ResponseCacheMiddleware
from app.query.snapshot import Snapshots

logger = logging.getLogger("shisaku")

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
BOUNDS = (*map(str, SECONDS), "+Inf")
MAX_PROCESSES = 64
OTHER = "other"  # the operation of requests that no route took


@dataclass
class _Operation:
    """The requests of an operation: by status, by how long they took, and that in all."""

    statuses: Counter[int] = field(default_factory=Counter)
    took: list[int] = field(default_factory=lambda: [0] * len(BOUNDS))
    seconds: float = 0.0


class Metrics(Collector):
    """Counts requests, and tells the counts and the state of a process when it is asked for them."""

    def __init__(self, snapshots: Snapshots, admission: AdmissionMiddleware, cache: ResponseCacheMiddleware) -> None:
        self._snapshots, self._admission, self._cache = snapshots, admission, cache
        self._operations: dict[str, _Operation] = defaultdict(_Operation)
        self._bytes = self._hits = 0
        self._server: WSGIServer | None = None
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.registry.register(self)

    def observe(self, scope: Scope, status: int, size: int, seconds: float) -> None:
        cached: str | None = scope["state"].get("cached")
        operation = self._operations[operation_of(scope) if cached is None else cached]
        operation.statuses[status] += 1
        operation.took[bisect_left(SECONDS, seconds)] += 1
        operation.seconds += seconds
        self._bytes += size
        self._hits += cached is not None

    def listen(self, host: str, port: int) -> None:
        """Serves them at the port, or at the next one that is free, since each process of a server has its own."""
        for each in range(port, port + MAX_PROCESSES):
            with suppress(OSError):
                self._server, _ = start_http_server(each, host, self.registry)
                logger.info("metrics at http://%s:%d/metrics", host, each)
                return
        logger.warning("no metrics: no port from %d on is free", port)

    def close(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def collect(self) -> Iterable[Metric]:
        """Everything that is told, in another thread than the one that counts."""
        requests = CounterMetricFamily("shisaku_requests", "Requests answered.", labels=["operation", "status"])
        seconds = HistogramMetricFamily(
            "shisaku_request_seconds", "From the head of a request to the end of its response.", labels=["operation"]
        )
        for name, operation in list(self._operations.items()):
            for status, count in list(operation.statuses.items()):
                requests.add_metric([name or OTHER, str(status)], count)
            buckets = list(zip(BOUNDS, accumulate(operation.took), strict=True))
            seconds.add_metric([name or OTHER], buckets, operation.seconds)
        yield requests
        yield seconds
        yield CounterMetricFamily("shisaku_response_bytes", "Bytes of bodies sent.", self._bytes)
        yield CounterMetricFamily("shisaku_cache_hits", "Responses from the cache.", self._hits)
        yield from self._state()

    def _state(self) -> Iterable[Metric]:
        snapshot, admission, responses = self._snapshots.current(), self._admission, self._cache.responses
        version = snapshot.dataset.version
        program = {"version": __version__, "python": platform.python_version()}
        yield InfoMetricFamily("shisaku_build", "The program.", program)
        data = {"version": version.version, "digest": version.digest}
        yield InfoMetricFamily("shisaku_database", "The data that is served.", data)
        yield GaugeMetricFamily("shisaku_database_whole", "1 unless it is damaged.", float(not snapshot.damage))
        age = time.time() - snapshot.opened
        yield GaugeMetricFamily("shisaku_database_age_seconds", "Since this process began to serve it.", age)
        yield GaugeMetricFamily("shisaku_questions_running", "Questions that have a turn.", admission.running)
        yield GaugeMetricFamily("shisaku_questions_waiting", "Questions that wait for one.", admission.waiting)
        yield CounterMetricFamily("shisaku_questions_refused", "Questions told to come back.", admission.refused)
        yield GaugeMetricFamily("shisaku_cache_bytes", "Bytes of responses kept ready.", responses.currsize)
        yield GaugeMetricFamily("shisaku_cache_responses", "Responses kept ready.", len(responses))
