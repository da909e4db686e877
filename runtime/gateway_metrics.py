"""The gateway's own figures for Prometheus: totals without kinds and devices."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.service import Gateway, Parts
from runtime.settings import Settings

_RECEIVER = ("received", "journalled", "waiting", "stale_acks", "sessions_lost", "connects")


class _Figures(Collector):
    """Reads the running parts at each scrape."""

    def __init__(self, running: Gateway, parts: Parts) -> None:
        self._running = running
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        """All figures now."""
        state = self._parts.receiver.state
        for name in _RECEIVER:
            yield _figure(f"lautern_receiver_{name}", "Telemetry lane, since start.", float(state.get(name, 0)))
        yield _figure("lautern_effects_messages", "Messages judged since start.", self._running.effects.messages)
        stored = sum(c.stored_samples for c in self._running.store_cursors.values())
        yield _figure("lautern_store_samples", "Samples stored since start.", stored)
        latency = self._parts.canary.latency_s
        if latency is not None:
            yield _figure("lautern_canary_latency_seconds", "Publish to queryable, last beat.", latency)
        yield from self._parts_up()

    def _parts_up(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("lautern_part_up", "1 when a part of the gateway works.", labels=["part"])
        for part, beat in self._running.heart.newest.items():
            up.add_metric([part], float(beat.ok))
        yield up
        journal = GaugeMetricFamily("lautern_journal_bytes", "Bytes in use in a journal lane.", labels=["lane"])
        for part, beat in self._running.heart.newest.items():
            if part.startswith("journal/"):
                journal.add_metric([part.partition("/")[2]], float(beat.detail["bytes"]))
        yield journal


def _figure(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


@contextmanager
def serve_metrics(settings: Settings, running: Gateway, parts: Parts) -> Iterator[None]:
    """Serve `/metrics` while the block runs. Raises OSError when the port is taken."""
    registry = CollectorRegistry()
    registry.register(_Figures(running, parts))
    server, thread = start_http_server(settings.gateway.metrics_port, settings.http.host, registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(2)
