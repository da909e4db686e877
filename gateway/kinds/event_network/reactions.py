"""Reactions of the event network."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from application.kinds.event_network.ports import EventRepository, RecentLinks
from application.ports.changes import Change, ChangeFeed
from application.ports.registry import Registry, RegistryTransaction
from devices.event_network.city_event import CityEvent, TestedCapacity, state_due
from devices.event_network.recent_samples import RecentSamples, with_sample_of
from devices.event_network.rule_facts import NodeFacts, facts_of
from devices.samples import TELEMETRY, Sample
from devices.time_us import SECOND_US

KIND: Final = "event_network"
CAPACITY_TEST: Final = "event_capacity_test"
FRESH_US: Final = 2 * SECOND_US
"""Rules may see a plan that is so old."""
EVERY_US: Final = 5 * SECOND_US
MOST_REMEMBERED: Final = 20_000
"""Links."""


class NetworkReactions:
    """Keeps the newest tests, tells rules about events, moves events through their schedule."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._facts: dict[str, NodeFacts] = {}
        self._facts_us = -FRESH_US
        self._worked_us = -EVERY_US
        self._recent: dict[tuple[str, str], RecentSamples] = {}
        self._known: set[str] = set()

    def on_samples(self, tx: RegistryTransaction, samples: Sequence[Sample]) -> Sequence[Change]:
        """Keep capacity tests and the newest samples of links."""
        self._keep_recent(tx, [s for s in samples if s.series == TELEMETRY and s.part])
        tests = [_test(s) for s in samples if s.series == CAPACITY_TEST]
        if tests:
            tx.get(EventRepository).put_tests(tests)
        return [_tested(t) for t in tests]

    def _keep_recent(self, tx: RegistryTransaction, samples: Sequence[Sample]) -> None:
        """What is remembered may be ahead of the registry after a failed transaction: the same samples come again."""
        missing = {s.asset_id for s in samples} - self._known
        if missing:
            self._recent |= {(r.asset_id, r.part): r for r in tx.get(RecentLinks).of_assets(missing)}
            self._known |= missing
        for s in samples:
            known = self._recent.get((s.asset_id, s.part)) or RecentSamples(s.asset_id, s.part, s.tenant_id)
            self._recent[s.asset_id, s.part] = with_sample_of(s.tenant_id, known, s.ts_us, s.values)
        touched = sorted({(s.asset_id, s.part) for s in samples})
        if touched:
            tx.get(RecentLinks).put([self._recent[key] for key in touched])
        if len(self._recent) > MOST_REMEMBERED:
            self._recent.clear()
            self._known.clear()

    def facts(
        self, tx: RegistryTransaction, asset_ids: Collection[str], now_us: int
    ) -> Mapping[str, Mapping[str, Any]]:
        """Service time and booked rates of the nodes that serve an event now; read at most every two seconds."""
        if not 0 <= now_us - self._facts_us < FRESH_US:
            self._facts = facts_of(tx.get(EventRepository).running(), now_us)
            self._facts_us = now_us
        return {asset_id: self._facts[asset_id] for asset_id in asset_ids if asset_id in self._facts}

    def work(self, now_us: int) -> None:
        """Move events to the state that is due by their schedule."""
        if 0 <= now_us - self._worked_us < EVERY_US:
            return
        with self._registry.read() as tx:
            late = [e for e in tx.get(EventRepository).running() if state_due(e, now_us) is not e.state]
        if late:
            with self._registry.write() as tx:
                book = tx.get(EventRepository)
                # Read again: somebody may have changed the plan in between.
                moved = [e for e in book.running() if state_due(e, now_us) is not e.state]
                for event in moved:
                    book.set_state(event.event_id, state_due(event, now_us))
                tx.get(ChangeFeed).add([_moved(e, now_us) for e in moved])
        self._worked_us = now_us


def _test(sample: Sample) -> TestedCapacity:
    values = sample.values
    return TestedCapacity(
        asset_id=sample.asset_id,
        part=str(values.get("measured_part", "")),
        direction=str(values["direction"]),
        tenant_id=sample.tenant_id,
        at_us=sample.ts_us,
        result_bps=int(values["result_bps"]),
        method=str(values["method"]),
    )


def _tested(test: TestedCapacity) -> Change:
    data = {"asset_id": test.asset_id, "part": test.part, "direction": test.direction, "result_bps": test.result_bps}
    return Change(0, test.at_us, test.tenant_id, KIND, "capacity_test", data)


def _moved(event: CityEvent, now_us: int) -> Change:
    data = {"event_id": event.event_id, "state": state_due(event, now_us).value, "version": event.version}
    return Change(0, now_us, event.tenant_id, KIND, "event", data)
