"""Roles, routes, things: what is not yours is not there, what you may not do is refused, no answer tells of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

from api.authentication import Needs
from devices.alarms import Alarm
from devices.catalog import discover
from devices.commands.command import Command
from devices.event_network.city_event import CityEvent, EventKind
from devices.event_network.ports import EventBook
from devices.messages import Severity
from devices.people.roles import Grant, covers, roles
from devices.ports.access import ApiKey, ApiKeys
from devices.ports.alarms import Alarms
from devices.ports.books import DeadLetter, DeadLetters, Gap, Ledger
from devices.ports.commands import Commands
from devices.ports.current import Latest, LatestValues
from devices.ports.inventory import Group, Groups, Inventory, UnknownDevice
from devices.samples import Sample
from tests.contracts.api.conftest import NOW_US, City
from tests.contracts.api.people import person, sign_in

CATALOG: Final = discover()
ROLES: Final = roles(CATALOG)
RESTRICTED: Final = frozenset(k.name for k in CATALOG.values() if k.restricted)


@dataclass(frozen=True)
class Thing:
    """A device with all that belongs to one; every id and name of it holds `mark`."""

    mark: str
    kind: str
    tenant_id: str


INSIDE = Thing("xinside", "streetlight", "kl")
THINGS: Final = (
    INSIDE,
    Thing("xoutside", "streetlight", "kl"),
    Thing("xnode", "event_network", "kl"),
    Thing("xfritz", "fire_drone", "kl"),
    *(Thing(f"xother{n}", kind, "zw") for n, kind in enumerate(("streetlight", "event_network", "fire_drone"))),
)


@dataclass(frozen=True)
class Person:
    """Somebody of kl with one role, whole or within one group; `role` empty: with none."""

    role: str
    limited: bool = False

    @property
    def user_id(self) -> str:
        return f"{self.role or 'nobody'}{'-limited' if self.limited else ''}"

    @property
    def scopes(self) -> frozenset[str]:
        return ROLES.get(self.role, frozenset())

    def may(self, scope: str, *, in_part: bool) -> bool:
        """Whether a route that needs the scope lets him in."""
        return (in_part or not self.limited) and covers(self.scopes, scope, RESTRICTED)

    def sees(self, thing: Thing, *, wholly: bool = False) -> bool:
        """Whether a thing is his; `wholly`: what only those see who see the whole kind."""
        mine = thing.tenant_id == "kl" and covers(self.scopes, f"{thing.kind}:read", RESTRICTED)
        return mine and (not self.limited or (thing == INSIDE and not wholly))


PEOPLE: Final = (
    *(Person(role) for role in ROLES),
    Person("light_operator", limited=True),
    Person("viewer", limited=True),
    Person(""),
)
IDS: Final[Mapping[str, str]] = {
    "asset_id": "{}",
    "drone_id": "{}",
    "node_id": "{}",
    "device_id": "u-{}",
    "group_id": "g-{}",
    "alarm_id": "a-{}",
    "command_id": "c-{}",
    "wire_id": "w-{}",
    "letter_id": "l-{}",
    "event_id": "e-{}",
    "flight_id": "f-{}",
    "user_id": "p-{}",
    "key_id": "k-{}",
    "tenant_id": "{}-town",
}
WHOLLY: Final = frozenset({"letter_id", "device_id"})
NOT_OF_A_KIND: Final = frozenset({"user_id", "key_id", "tenant_id"})
OF_KIND: Final = {"drones": "fire_drone", "flights": "fire_drone", "streetlights": "streetlight"} | {
    "light-groups": "streetlight",
    "network-nodes": "event_network",
    "events": "event_network",
}
BODIES: Final[Mapping[str, Any]] = {
    "commands": {"name": "dim", "arguments": {"level_pct": 50}},
    "dim": {"arguments": {"level_pct": 50}},
    "resume": {"arguments": {}},
    "replace": {"device_id": "new"},
    "acknowledge": {},
    "approve": {},
    "cancel": None,
    "config": {},
    "loans": {"tenant_id": "zw", "until": "2100-01-01T00:00:00Z"},
}
CREDENTIALS: Final = "/api/v1/devices/{asset_id}/credentials"
"""What it needs depends on the kind."""
NOT_THERE: Final = frozenset({"/api/v1/drones/{drone_id}/position"})
EXPORT: Final = "/api/v1/users/{user_id}/export"
"""Everybody has his own; 403 for all others, whether they are there or not, to who may not ask."""
ENDLESS: Final = "/api/v1/stream"
SAFE: Final = frozenset({"GET", "HEAD"})


def _fill(city: City, thing: Thing) -> None:
    name, kind, town = thing.mark, thing.kind, thing.tenant_id
    city.asset(name, kind, town)
    values = {"cpu_pct" if kind == "event_network" else "level_pct": 1.0}
    city.writer.write([Sample(name, kind, town, "telemetry", f"part-{name}", NOW_US - 1, NOW_US, values)])
    alarm: dict[str, Any] = {
        "alarm_id": f"a-{name}",
        "asset_id": name,
        "tenant_id": town,
        "kind": kind,
        "name": "silent",
    }
    alarm |= {"part": "", "severity": Severity.MAJOR, "since_us": NOW_US, "raised_us": NOW_US, "details": {}}
    alarm |= dict.fromkeys(("cleared_us", "acknowledged_us", "acknowledged_by", "comment"))
    with city.registry.write() as tx:
        tx.get(LatestValues).put([Latest(name, kind, town, "telemetry", "", NOW_US, NOW_US, values)])
        tx.get(Groups).put(Group(f"g-{name}", town, kind, name, (name,), 0))
        tx.get(Inventory).note_unknown([UnknownDevice(f"u-{name}", town, kind, NOW_US, NOW_US, 1)])
        tx.get(Alarms).add([Alarm(**alarm)])
        tx.get(Commands).add(
            [Command(f"c-{name}", f"w-{name}", town, kind, name, f"g-{name}", "x", {}, "i", "", NOW_US, NOW_US + 1)]
        )
        tx.get(DeadLetters).add(
            [DeadLetter(f"l-{name}", NOW_US, name.encode(), b"{}", "bad_json", "", town, kind, f"d-{name}")]
        )
        tx.get(Ledger).put_gaps([Gap(f"d-{name}", kind, town, "b", 1, 9, 8, 1, NOW_US)])
        if kind == "event_network":
            times = (NOW_US, NOW_US, NOW_US + 2, NOW_US + 2)
            tx.get(EventBook).add(CityEvent(f"e-{name}", town, name, EventKind.FAIR, "Europe/Berlin", *times))
    if town != "kl":
        _fill_town(city, thing)


def _fill_town(city: City, thing: Thing) -> None:
    """What belongs to a town and to no kind."""
    city.town(f"{thing.mark}-town")
    person(city, f"p-{thing.mark}", Grant("viewer", "zw"), password=False)
    with city.registry.write() as tx:
        digest = thing.mark.encode()
        tx.get(ApiKeys).add(
            ApiKey(f"k-{thing.mark}", thing.mark, digest, thing.mark, "zw", frozenset({"streetlight:read"}), NOW_US)
        )


@dataclass(frozen=True)
class Route:
    """A documented route and what it needs."""

    method: str
    path: str
    needs: Needs | None

    @property
    def parameter(self) -> str | None:
        """The first thing that its path names."""
        return self.path.partition("{")[2].partition("}")[0] or None

    def of(self, thing: Thing) -> str:
        """Its path for a thing; what else it names is not there."""
        path = self.path.replace(
            f"{{{self.parameter}}}", IDS.get(self.parameter or "", "nothing-{}").format(thing.mark)
        )
        return path.replace("{", "").replace("}", "")

    def fits(self, thing: Thing) -> bool:
        """Whether its path is for things of the kind."""
        first = self.path.removeprefix("/api/v1/").partition("/")[0]
        if first in CATALOG:
            return first == thing.kind
        return OF_KIND.get(first, thing.kind) == thing.kind


def _routes(city: City) -> Iterator[Route]:
    documented = city.client.get("/openapi.json").json()["paths"]
    found = {}
    for route in iter_route_contexts(city.client.app.routes):  # type: ignore[attr-defined]
        for method in set(route.methods or ()):
            found[method, route.path] = next(
                (c for c in _calls(getattr(route, "dependant", None)) if isinstance(c, Needs)), None
            )
    for path, methods in documented.items():
        for method in {m.upper() for m in methods} & {"GET", "POST", "PUT", "PATCH", "DELETE"}:
            if (
                path != ENDLESS
                and "/login" not in path
                and not path.startswith("/api/v1/me")
                and path.startswith("/api/v1")
            ):
                yield Route(method, path, found[method, path])


def _calls(dependant: Any) -> Iterator[object]:
    if dependant is not None:
        yield dependant.call
        for inner in dependant.dependencies:
            yield from _calls(inner)


@pytest.mark.parametrize("who", PEOPLE, ids=lambda who: who.user_id)
def test_nobody_gets_at_what_is_not_his(city: City, who: Person) -> None:
    for thing in THINGS:
        _fill(city, thing)
    limits = frozenset({f"group/g-{INSIDE.mark}"}) if who.limited else frozenset()
    person(city, who.user_id, *([Grant(who.role, "kl", limits)] if who.role else []))
    browser = sign_in(city, who.user_id)
    asked = 0
    for route in sorted(_routes(city), key=lambda r: (r.path, r.method)):
        if route.path == "/api/v1/logout":
            continue
        for thing in THINGS if route.parameter and _let_in(who, route) else THINGS[:1]:
            asked += _try(browser, who, route, thing)
    assert asked > 100


def _let_in(who: Person, route: Route) -> bool:
    return route.needs is None or who.may(route.needs.scope, in_part=route.needs._in_part)


def _try(browser: TestClient, who: Person, route: Route, thing: Thing) -> int:
    let_in = _let_in(who, route)
    sees = _sees(who, route, thing)
    if route.method not in SAFE and let_in and sees:
        return 0  # what is allowed has tests of its own, and would change things here
    path = route.of(thing)
    body = None if route.method in SAFE else BODIES.get(route.path.rpartition("/")[2], {})
    answer = browser.request(route.method, path, json=body, headers={"If-Match": "*"})
    told = (who.user_id, route.method, path, answer.status_code, answer.text[:500])
    assert answer.status_code < 500, told
    if route.needs is not None and not let_in:
        # Routes of a restricted kind may say 404, whatever they are asked for.
        subject = route.needs.scope.partition(":")[0]
        assert answer.status_code in ({403, 404} if subject in RESTRICTED else {403}), told
    elif not sees:
        assert answer.status_code in _refusals(route), told
    elif route.path == CREDENTIALS:
        scope = f"{thing.kind}:credentials" if thing.kind in RESTRICTED else "credentials:admin"
        assert (answer.status_code == 403) != who.may(scope, in_part=False), told
    elif route.parameter in IDS and route.parameter not in NOT_OF_A_KIND | {"flight_id"} and _there(route, thing):
        assert answer.status_code not in {401, 403, 404}, told
    if not route.path.startswith(("/api/v1/events", "/api/v1/audit")) or answer.status_code == 200:
        shown = answer.text if answer.status_code < 300 else answer.text.replace(thing.mark, "")
        hidden = [t.mark for t in THINGS if t.mark in shown and not (_sees(who, route, t) or who.sees(t))]
        assert not hidden, (hidden, *told)
    return 1


def _sees(who: Person, route: Route, thing: Thing) -> bool:
    if route.parameter is None:
        return True
    if route.parameter in NOT_OF_A_KIND:
        return False if thing.tenant_id != "kl" else route.method in SAFE
    return who.sees(thing, wholly=route.parameter in WHOLLY) and route.parameter in IDS


def _refusals(route: Route) -> set[int]:
    if route.path == EXPORT:
        return {403, 404}
    known = route.method in {"GET", "DELETE"} or route.path.rpartition("/")[2] in BODIES
    return {404} if known else {404, 422, 409}


def _there(route: Route, thing: Thing) -> bool:
    """Whether the path names something that there is."""
    only = {"event_id": "event_network"}.get(route.parameter or "", thing.kind)
    return route.fits(thing) and only == thing.kind and route.path.count("{") == 1 and route.path not in NOT_THERE
