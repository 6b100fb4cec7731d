"""Metrics for Prometheus, on a listener of their own: what a process answers, and the state that it is in."""

import errno
import logging
import platform
import time
from collections.abc import Iterable
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
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

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
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
        labels = ["operation", "status"]
        self._requests = Counter("shisaku_requests", "Requests answered.", labels, registry=registry)
        self._seconds = Histogram(
            "shisaku_request_seconds",
            "From the head of a request to the end of its response.",
            ["operation"],
            registry=registry,
            buckets=SECONDS,
        )
        self._bytes = Counter("shisaku_response_bytes", "Bytes of bodies sent.", registry=registry)
        self._hits = Counter("shisaku_cache_hits", "Responses from the cache.", registry=registry)
        # To look a child up by its labels takes longer than to count.
        self._children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._server: WSGIServer | None = None

    def observe(self, scope: Scope, status: int, size: int, seconds: float) -> None:
        cached: str | None = scope["state"].get("cached")
        key = operation_of(scope) if cached is None else cached, status
        children = self._children.get(key)
        if children is None:
            name = key[0] or OTHER
            children = self._requests.labels(name, str(status)), self._seconds.labels(name)
            self._children[key] = children
        requests, took = children
        requests.inc()
        took.observe(seconds)
        self._bytes.inc(size)
        if cached is not None:
            self._hits.inc()

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
