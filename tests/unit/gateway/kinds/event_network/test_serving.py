"""What the event network does in the gateway."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from application.kinds.event_network.ports import EventRepository, RecentLinks
from application.ports.changes import Change, ChangeFeed
from application.ports.inventory import Asset, AssetRepository
from devices.errors import RegistryUnavailable
from devices.event_network.city_event import CityEvent, EventKind, EventState, MeasuredObject
from devices.samples import Sample, Value
from devices.time_us import HOUR_US, SECOND_US
from gateway.kinds.event_network.reactions import NetworkReactions
from storage.registry.engine import SqlRegistry, open_registry

START_US = 1_790_000_000_000_000


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[SqlRegistry]:
    opened = open_registry(f"sqlite:///{tmp_path}/registry.db")
    with opened.write() as tx:
        tx.get(AssetRepository).add(Asset("core", "kl", "event_network", "core", START_US))
        tx.get(EventRepository).add(
            CityEvent(
                event_id="e",
                tenant_id="kl",
                name="Altstadtfest",
                kind=EventKind.FAIR,
                time_zone="Europe/Berlin",
                setup_from_us=START_US,
                service_from_us=START_US + HOUR_US,
                service_to_us=START_US + 2 * HOUR_US,
                teardown_to_us=START_US + 3 * HOUR_US,
                objects=(MeasuredObject("up", "core", "uplink"),),
                state=EventState.CONFIRMED,
            )
        )
    yield opened
    opened.close()


def state(registry: SqlRegistry) -> EventState:
    with registry.read() as tx:
        return tx.get(EventRepository).get("e").state


def test_the_schedule_is_followed_and_told(registry: SqlRegistry) -> None:
    reactions = NetworkReactions(registry)
    seen = []
    for minutes in (-1, 0, 30, 61, 125, 181, 500):
        reactions.work(START_US + minutes * 60 * SECOND_US)
        seen.append(state(registry).value)
    assert seen == ["confirmed", "setup", "setup", "live", "teardown", "closed", "closed"]
    with registry.read() as tx:
        told = [c.data["state"] for c in tx.get(ChangeFeed).after(0) if c.topic == "event"]
    assert told == ["setup", "live", "teardown", "closed"]


def test_after_an_outage_the_state_of_now_is_reached_at_once(registry: SqlRegistry) -> None:
    NetworkReactions(registry).work(START_US + 2 * HOUR_US + 1)
    assert state(registry) is EventState.TEARDOWN


def test_rules_are_told_of_service_time_within_two_seconds(registry: SqlRegistry) -> None:
    reactions = NetworkReactions(registry)
    with registry.read() as tx:
        before = reactions.facts(tx, ["core", "other"], START_US + HOUR_US - SECOND_US)
        after = reactions.facts(tx, ["core", "other"], START_US + HOUR_US + SECOND_US)
    assert before["core"]["service_now"] is False
    assert after["core"]["service_now"] is True
    assert set(after) == {"core"}


def test_capacity_tests_are_kept_also_when_told_twice(registry: SqlRegistry) -> None:
    values: dict[str, Value] = {
        "measured_part": "uplink",
        "direction": "down",
        "result_bps": 900_000_000,
        "method": "rfc9097_udp",
    }
    test = Sample("core", "event_network", "kl", "event_capacity_test", "", START_US, START_US, values)
    other = replace_series(test)
    reactions = NetworkReactions(registry)
    changes: Sequence[Change] = ()
    for _ in range(2):
        with registry.write() as tx:
            changes = reactions.on_samples(tx, [test, other])
    with registry.read() as tx:
        (kept,) = tx.get(EventRepository).tests(["core"])
    assert (kept.part, kept.direction, kept.result_bps) == ("uplink", "down", 900_000_000)
    assert [c.topic for c in changes] == ["capacity_test"]


def replace_series(sample: Sample) -> Sample:
    return sample._replace(series="telemetry", values={"in_octets": 5})


def test_the_newest_samples_of_links_survive_a_restart_and_a_failed_transaction(registry: SqlRegistry) -> None:
    def sample(at_s: int, octets: int) -> Sample:
        at_us = START_US + at_s * SECOND_US
        return Sample("core", "event_network", "kl", "telemetry", "uplink", at_us, at_us, {"in_octets": octets})

    first = NetworkReactions(registry)
    with registry.write() as tx:
        first.on_samples(tx, [sample(10, 5), sample(0, 1)])
    with pytest.raises(RegistryUnavailable), registry.read() as tx:
        first.on_samples(tx, [sample(20, 9)])
    with registry.write() as tx:
        first.on_samples(tx, [sample(20, 9)])
    with registry.write() as tx:
        NetworkReactions(registry).on_samples(tx, [sample(30, 12)])
    with registry.read() as tx:
        (link,) = tx.get(RecentLinks).of_assets(["core"])
    assert [values["in_octets"] for _, values in link.counted] == [1, 5, 9, 12]


def test_a_plan_changed_in_between_is_followed_as_it_is_now(registry: SqlRegistry) -> None:
    reactions = NetworkReactions(registry)
    reactions.work(START_US + HOUR_US)
    with registry.write() as tx:
        book = tx.get(EventRepository)
        found = book.get("e")
        book.change(replace(found, service_to_us=found.service_to_us + HOUR_US, teardown_to_us=START_US + 9 * HOUR_US))
    reactions.work(START_US + 2 * HOUR_US + SECOND_US)
    assert state(registry) is EventState.LIVE, "a storm kept it open an hour longer"
