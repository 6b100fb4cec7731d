"""Metrics for Prometheus, on a listener of their own: what a process answers, and the state that it is in."""

import errno
import logging
import platform
import time
from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from operator import add
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
from app.db.base import Unusable
from app.http.access import operation_of
from app.http.admission import AdmissionMiddleware
from app.http.cache import ResponseCacheMiddleware
from app.query.snapshot import Snapshots

logger = logging.getLogger("shisaku")

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
BOUNDS = [*map(str, SECONDS), "+Inf"]
MAX_PROCESSES = 64
MAX_PORT = 65_535
OTHER = "other"  # the operation of requests that no route took


class Metrics(Collector):
    """Counts requests, and tells the counts and the state of a process when it is asked for them."""

    def __init__(self, snapshots: Snapshots, admission: AdmissionMiddleware, cache: ResponseCacheMiddleware) -> None:
        self._snapshots, self._admission, self._cache = snapshots, admission, cache
        self.registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        registry.register(self)
        # How many requests of an operation and a status took at most each of SECONDS, or longer, and the sum of them
        # all. Counters of the library lock for each count, though one thread counts.
        self._took: dict[tuple[str, int], list[float]] = {}
        self._bytes = self._hits = 0
        self._server: WSGIServer | None = None

    def observe(self, scope: Scope, status: int, size: int, seconds: float) -> None:
        key = operation_of(scope), status
        took = self._took.get(key)
        if took is None:
            took = self._took[key] = [0.0] * (len(SECONDS) + 2)
        took[bisect_left(SECONDS, seconds)] += 1
        took[-1] += seconds
        self._bytes += size
        if "cached" in scope["state"]:
            self._hits += 1

    def listen(self, host: str, port: int) -> None:
        """Serves them at the port, or at the next one that is free, since each process of a server has its own. Raises
        Unusable if none can be had at this host."""
        for each in range(port, min(port + MAX_PROCESSES, MAX_PORT + 1)):
            try:
                self._server, _ = start_http_server(each, host, self.registry)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise Unusable(f"No metrics can be served at {host}, port {each}: {error.strerror}.") from error
            else:
                logger.info("metrics at http://%s:%d/metrics", host, each)
                return
        logger.warning("no metrics: no port from %d on is free", port)

    def close(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def collect(self) -> Iterable[Metric]:
        """The state, in another thread than the one that counts."""
        yield from self._counted()
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

    def _counted(self) -> Iterable[Metric]:
        """The requests: their number by operation and status, and how long they took by operation."""
        requests = CounterMetricFamily("shisaku_requests", "Requests answered.", labels=["operation", "status"])
        operations: dict[str, list[float]] = {}
        for (operation, status), took in list(self._took.items()):
            name = operation or OTHER
            requests.add_metric([name, str(status)], sum(took[:-1]))
            known = operations.setdefault(name, [0.0] * len(took))
            operations[name] = list(map(add, known, took))
        yield requests
        meaning = "From the head of a request to the end of its response."
        histogram = HistogramMetricFamily("shisaku_request_seconds", meaning, labels=["operation"])
        for name, (*counts, total) in operations.items():
            histogram.add_metric([name], list(zip(BOUNDS, accumulate(counts), strict=True)), total)
        yield histogram
        yield CounterMetricFamily("shisaku_response_bytes", "Bytes of bodies sent.", self._bytes)
        yield CounterMetricFamily("shisaku_cache_hits", "Responses from the cache.", self._hits)
