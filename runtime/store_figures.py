"""Figures of the telemetry store for Prometheus, and signs of life of the loops that wait for it."""

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram

from application.ports.telemetry import TelemetryWriter
from devices.samples import Sample

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)


class StoreFigures:
    """`StoreWatch` of the gateway's writer and readers; `alive` tells that the calling thread's loop goes on."""

    def __init__(self, registry: CollectorRegistry, alive: Callable[[], None]) -> None:
        self._alive = alive
        self.write_seconds = Histogram(
            "lautern_store_write_seconds", "Time to store a batch.", buckets=_SECONDS, registry=registry
        )
        self._errors = Counter(
            "lautern_store_errors",
            "Requests that the store refused or did not answer, by HTTP status (`none`: no answer).",
            ["status"],
            registry=registry,
        )
        self._errors.labels("none")
        self._bisects = Counter(
            "lautern_store_bisect", "Batches refused for some of their samples, sent again in parts.", registry=registry
        )

    def answered(self, status: str) -> None:
        """See `StoreWatch.answered`."""
        self._alive()
        if not status.startswith("2"):
            self._errors.labels(status).inc()

    def halved(self) -> None:
        """See `StoreWatch.halved`."""
        self._bisects.inc()


class TimedWriter:
    """A TelemetryWriter whose writes are timed."""

    def __init__(self, writer: TelemetryWriter, figures: StoreFigures) -> None:
        self._writer = writer
        self._figures = figures
        self.roll_up = writer.roll_up
        self.apply_retention = writer.apply_retention
        self.ping = writer.ping
        self.close = writer.close

    def write(self, samples: Sequence[Sample]) -> None:
        """See `TelemetryWriter.write`."""
        with self._figures.write_seconds.time():
            self._writer.write(samples)
