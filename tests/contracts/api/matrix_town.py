"""A town with one thing of everything, and the same of another town; every id and name of a thing holds its mark."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from application.access.roles import RoleGrant
from application.kinds.event_network.ports import EventRepository
from application.kinds.fire_drone.ports import FlightBook, FlightRecord
from application.notifications.deliveries import NotificationDelivery
from application.notifications.rule_evaluation import NotificationOccasion
from application.notifications.rules import NotificationChannel, NotificationRule, NotificationTarget
from application.ports.alarms import AlarmRepository
from application.ports.api_keys import ApiKey, ApiKeys
from application.ports.commands import CommandRepository
from application.ports.credentials import CredentialRepository, CredentialType, DeviceCredential
from application.ports.dead_letters import DeadLetter, DeadLetters
from application.ports.inventory import AssetGroup, AssetRepository, GroupRepository, UnknownDevice
from application.ports.latest_values import LatestValue, LatestValues
from application.ports.loans import Loan, LoanRepository
from application.ports.memberships import ConnectorMembership, MembershipRepository
from application.ports.message_ledger import MessageLedger, SequenceGap
from application.ports.notifications import DeliveryQueue, NotificationRules, NotificationTargets
from devices.alarms import Alarm
from devices.commands.command import Command
from devices.event_network.city_event import CityEvent, EventKind
from devices.fire_drone.flights.flight import DetectedFlight, FlightStatus
from devices.messages import EventSeverity
from devices.samples import Sample
from devices.time_us import DAY_US, from_us
from simulators.kinds.event_network.event import demo_event
from tests.contracts.api.certificate import certificate
from tests.contracts.api.conftest import NOW_US, City
from tests.contracts.api.people import person


@dataclass(frozen=True)
class Thing:
    """A device with all that belongs to one, or (letter T) what belongs to a town."""

    letter: str
    mark: str
    kind: str
    tenant_id: str = "kl"


INSIDE: Final = Thing("I", "xinside", "streetlight")
TOWN: Final = Thing("T", "xtown", "")
OWN: Final = (
    INSIDE,
    Thing("O", "xoutside", "streetlight"),
    Thing("N", "xnode", "event_network"),
    Thing("D", "xfritz", "fire_drone"),
)
OTHERS: Final = (
    Thing("I", "xother0", "streetlight", "zw"),
    Thing("N", "xother1", "event_network", "zw"),
    Thing("D", "xother2", "fire_drone", "zw"),
)
OTHER_TOWN: Final = Thing("T", "xother3", "", "zw")

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
    "loan_id": "lo-{}",
    "member_id": "m-{}",
    "user_id": "p-{}",
    "factor_id": "{}",
    "key_id": "k-{}",
    "tenant_id": "{}",
    "target_id": "t-{}",
    "rule_id": "r-{}",
    "notification_id": "n-{}",
}
"""How what a path names is called, from the mark of the thing."""
OF_TOWNS: Final = frozenset({"user_id", "key_id", "tenant_id", "target_id", "rule_id", "notification_id"})
_DIM: Final[Mapping[str, Any]] = {"arguments": {"level_pct": 50}}
_NAMED: Final[Mapping[str, Mapping[str, Any]]] = {
    "streetlight": {"name": "dim", **_DIM},
    "fire_drone": {"name": "request_full_state", "arguments": {}},
    "event_network": {
        "name": "set_profile",
        "arguments": {"service_class": "visitors", "down_bps": 1_000_000, "up_bps": 1_000_000},
    },
}
_RULE: Final[Mapping[str, Any]] = {"name": "All", "targets": ["t-xtown"], "kinds": ["streetlight"]}
_BODIES: Final[Mapping[str, Any]] = {
    "POST /devices/credentials": {"devices": [INSIDE.mark]},
    "POST /devices": {"id": "new-1", "kind": "streetlight", "name": "New"},
    "POST /devices/unknown/{device_id}/approve": {"name": "One"},
    "POST /devices/{asset_id}/replace": {"device_id": "new-2"},
    "PATCH /devices/{asset_id}": {"name": "Other"},
    "PUT /devices/{asset_id}/config": {"reporting_interval_s": 30},
    "PUT /devices/{asset_id}/credentials/certificate": {"certificate": certificate()},
    "POST /devices/{asset_id}/loans": {"tenant_id": "zw", "until": from_us(NOW_US + DAY_US).isoformat()},
    "PATCH /devices/{asset_id}/loans/{loan_id}": {"note": "new"},
    "POST /groups": {"id": "g-new", "kind": "streetlight", "name": "New", "members": [INSIDE.mark]},
    "PATCH /groups/{group_id}": {"name": "New"},
    "POST /light-groups": {"id": "g-new", "name": "New", "members": [INSIDE.mark]},
    "PATCH /light-groups/{group_id}": {"name": "New"},
    "POST /alarms/{alarm_id}/comment": {"comment": "seen"},
    "POST /alarms/{alarm_id}/acknowledge": {"comment": "seen"},
    "POST /alarms/{alarm_id}/shelve": {"comment": "seen", "duration_s": 60},
    "POST /streetlight/{asset_id}/commands/dim": _DIM,
    "POST /streetlight/{asset_id}/commands/resume": {"arguments": {}},
    "POST /fire_drone/{asset_id}/commands/request_full_state": {"arguments": {}},
    "POST /fire_drone/{asset_id}/commands/set_telemetry_rate": {"arguments": {"rate_hz": 1}},
    "POST /event_network/{asset_id}/commands/set_profile": {"arguments": _NAMED["event_network"]["arguments"]},
    "POST /api-keys": {"name": "new", "scopes": ["streetlight:read"]},
    "POST /users": {"id": "new", "name": "New", "roles": [{"role": "viewer"}]},
    "PATCH /users/{user_id}": {"name": "New"},
    "POST /tenants": {"tenant_id": "new", "name": "New"},
    "PATCH /tenants/{tenant_id}": {"name": "New"},
    "POST /notification-rules": _RULE,
    "PUT /notification-rules/{rule_id}": _RULE,
    "POST /notification-targets": {"name": "D", "channel": "webhook", "address": "https://hooks.example.org/x"},
    "PATCH /notification-targets/{target_id}": {"name": "New"},
    "POST /login": {"name": "no-such-user", "password": "nothing at all"},
    "PATCH /me": {"language": "en"},
    "POST /login/second-factor": {"recovery_code": "not-one-of-them"},
    "POST /me/second-factors/app/confirm": {"code": "000000"},
    "POST /me/second-factors/passkeys": {"passkey": {}},
    "POST /me/password": {"new": "a very good password"},
}
_WITHOUT: Final = (
    "/recovery-codes",
    "/second-factors/app",
    "/passkey-options",
    "/cancel",
    "/invitation",
    "/erase",
    "/secret",
    "/test",
    "/unshelve",
    "/replay",
    "/rotate",
    "/logout",
    "/second-factor/passkey",
)


def body(method: str, path: str, thing: Thing) -> dict[str, Any]:
    """What a request sends to be understood: arguments of httpx. Raises KeyError for a route that it does not know."""
    route = f"{method} {path.removeprefix('/api/v1')}"
    if route == "GET /telemetry/latest":
        return {"params": {"kind": "streetlight"}}
    if method in {"GET", "DELETE"} or path.endswith(_WITHOUT) or route == "POST /devices/{asset_id}/credentials":
        return {}
    if route == "POST /devices/import":
        return {"content": "id,kind,name\nnew-3,streetlight,New\n", "headers": {"Content-Type": "text/csv"}}
    if route in {"POST /events", "PUT /events/{event_id}"}:
        plan = {"objects": [], "areas": [], "bookings": [], "state": "draft"}
        return {"json": {**demo_event(NOW_US), "id": None, **plan}}
    if path.endswith("/commands"):
        return {"json": _NAMED[thing.kind or "streetlight"]}
    return {"json": {"devices": [thing.mark]} if path.endswith("/members") else _BODIES[route]}


def fill(city: City) -> None:
    """Put everything in."""
    city.town("zw", "mz")
    for thing in (*OWN, *OTHERS):
        _device(city, thing)
        _messages(city, thing)
        _kinds_own(city, thing)
        _member(city, thing)
    for thing in (TOWN, OTHER_TOWN):
        _town(city, thing)


def _device(city: City, thing: Thing) -> None:
    name, kind, town = thing.mark, thing.kind, thing.tenant_id
    city.asset(name, kind, town, lat=49.44, lon=7.77)
    values = {"cpu_pct" if kind == "event_network" else "level_pct": 1.0}
    city.writer.write([Sample(name, kind, town, "telemetry", f"part-{name}", NOW_US - 1, NOW_US, values)])
    with city.registry.write() as tx:
        tx.get(LatestValues).put([LatestValue(name, kind, town, "telemetry", "", NOW_US, NOW_US, values)])
        tx.get(LatestValues).put([LatestValue(name, kind, town, "status", "", NOW_US, NOW_US, {"state": "online"})])
        tx.get(GroupRepository).put(AssetGroup(f"g-{name}", town, kind, name, (name,), 0))
        tx.get(AssetRepository).note_unknown([UnknownDevice(f"u-{name}", town, kind, NOW_US, NOW_US, 1)])
        login = DeviceCredential(town, kind, f"d-{name}", CredentialType.PASSWORD, "$7$x", NOW_US, NOW_US, "i")
        tx.get(CredentialRepository).put([login])
        if kind == "event_network":
            later = (NOW_US + 5 * DAY_US, NOW_US + 6 * DAY_US)
            tx.get(LoanRepository).add(Loan(f"lo-{name}", name, town, "zw" if town == "kl" else "mz", *later))


def _member(city: City, thing: Thing) -> None:
    """A device that the thing speaks for."""
    name, kind, town = thing.mark, thing.kind, thing.tenant_id
    city.asset(f"m-{name}", kind, town)
    with city.registry.write() as tx:
        tx.get(MembershipRepository).begin([ConnectorMembership(f"d-m-{name}", kind, f"d-{name}", kind, town, NOW_US)])


def _messages(city: City, thing: Thing) -> None:
    name, kind, town = thing.mark, thing.kind, thing.tenant_id
    alarm: dict[str, Any] = {"tenant_id": town, "kind": kind, "name": "silent", "part": "", "details": {}}
    alarm |= {"severity": EventSeverity.MAJOR, "since_us": NOW_US, "raised_us": NOW_US}
    alarm |= dict.fromkeys(("cleared_us", "acknowledged_us", "acknowledged_by", "comment"))
    command = _NAMED[kind]
    with city.registry.write() as tx:
        tx.get(AlarmRepository).add([Alarm(**alarm, alarm_id=f"a-{name}", asset_id=name)])
        head = (f"c-{name}", f"w-{name}", town, kind, name, f"g-{name}", str(command["name"]), command["arguments"])
        tx.get(CommandRepository).add([Command(*head, "i", "", NOW_US, NOW_US + DAY_US)])
        topic = name.encode()
        letter = DeadLetter(f"l-{name}", NOW_US, topic, b"{}", "bad_json", "", town, kind, f"d-{name}")
        tx.get(DeadLetters).add([letter])
        tx.get(MessageLedger).put_gaps([SequenceGap(f"d-{name}", kind, town, "b", 1, 9, 8, 1, NOW_US)])


def _kinds_own(city: City, thing: Thing) -> None:
    name, town = thing.mark, thing.tenant_id
    with city.registry.write() as tx:
        if thing.kind == "event_network":
            times = (NOW_US - DAY_US, NOW_US - DAY_US, NOW_US + DAY_US, NOW_US + DAY_US)
            tx.get(EventRepository).add(CityEvent(f"e-{name}", town, name, EventKind.FAIR, "Europe/Berlin", *times))
        if thing.kind == "fire_drone":
            detected = DetectedFlight(NOW_US - 9, NOW_US - 9, NOW_US, NOW_US, NOW_US, FlightStatus.LANDED, 1, 1.0)
            tx.get(FlightBook).put([FlightRecord(f"f-{name}", name, town, 1, NOW_US, detected)])


def _town(city: City, thing: Thing) -> None:
    name, town = thing.mark, thing.tenant_id
    if thing is OTHER_TOWN:
        city.town(name)
    person(city, f"p-{name}", RoleGrant("viewer", town), password=False)
    with city.registry.write() as tx:
        scopes = frozenset({"streetlight:read"})
        tx.get(ApiKeys).add(ApiKey(f"k-{name}", name, name.encode(), name, town, scopes, NOW_US))
        hook = "https://hooks.example.org/x"
        tx.get(NotificationTargets).put(
            NotificationTarget(f"t-{name}", town, name, NotificationChannel.WEBHOOK, hook, secret="s")
        )
        rule = NotificationRule(f"r-{name}", town, name, frozenset({"streetlight"}), (f"t-{name}",))
        tx.get(NotificationRules).put(rule)
        text = (NotificationOccasion.NEW, name, "", NOW_US, NOW_US)
        kept = NotificationDelivery(
            f"n-{name}", town, f"t-{name}", NotificationChannel.WEBHOOK, *text, kind="streetlight"
        )
        tx.get(DeliveryQueue).add([kept])


def path_of(path: str, thing: Thing) -> str:
    """The path for a thing; a town is named by its own id."""
    mark = "kl" if thing is TOWN and "{tenant_id}" in path else thing.mark
    for parameter, pattern in IDS.items():
        path = path.replace(f"{{{parameter}}}", pattern.format(mark))
    return path
