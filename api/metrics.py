"""What the API counts of itself; never a device, tenant or kind as label, nor the route: that says of whom it is."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.registry import Collector

from application.health.assessment import InstallationHealth
from application.health.faults import SystemFault

_HEALTH = frozenset({"/healthz", "/readyz", "/metrics", "/version"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


def _area(path: str) -> str:
    """What is told of a path: who may read metrics learns nothing of what restricted kinds are asked."""
    if path.startswith("/api/"):
        return "stream" if path.endswith("/stream") else "api"
    return "health" if path in _HEALTH else "pages"


class ApiMetrics:
    """Counters of one application, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "lautern_api_requests", "Requests answered.", ["area", "method", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "lautern_api_request_seconds", "Time until the answer was sent.", ["area"], registry=self._registry
        )
        self.stream_clients = Gauge(
            "lautern_api_stream_clients", "Clients on the live stream.", registry=self._registry
        )
        self.stream_resets = Counter(
            "lautern_api_stream_resets", "Clients told to start afresh.", ["reason"], registry=self._registry
        )

        for reason in ("too_slow", "stuck"):
            self.stream_resets.labels(reason)
        self._ready = Gauge("lautern_ready", "1 when /readyz says that all is well.", registry=self._registry)
        self._causes = Gauge(
            "lautern_cause", "1 while this is wrong and follows from nothing else.", ["fault"], registry=self._registry
        )

    def add(self, figures: Collector) -> None:
        """Serve these too, read at each scrape."""
        self._registry.register(figures)

    def judged(self, health: InstallationHealth) -> None:
        """Note the installation's health."""
        self._ready.set(health.ready)
        for fault in SystemFault:
            self._causes.labels(fault.value).set(fault in health.roots)

    def answered(self, path: str, method: str, status: int, seconds: float) -> None:
        """Count one answer."""
        area = _area(path)
        self._requests.labels(area, method if method in _METHODS else "other", str(status)).inc()
        self._seconds.labels(area).observe(seconds)

    def text(self) -> bytes:
        """Prometheus text format."""
        return generate_latest(self._registry)
