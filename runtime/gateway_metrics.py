"""The gateway's own figures for Prometheus: totals without kinds and devices."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, make_asgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from application.health.faults import SystemFault
from application.notifications.deliveries import NotificationState
from devices.commands.command import DeliveryState
from devices.time_us import SECOND_US
from gateway.health_reports import now_us
from gateway.service import Gateway, GatewayParts
from runtime.http_guard import GuardFigures
from runtime.http_serving import in_thread
from runtime.settings import Settings

LEDGER: Final[Mapping[str, str]] = {
    "received": "Messages and samples that were judged, ever.",
    "stored": "Messages and samples that are stored, ever.",
    "duplicate": "Those that had come before, ever.",
    "conflict": "Those that contradict one that came before, ever; the first stays.",
    "lost": "Those that went with a damaged journal before they were stored, ever.",
}
SCRAPERS: Final = 64
"""Connections to `/metrics` at once."""
LANES: Final = ("control", "telemetry")


def new_registry() -> CollectorRegistry:
    """A registry with figures of the process, such as when it started."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class _Figures(Collector):
    """Reads the running parts at each scrape; never asks registry, store or broker."""

    def __init__(self, running: Gateway, parts: GatewayParts) -> None:
        self._running = running
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        """All figures now."""
        yield from self._books()
        yield from self._receiving()
        yield from self._journals()
        yield from self._parts_up()
        yield from self._loops()
        yield from self._rules()
        yield from self._times()
        yield from self._notifications()

    def _books(self) -> Iterator[Metric]:
        sums = self._running.heart.sums
        for column, text in LEDGER.items():
            yield _counter(f"lautern_{column}", text, "unit", {u: sums.ledger.get((u, column), 0) for u in _UNITS})
        waiting = {unit: sums.ledger.get((unit, "in_journal"), 0) for unit in _UNITS}
        yield _gauge("lautern_in_journal", "Judged and not yet stored.", "unit", waiting)
        open_sum = {unit: _difference(sums.ledger, unit) for unit in _UNITS}
        yield _gauge("lautern_ledger_difference", "What the ledger cannot account for: always 0.", "unit", open_sum)
        letters = {**self._running.effects.refused}
        if refused := sum(cursor.refused_samples for cursor in self._running.store_cursors.values()):
            letters["store_refused"] = refused
        yield _counter("lautern_dead_letter", "Refused since start, by reason.", "reason", letters)
        yield _gauge("lautern_gap_messages", "Messages that devices numbered and that never came.", "", sums.missing)
        commands = {state.value: sums.commands.get(state.value, 0) for state in DeliveryState}
        yield _gauge("lautern_commands", "Commands of the last hour by delivery state.", "state", commands)

    def _receiving(self) -> Iterator[Metric]:
        state, feeder, link = self._parts.receiver.state, self._parts.feeder, self._parts.connection
        counters = {
            "mqtt_received": ("Messages from the broker since start.", "received", feeder.received),
            "journalled": ("Messages put on disk since start.", "journalled", feeder.journalled),
            "stale_acks": ("Acknowledgements withheld: their connection is gone.", "stale_acks", link.stale_acks),
            "sessions_lost": ("Times the broker forgot our session.", "sessions_lost", link.sessions_lost),
            "broker_connects": ("Connections to the broker since start.", "connects", link.connects),
        }
        for name, (text, key, control) in counters.items():
            yield _counter(f"lautern_{name}", text, "lane", {"control": control, "telemetry": int(state.get(key, 0))})
        waiting = {"control": feeder.waiting, "telemetry": int(state.get("waiting", 0))}
        yield _gauge("lautern_unacked", "Messages received and not acknowledged.", "lane", waiting)

    def _journals(self) -> Iterator[Metric]:
        beats = {lane: self._running.heart.newest.get(f"journal/{lane}") for lane in LANES}
        # A journal that cannot be read has no figures.
        detail = {lane: beat.detail for lane, beat in beats.items() if beat is not None and "bytes" in beat.detail}
        texts = {"bytes": "In use.", "bound_bytes": "Bound; at it nothing is acknowledged.", "messages": "Held."}
        for name, text in texts.items():
            values = {lane: float(found[name]) for lane, found in detail.items()}
            yield _gauge(f"lautern_journal_{name}", f"Journal: {text}", "lane", values)
        oldest = {lane: found["oldest_us"] for lane, found in detail.items()}
        ages = {lane: 0.0 if at_us is None else (now_us() - at_us) / SECOND_US for lane, at_us in oldest.items()}
        yield _gauge("lautern_journal_oldest_age_seconds", "Age of the oldest message it holds.", "lane", ages)

    def _parts_up(self) -> Iterator[Metric]:
        beats = self._running.heart.newest
        yield _gauge("lautern_part_up", "1 when a part works.", "part", {p: float(b.ok) for p, b in beats.items()})
        found = {beat.detail.get("fault") for beat in beats.values()}
        yield _gauge(
            "lautern_fault", "1 while this is wrong.", "fault", {f.value: float(f in found) for f in SystemFault}
        )

    def _loops(self) -> Iterator[Metric]:
        loops = self._running.loops.all()
        troubles = {loop.name: loop.troubles for loop in loops}
        yield _counter("lautern_loop_troubles", "Steps put off as something is away.", "loop", troubles)
        still = {loop.name: loop.still_s() for loop in loops}
        yield _gauge("lautern_loop_still_seconds", "Time without a sign of life within a step.", "loop", still)

    def _rules(self) -> Iterator[Metric]:
        failures = self._running.watch.failures
        yield _counter("lautern_rule_failures", "Times a rule raised an error since start.", "", failures)

    def _notifications(self) -> Iterator[Metric]:
        beat = self._running.heart.newest.get("notifications")
        counts = {state.value: float(beat.detail[state.value]) for state in NotificationState} if beat else {}
        yield _gauge("lautern_notifications", "Messages to people that are kept, by state.", "state", counts)

    def _times(self) -> Iterator[Metric]:
        canary = self._parts.canary
        yield _gauge("lautern_canary_age_seconds", "Age of the newest canary seen.", "", canary.age_s(now_us()))
        if canary.latency_s is not None:
            yield _gauge("lautern_canary_latency_seconds", "Publish to queryable, last beat.", "", canary.latency_s)
        lag_s = self._running.jobs.lag_s()
        yield _gauge("lautern_scheduler_lag_seconds", "How late the scheduler is.", "", lag_s)


_UNITS: Final = ("messages", "samples")


def _difference(ledger: Mapping[tuple[str, str], int], unit: str) -> int:
    parts = ("stored", "duplicate", "conflict", "dead_letter", "in_journal", "lost")
    return ledger.get((unit, "received"), 0) - sum(ledger.get((unit, part), 0) for part in parts)


def _gauge(name: str, text: str, label: str, values: Mapping[str, float] | float) -> Metric:
    if not isinstance(values, Mapping):
        return GaugeMetricFamily(name, text, value=values)
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _counter(name: str, text: str, label: str, values: Mapping[str, float] | float) -> Metric:
    if not isinstance(values, Mapping):
        return CounterMetricFamily(name, text, value=values)
    family = CounterMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


@contextmanager
def serve_metrics(
    settings: Settings, running: Gateway, parts: GatewayParts, registry: CollectorRegistry
) -> Iterator[None]:
    """Serve `/metrics` while the block runs. Raises OSError when the port is taken."""
    registry.register(_Figures(running, parts))
    with in_thread(make_asgi_app(registry), settings.http, settings.gateway.metrics_port, SCRAPERS, "metrics") as guard:
        registry.register(GuardFigures(guard))
        yield
