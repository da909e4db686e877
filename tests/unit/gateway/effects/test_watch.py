"""Rules are run; one that fails keeps its state and stops no other."""

from collections.abc import Mapping
from typing import Any, cast

from devices.alarms import Alarm, Raised
from devices.catalog import Catalog
from devices.kind import DeviceKind
from devices.messages import Severity, State
from devices.ports.inventory import Asset
from devices.ports.registry import Transaction
from devices.rules import Context, DeviceView, Outcome
from gateway.bindings import Bindings
from gateway.effects.reachability import Reachability
from gateway.effects.views import AssetNow, Views
from gateway.effects.watch import Watch
from tests.unit.gateway.fakes import NOW_US, LampTelemetry


def broken(view: DeviceView, _context: Context, _state: Mapping[str, Any]) -> Outcome:
    return Outcome(state={"limit": 10 ** (400 if view.asset_id == "odd" else 1) / 2})


def lit(view: DeviceView, context: Context, _state: Mapping[str, Any]) -> Outcome:
    return Outcome(raised=(Raised("lit", context.now_us, Severity.INFO),))


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
    kind = DeviceKind(name="lamp", title="Lamp", telemetry=LampTelemetry, state=State, rules=(broken, lit))
    catalog = Catalog({"lamp": kind})
    watch, book = Watch(catalog, Reachability(catalog, Bindings(), Views()), {}), Book()
    now = {
        name: AssetNow(Asset(name, "kl", "lamp", name, 0), rule_states={"broken": {"limit": 1}})
        for name in ("odd", "right")
    }
    watch.look(cast("Transaction", book), {(name, "state", "") for name in now}, now, NOW_US)
    assert {alarm.asset_id for alarm in book.alarms} == {"odd", "right"}
    assert watch.failures == 1
    assert now["odd"].rule_states["broken"] == {"limit": 1}
    assert book.states["right"]["broken"] == {"limit": 5}
