"""Rules are run; one that fails keeps its state and stops no other."""

from collections.abc import Mapping
from typing import Any, cast

from application.ports.inventory import Asset
from application.ports.registry import RegistryTransaction
from devices.alarms import Alarm, AlarmRaised
from devices.kind import DeviceKind
from devices.kind_catalog import KindCatalog
from devices.messages import EventSeverity, StateMessage
from devices.rules import DeviceView, RuleContext, RuleOutcome
from gateway.binding_cache import BindingCache
from gateway.effects.device_state_cache import AssetNow, DeviceStateCache
from gateway.effects.reachability import ReachabilityTracker
from gateway.effects.rule_engine import RuleEngine
from tests.unit.gateway.fakes import NOW_US, LampTelemetry


def broken(view: DeviceView, _context: RuleContext, _state: Mapping[str, Any]) -> RuleOutcome:
    return RuleOutcome(state={"limit": 10 ** (400 if view.asset_id == "odd" else 1) / 2})


def lit(view: DeviceView, context: RuleContext, _state: Mapping[str, Any]) -> RuleOutcome:
    return RuleOutcome(raised=(AlarmRaised("lit", context.now_us, EventSeverity.INFO),))


class Book:
    """In place of the registry's books of alarms and rule states."""

    def __init__(self) -> None:
        self.alarms: list[Alarm] = []
        self.states: dict[str, Any] = {}

    def get(self, _port: object) -> "Book":
        return self

    def add(self, alarms: list[Alarm]) -> None:
        self.alarms += alarms

    def put(self, states: Mapping[str, Any]) -> None:
        self.states.update(states)


def test_a_rule_that_fails_with_one_device_stops_nothing_else() -> None:
    kind = DeviceKind(name="lamp", title="Lamp", telemetry=LampTelemetry, state=StateMessage, rules=(broken, lit))
    catalog = KindCatalog({"lamp": kind})
    watch, book = RuleEngine(catalog, ReachabilityTracker(catalog, BindingCache(), DeviceStateCache()), {}), Book()
    now = {
        name: AssetNow(Asset(name, "kl", "lamp", name, 0), rule_states={"broken": {"limit": 1}})
        for name in ("odd", "right")
    }
    watch.evaluate_rules(cast("RegistryTransaction", book), {(name, "state", "") for name in now}, now, NOW_US)
    assert {alarm.asset_id for alarm in book.alarms} == {"odd", "right"}
    assert watch.failures == 1
    assert now["odd"].rule_states["broken"] == {"limit": 1}
    assert book.states["right"]["broken"] == {"limit": 5}
