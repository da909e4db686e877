"""Newest values, rules and what is told of them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest

from application.ports.alarms import AlarmRepository
from application.ports.inventory import Asset
from application.ports.journal import JournalBatch
from application.ports.latest_values import LatestValue, LatestValues, RuleStates
from devices.alarms import Alarm, AlarmCleared, AlarmRaised
from devices.kind import DeviceKind
from devices.kind_catalog import KindCatalog
from devices.messages import EventSeverity, StateMessage
from devices.rules import DeviceView, RuleContext, RuleOutcome, RuleState
from devices.samples import RawMessage
from devices.time_us import SECOND_US, rfc3339
from gateway.batch import BatchItem, items_of
from gateway.binding_cache import BindingCache
from gateway.decode import DecodedMessage
from gateway.effects.change_publisher import ChangePublisher
from gateway.effects.device_state_cache import AssetNow, DeviceStateCache
from gateway.effects.latest_updater import update_latest
from gateway.effects.reachability import ReachabilityTracker
from gateway.effects.rule_engine import RuleEngine
from gateway.verdicts import MessageOutcome as Judged
from gateway.verdicts import MessageVerdict
from tests.unit.gateway.fakes import DECODER, NOW_US, LampTelemetry, MemoryRegistry, message

ASSET = Asset("a-l1", "kl", "lamp", "Lamp 1", 0)


def items(*messages: RawMessage) -> list[BatchItem]:
    decoded = [DECODER.decode(m) for m in messages]
    assert all(isinstance(h, DecodedMessage) for h in decoded), decoded
    verdicts = [MessageVerdict(Judged.RETAINED if m.retained else Judged.ACCEPTED, "a-l1") for m in messages]
    return list(items_of(JournalBatch(1, messages), decoded, verdicts))


def newest(asset: AssetNow, channel: str = "telemetry", part: str = "") -> Mapping[str, Any]:
    return asset.latest[channel, part].values


@pytest.fixture
def asset() -> AssetNow:
    return AssetNow(ASSET)


def test_newest_by_its_own_time_stays_whatever_the_order(asset: AssetNow) -> None:
    late = items(message(3, level_pct=3), message(1, level_pct=1), message(2, part="b", level_pct=2))
    assert update_latest(late, {"a-l1": asset}) == {("a-l1", "telemetry", ""), ("a-l1", "telemetry", "b")}
    assert (newest(asset), newest(asset, part="b")) == ({"level_pct": 3}, {"level_pct": 2})
    assert update_latest(items(message(2, level_pct=2)), {"a-l1": asset}) == set()
    assert newest(asset) == {"level_pct": 3}


def test_retained_delivery_is_no_sign_of_life_and_changes_nothing_known(asset: AssetNow) -> None:
    update_latest(items(message(1, channel="status", state="offline")), {"a-l1": asset})
    seen_us, known = asset.last_seen_us, dict(asset.latest)
    again = message(1, channel="status", state="offline", retained=True, received_us=NOW_US + 9)
    assert update_latest(items(again), {"a-l1": asset}) == set()
    assert (asset.last_seen_us, asset.latest) == (seen_us, known)


def test_older_retained_state_does_not_replace_a_newer(asset: AssetNow) -> None:
    update_latest(items(message(5, channel="state", config_version=5)), {"a-l1": asset})
    old = message(4, channel="state", config_version=4, retained=True, received_us=NOW_US + 9)
    assert update_latest(items(old), {"a-l1": asset}) == set()
    assert newest(asset, "state")["config_version"] == 5


def test_retained_fills_what_is_not_known(asset: AssetNow) -> None:
    update_latest(items(message(4, channel="state", config_version=4, retained=True)), {"a-l1": asset})
    assert newest(asset, "state")["config_version"] == 4
    assert asset.last_seen_us == 0


class Books:
    """`Alarms`, `RuleStates` and `LatestValues`."""

    def __init__(self) -> None:
        self.open: dict[str, Alarm] = {}
        self.states: dict[str, Mapping[str, Any]] = {}
        self.rows: list[LatestValue] = []
        self.raised = 0

    def add(self, alarms: Sequence[Alarm]) -> None:
        self.open |= {a.alarm_id: a for a in alarms}
        self.raised += len(alarms)

    def clear(self, alarm_ids: Collection[str], at_us: int) -> None:
        for alarm_id in alarm_ids:
            del self.open[alarm_id]

    def open_of(self, asset_ids: Collection[str]) -> list[Alarm]:
        return list(self.open.values())

    def load(self, asset_ids: Collection[str]) -> dict[str, Any]:
        return dict(self.states)

    def put(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        self.states |= states

    def of_assets(self, asset_ids: Collection[str]) -> list[LatestValue]:
        return self.rows


def dark(view: DeviceView, context: RuleContext, state: RuleState) -> RuleOutcome:
    """Dark twice in a row."""
    sample = view.telemetry.get("")
    if sample is None or float(sample.values["level_pct"]) > 0:
        return RuleOutcome(cleared=(AlarmCleared("dark", context.now_us),))
    times = state.get("times", 0) + 1
    raised = (AlarmRaised("dark", sample.ts_us, EventSeverity.MAJOR),) if times >= 2 else ()
    return RuleOutcome({"times": times}, raised)


class Town:
    """A watch over one lamp, with its books."""

    def __init__(self) -> None:
        self.registry, self.books = MemoryRegistry(), Books()
        self.registry.more = dict.fromkeys((AlarmRepository, RuleStates, LatestValues), self.books)
        kind = DeviceKind(name="lamp", title="Lamp", telemetry=LampTelemetry, state=StateMessage, rules=(dark,))
        self.kinds = KindCatalog({"lamp": kind})
        self.restart()

    def restart(self) -> None:
        self.views = DeviceStateCache()
        self.watch = RuleEngine(self.kinds, ReachabilityTracker(self.kinds, BindingCache(), self.views), {})

    def say(self, seq: int, level: float, now_us: int) -> list[str]:
        now = self.views.load(self.registry, [ASSET])
        triggers = update_latest(items(message(seq, level_pct=level)), now)
        changes = self.watch.evaluate_rules(self.registry, triggers, now, now_us)
        return [f"{'cleared' if c.data['cleared'] else 'raised'} {c.data['name']}" for c in changes]


def test_alarm_is_raised_once_and_cleared_once() -> None:
    town = Town()
    told = [town.say(n, level, NOW_US + n * SECOND_US) for n, level in enumerate([0, 0, 0, 40, 40])]
    assert told == [[], ["raised dark"], [], ["cleared dark"], []]
    assert (town.books.open, town.books.raised) == ({}, 1)


def test_rule_state_and_open_alarms_survive_a_restart() -> None:
    town = Town()
    town.say(0, 0, NOW_US)
    town.restart()
    assert town.say(1, 0, NOW_US + SECOND_US) == ["raised dark"]
    town.restart()
    assert town.say(2, 0, NOW_US + 2 * SECOND_US) == []
    assert town.books.raised == 1


def test_asset_that_speaks_often_is_looked_at_once_a_second_and_the_last_word_counts() -> None:
    town = Town()
    town.say(0, 0, NOW_US)
    assert [town.say(n, 0, NOW_US + n) for n in range(1, 5)] == [[], [], [], []]
    assert town.watch.overdue(NOW_US + SECOND_US - 1) == []
    assert town.watch.overdue(NOW_US + SECOND_US) == [("a-l1", "telemetry", "")]
    assert town.watch.overdue(NOW_US + SECOND_US) == [], "each is given once"


def test_few_changes_are_told_at_once_many_once_a_second() -> None:
    tell = ChangePublisher()
    city = {f"a{n}": AssetNow(Asset(f"a{n}", "kl", "lamp", "", 0)) for n in range(250)}
    for asset_id, asset in city.items():
        asset.keep_newer(LatestValue(asset_id, "lamp", "kl", "telemetry", "", NOW_US, NOW_US, {"level_pct": 1}))
    one = {("a0", "telemetry", "")}
    (change,) = tell.changes(one, city, NOW_US)
    assert change.data == {"devices": [{"device_id": "a0", "ts": rfc3339(NOW_US), "values": {"level_pct": 1}}]}
    everybody = {(asset_id, "telemetry", "") for asset_id in city}
    assert tell.changes(everybody, city, NOW_US + 1) == []
    changes = tell.changes(one, city, NOW_US + SECOND_US)
    assert sorted(len(c.data["devices"]) for c in changes) == [50, 200]
    assert not tell.due(NOW_US + 9 * SECOND_US)


def test_views_forget_after_a_failure_and_load_again() -> None:
    town = Town()
    town.books.rows = [LatestValue("a-l1", "lamp", "kl", "telemetry", "", NOW_US, NOW_US, {"level_pct": 7})]
    now = town.views.load(town.registry, [ASSET])["a-l1"]
    assert (newest(now), now.dirty, now.view(NOW_US).last_seen_us) == ({"level_pct": 7}, set(), NOW_US)
    town.books.rows = []
    town.views.forget()
    assert town.views.load(town.registry, [ASSET])["a-l1"].latest == {}
