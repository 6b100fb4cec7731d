"""Metrics for Prometheus, on a listener of their own: what a process answers, and the state that it is in."""

import logging
import platform
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import start_http_server
from prometheus_client.registry import Collector

from app import __version__
from app.http.access import Request
from app.http.admission import AdmissionMiddleware
from app.http.cache import ResponseCacheMiddleware
from app.query.snapshot import Snapshots

logger = logging.getLogger("shisaku")

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
MAX_PROCESSES = 64
OTHER = "other"  # the operation of requests that no route took


class Metrics:
    """Counts requests, and collects the state of a process when it is asked for."""

    def __init__(self, snapshots: Snapshots, admission: AdmissionMiddleware, cache: ResponseCacheMiddleware) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        requests = Counter("shisaku_requests", "Requests answered.", ["operation", "status"], registry=self.registry)
        seconds = Histogram(
            "shisaku_request_seconds",
            "From the head of a request to the end of its response.",
            ["operation"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._sent = Counter("shisaku_response_bytes", "Bytes of bodies sent.", registry=self.registry)
        self._hits = Counter("shisaku_cache_hits", "Responses from the cache.", registry=self.registry)
        self._requests, self._seconds = requests, seconds
        self._server: WSGIServer | None = None
        self._children: dict[tuple[str, int], tuple[Any, Any]] = {}
        self.registry.register(_State(snapshots, admission, cache))

    def observe(self, request: Request) -> None:
        key = (request.operation, request.status)
        found = self._children.get(key)
        if found is None:  # found once: to look a child up by its labels takes longer than to count
            operation = request.operation or OTHER
            found = self._requests.labels(operation, str(request.status)), self._seconds.labels(operation)
            self._children[key] = found
        count, seconds = found
        count.inc()
        seconds.observe(request.seconds)
        self._sent.inc(request.size)
        if request.cached:
            self._hits.inc()

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


class _State(Collector):
    """What is so at the moment."""

    def __init__(self, snapshots: Snapshots, admission: AdmissionMiddleware, cache: ResponseCacheMiddleware) -> None:
        self._snapshots, self._admission, self._cache = snapshots, admission, cache

    def collect(self) -> Iterable[Metric]:
        snapshot, admission, cache = self._snapshots.current(), self._admission, self._cache
        version = snapshot.dataset.version
        yield InfoMetricFamily(
            "shisaku_build", "The program.", {"version": __version__, "python": platform.python_version()}
        )
        yield InfoMetricFamily(
            "shisaku_database", "The data that is served.", {"version": version.version, "digest": version.digest}
        )
        yield GaugeMetricFamily("shisaku_database_whole", "1 unless it is damaged.", float(not snapshot.damage))
        yield GaugeMetricFamily(
            "shisaku_database_age_seconds", "Since this process began to serve it.", time.time() - snapshot.opened
        )
        yield GaugeMetricFamily("shisaku_questions_running", "Questions that have a turn.", admission.running)
        yield GaugeMetricFamily("shisaku_questions_waiting", "Questions that wait for one.", admission.waiting)
        yield CounterMetricFamily("shisaku_questions_refused", "Questions told to come back.", admission.refused)
        yield GaugeMetricFamily("shisaku_cache_bytes", "Bytes of responses kept ready.", cache.responses.currsize)
        yield GaugeMetricFamily("shisaku_cache_responses", "Responses kept ready.", len(cache.responses))
