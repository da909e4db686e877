"""A connector is lost: its members are unreachable, with one alarm that names them, until it is back."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from application.ports.alarms import AlarmRepository
from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from application.ports.latest_values import LatestValues
from application.ports.loans import Loan, LoanRepository
from application.ports.memberships import ConnectorMembership, MembershipRepository
from devices.errors import RegistryUnavailable
from devices.generic_rules import device_offline, silence_rule
from devices.kind import DeviceKind, KindLimits
from devices.kind_catalog import KindCatalog
from devices.messages import PROTOCOL_VERSION, StateMessage, StatusState
from devices.samples import RawMessage
from devices.time_us import MINUTE_US, rfc3339
from gateway.decode import MessageDecoder
from gateway.dispatch.command_progress import CommandProgress
from gateway.effects.cursor import build_effects
from gateway.journal_lane import JournalLane
from gateway.store_queue import StoreQueue
from storage.registry.engine import SqlRegistry, open_registry
from tests.unit.gateway.fakes import NOW_US, LampTelemetry, MemoryIdentity, MemoryJournal

LIMITS = KindLimits(reporting_interval_s=60)
RULES = (silence_rule(LIMITS), device_offline)
COMMON: dict[str, Any] = {"telemetry": LampTelemetry, "state": StateMessage, "rules": RULES, "limits": LIMITS}
CATALOG = KindCatalog(
    {
        "lamp": DeviceKind(name="lamp", title="Lamp", **COMMON),
        "drone": DeviceKind(name="drone", title="Drone", restricted=True, **COMMON),
    }
)
NAMES = tuple(f"m{n:02}" for n in range(40))
"""Lamps for which c speaks."""


class Town:
    """The effects of a gateway over a real registry."""

    def __init__(self, registry: SqlRegistry) -> None:
        self.registry = registry
        self.now_us = NOW_US
        self.journal = MemoryJournal()
        self.identity = MemoryIdentity()
        self.seq = 0
        self.restart()

    def restart(self) -> None:
        self.cursor = build_effects(
            lanes=[(JournalLane("lane", self.journal, lambda _: None), StoreQueue())],  # type: ignore[arg-type]
            decoder=MessageDecoder(CATALOG),
            catalog=CATALOG,
            identity=self.identity,
            registry=self.registry,
            answers=CommandProgress(CATALOG),
            reactions={},
            now_us=lambda: self.now_us,
        ).cursor

    def register(self, name: str, kind: str = "lamp", via: str | None = None) -> None:
        with self.registry.write() as tx:
            tx.get(AssetRepository).add(Asset(f"a-{name}", "kl", kind, name, NOW_US, via=via))
            tx.get(AssetRepository).bind(DeviceBinding(f"a-{name}", name, "kl", kind, NOW_US - 1))

    def behind(self, connector: str, *members: str, kind: str = "lamp") -> None:
        with self.registry.write() as tx:
            wanted = [ConnectorMembership(m, kind, connector, "lamp", "kl", NOW_US - 1) for m in members]
            tx.get(MembershipRepository).begin(wanted)

    def say(self, *said: tuple[str, str, dict[str, Any]], after_us: int = MINUTE_US // 6) -> None:
        """(prefix below the town, channel, fields) of each message, all at once a while later."""
        self.now_us += after_us
        messages = []
        for base, channel, fields in said:
            self.seq += 1
            body: dict[str, Any] = {"v": PROTOCOL_VERSION, "boot_id": "b"}
            if channel != "status":
                body |= {"device_id": base.rpartition("/")[2], "seq": self.seq, "ts": rfc3339(self.now_us)}
            topic = f"city/v1/kl/{base}/{channel}".encode()
            payload = json.dumps(body | fields).encode()
            messages.append(RawMessage(topic, payload, 1, retained=False, duplicate=False, received_us=self.now_us))
        self.journal.batches[len(self.journal.batches) + 1] = messages
        assert self.cursor.run_pass() == len(messages)

    def clock(self, after_us: int = 0) -> None:
        self.now_us += after_us
        while self.cursor.clock(due=True):
            pass

    def states(self, *names: str) -> list[str]:
        with self.registry.read() as tx:
            rows = tx.get(LatestValues).of_assets([f"a-{name}" for name in names])
        found = {row.asset_id: str(row.values.get("state")) for row in rows if row.channel == "status"}
        return [found.get(f"a-{name}", "") for name in names]

    def alarms(self) -> list[tuple[str, str]]:
        with self.registry.read() as tx:
            found = tx.get(AlarmRepository).find(only_open=True, limit=1000).items
        return sorted((alarm.asset_id, alarm.name) for alarm in found)

    def details(self) -> list[dict[str, Any]]:
        with self.registry.read() as tx:
            return [dict(a.details) for a in tx.get(AlarmRepository).find(only_open=True, limit=1000).items]


def status(base: str, state: StatusState) -> tuple[str, str, dict[str, Any]]:
    return base, "status", {"state": state.value}


def below(name: str, kind: str = "lamp") -> str:
    return f"lamp/c/member/{kind}/{name}"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    registry = open_registry(f"sqlite:///{tmp_path / 'registry.db'}", checkpoints=True)
    made = Town(registry)
    made.register("c")
    for name in NAMES:
        made.register(name)
    made.behind("c", *NAMES)
    made.say(status("lamp/c", StatusState.ONLINE), *(status(below(n), StatusState.ONLINE) for n in NAMES))
    yield made
    registry.close()


def test_forty_members_of_a_lost_connector_make_one_alarm_and_return_with_it(town: Town) -> None:
    assert set(town.states(*NAMES)) == {"online"}
    town.say(status("lamp/c", StatusState.OFFLINE))
    assert (town.states("c"), set(town.states(*NAMES))) == (["offline"], {"unreachable"})
    assert town.alarms() == [("a-c", "device_offline")]
    (details,) = town.details()
    assert details["unreachable"] == len(NAMES)
    assert details["devices"].startswith("a-m00, a-m01, ")
    for _ in range(10):
        town.clock(MINUTE_US)
    assert town.alarms() == [("a-c", "device_offline")], "also when they have been silent for long"
    town.restart()
    town.clock(MINUTE_US)
    assert town.alarms() == [("a-c", "device_offline")], "also after a restart"
    town.say(status("lamp/c", StatusState.ONLINE), *((below(n), "telemetry", {}) for n in NAMES))
    assert (town.states("c"), set(town.states(*NAMES))) == (["online"], {"online"})
    town.clock()
    assert town.alarms() == []


def test_rules_that_are_due_run_also_after_what_was_put_off(town: Town) -> None:
    for _ in range(2):
        town.say((below("m00"), "telemetry", {}), after_us=1000)
    town.now_us += 20 * MINUTE_US
    assert town.cursor.clock(due=True) is True
    assert town.alarms() == [], "only what was put off is looked at"
    assert town.cursor.clock(due=False) is False
    assert town.alarms() == [("a-c", "device_silent")]


def test_rules_that_are_due_run_also_after_the_registry_was_away(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_asked: object) -> None:
        raise RegistryUnavailable("no connection")

    town.now_us += 20 * MINUTE_US
    assert town.cursor.clock(due=False) is False
    monkeypatch.setattr(town.cursor._apply, "clock", away)
    with pytest.raises(RegistryUnavailable):
        town.cursor.clock(due=True)
    monkeypatch.undo()
    assert town.cursor.clock(due=False) is False
    assert town.alarms() == [("a-c", "device_silent")]


def test_what_a_member_said_itself_stays_and_comes_back(town: Town) -> None:
    town.say(status(below("m00"), StatusState.OFFLINE), status(below("m01"), StatusState.SLEEPING))
    assert town.alarms() == [("a-m00", "device_offline")]
    town.say(status("lamp/c", StatusState.OFFLINE))
    assert town.states("m00", "m01") == ["offline", "unreachable"]
    town.say(status("lamp/c", StatusState.ONLINE))
    assert town.states("m00", "m01") == ["offline", "sleeping"]
    assert town.alarms() == [("a-m00", "device_offline")]


def test_a_silent_connector_has_the_alarm_and_one_that_relays_is_not_silent(town: Town) -> None:
    for _ in range(8):
        town.say(*((below(n), "telemetry", {}) for n in NAMES[1:]), after_us=MINUTE_US)
        town.clock()
    assert town.alarms() == [("a-m00", "device_silent")], "it speaks for the others, so it is there"
    for _ in range(5):
        town.clock(MINUTE_US)
    assert town.alarms() == [("a-c", "device_silent")]


def test_a_connector_that_falls_silent_is_lost_as_if_its_will_had_come(town: Town) -> None:
    """A power cut behind a NAT, a frozen process: the connection stands, and nothing comes."""
    for _ in range(3):
        town.say(*((below(n), "telemetry", {}) for n in NAMES), after_us=MINUTE_US)
    for _ in range(3):
        town.clock(MINUTE_US)
        assert (town.alarms(), set(town.states(*NAMES))) == ([], {"online"}), "it may only be slow"
    town.clock(MINUTE_US)
    assert (town.states("c"), set(town.states(*NAMES))) == (["online"], {"unreachable"})
    assert town.alarms() == [("a-c", "device_silent")]
    (details,) = town.details()
    assert (details["unreachable"], details["devices"].startswith("a-m00, a-m01, ")) == (len(NAMES), True)
    town.restart()
    town.clock(MINUTE_US)
    assert (set(town.states(*NAMES)), town.alarms()) == ({"unreachable"}, [("a-c", "device_silent")])
    town.say(("lamp/c", "telemetry", {}))
    assert set(town.states(*NAMES)) == {"online"}, "heard again, at once"
    town.clock()
    assert ("a-c", "device_silent") not in town.alarms()


def test_members_that_fell_silent_before_their_connector_was_found_so_have_no_alarms_of_their_own(town: Town) -> None:
    for _ in range(3):
        town.say(*((below(n), "telemetry", {}) for n in NAMES), after_us=MINUTE_US)
    town.say((below("m00"), "telemetry", {}), after_us=MINUTE_US // 2)
    town.clock(3 * MINUTE_US - 1)
    assert town.alarms() == [], "39 have been silent for long enough, and their connector not yet"
    town.clock(MINUTE_US)
    assert town.alarms() == [("a-c", "device_silent")]


def test_a_connector_that_only_relays_is_not_lost_by_a_restart(town: Town) -> None:
    for _ in range(8):
        town.say(*((below(n), "telemetry", {}) for n in NAMES), after_us=MINUTE_US)
    town.restart()
    town.clock()
    assert (set(town.states(*NAMES)), town.alarms()) == ({"online"}, [])


def test_a_connector_that_sleeps_is_not_lost(town: Town) -> None:
    town.say(status("lamp/c", StatusState.SLEEPING))
    town.clock(10 * MINUTE_US)
    assert set(town.states(*NAMES)) == {"online"}


def test_one_that_leaves_its_connector_is_no_longer_lost_with_it(town: Town) -> None:
    town.say(status("lamp/c", StatusState.OFFLINE))
    with town.registry.write() as tx:
        tx.get(MembershipRepository).end(["m00"], town.now_us)
    town.clock(MINUTE_US)
    assert town.states("m00", "m01") == ["online", "unreachable"]


def test_who_does_not_see_the_connectors_alarm_gets_one_of_his_own(town: Town) -> None:
    town.register("fritz", "drone")
    town.behind("c", "fritz", kind="drone")
    with town.registry.write() as tx:
        tx.get(LoanRepository).add(Loan("l", "a-m39", "kl", "zw", NOW_US - 1, NOW_US + 100 * MINUTE_US))
    town.say(status(below("fritz", "drone"), StatusState.ONLINE))
    town.say(status("lamp/c", StatusState.OFFLINE))
    offline = "device_offline"
    assert town.alarms() == [("a-c", offline), ("a-fritz", offline), ("a-m39", offline)]
    (details,) = (one for one in town.details() if one)
    assert (details["unreachable"], "fritz" in details["devices"]) == (len(NAMES) - 1, False)


def test_behind_a_lost_parent_a_device_that_is_gone_is_unreachable_and_one_that_speaks_is_not(town: Town) -> None:
    town.register("gone", via="a-c")
    town.register("here", via="a-c")
    town.say(status("lamp/gone", StatusState.ONLINE), status("lamp/here", StatusState.ONLINE))
    town.say(status("lamp/c", StatusState.OFFLINE))
    town.say(status("lamp/gone", StatusState.OFFLINE))
    assert town.states("gone", "here") == ["unreachable", "online"]
    assert town.alarms() == [("a-c", "device_offline")]
    town.say(status("lamp/c", StatusState.ONLINE))
    town.clock(MINUTE_US)
    assert town.states("gone", "here") == ["offline", "online"]
    assert ("a-gone", "device_offline") in town.alarms()
