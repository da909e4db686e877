"""The MoGLi on the Stiftsplatz: a mini data centre, three node cases and a TEMES mast, and what hangs on them."""

from dataclasses import dataclass, field
from typing import Final

GIGABIT: Final = 1_000_000_000
DOWN_IS_OUT: Final = "out"
DOWN_IS_IN: Final = "in"


@dataclass(frozen=True, slots=True)
class ClassLoad:
    """Traffic of one class in one area at the height of the crowd, in bit/s; `steady` does not follow the crowd."""

    down_bps: int
    up_bps: int
    steady: bool = False
    users: int = 0


@dataclass(frozen=True, slots=True)
class MeasuredPart:
    """A measured object of a node. Its traffic is its own load and that of the objects below it, at any node."""

    object_id: str
    name: str
    parent_id: str | None = None
    area_id: str | None = None
    service_class: str | None = None
    medium: str = "copper"
    role: str = "access"
    speed_bps: int = GIGABIT
    down_is: str = DOWN_IS_OUT
    counter_bits: int = 64
    first_octets: int = 0
    """Reading of the counters when the scene begins."""
    optical_dbm: float | None = None
    load: ClassLoad | None = None


@dataclass(frozen=True, slots=True)
class NodePlace:
    """A node: where it stands, what it is, what is measured at it."""

    device_id: str
    name: str
    role: str
    lat: float
    lon: float
    parts: tuple[MeasuredPart, ...]
    battery_wh: float = 500.0
    mast_height_m: float | None = None
    clears_daily: bool = False
    """Somebody clears its counters once a day."""
    fails_mains_daily: bool = False
    """Its mains fail for a while once a day."""


@dataclass(frozen=True, slots=True)
class NetworkScene:
    """Nodes, the core first."""

    places: tuple[NodePlace, ...] = field(default_factory=tuple)

    def parts(self) -> dict[str, MeasuredPart]:
        """All measured objects by id."""
        return {part.object_id: part for place in self.places for part in place.parts}


def mogli_scene(prefix: str = "") -> NetworkScene:
    """Build the scene; device ids begin with `prefix`."""
    return NetworkScene((_core(prefix), _stage(prefix), _market(prefix), _gate(prefix), _mast(prefix)))


def _core(prefix: str) -> NodePlace:
    uplink = MeasuredPart(
        "uplink", "uplink", medium="fiber", role="uplink", speed_bps=GIGABIT, down_is=DOWN_IS_IN,
        first_octets=2**63 - 5 * 10**9, optical_dbm=-7.5,
    )  # fmt: skip
    ports = tuple(
        MeasuredPart(
            f"port-{name}", f"port:{name}", "uplink", medium="fiber", role="backbone", optical_dbm=-9.0 - number
        )
        for number, name in enumerate(("stage", "market", "gate", "mast"))
    )
    return NodePlace(
        f"{prefix}mogli-core", "MoGLi-Rechenzentrum", "core", 49.44470, 7.76900, (uplink, *ports), 3000.0,
        clears_daily=True,
    )  # fmt: skip


def _stage(prefix: str) -> NodePlace:
    above, area = "port-stage", "stage"
    parts = (
        MeasuredPart("stage-visitors", "ssid:visitors", above, area, "visitors", "wifi",
             load=ClassLoad(180_000_000, 45_000_000, users=620)),
        MeasuredPart("stage-bos", "vlan:bos", above, area, "bos", load=ClassLoad(6_000_000, 9_000_000)),
        MeasuredPart("stage-press", "vlan:press", above, area, "press", load=ClassLoad(8_000_000, 30_000_000)),
    )  # fmt: skip
    return NodePlace(f"{prefix}mogli-case-1", "Knoten Bühne", "access", 49.44492, 7.76934, parts)


def _market(prefix: str) -> NodePlace:
    above, area = "port-market", "market"
    parts = (
        MeasuredPart("market-visitors", "ssid:visitors", above, area, "visitors", "wifi",
             load=ClassLoad(110_000_000, 26_000_000, users=380)),
        MeasuredPart("market-traders", "vlan:traders", above, area, "traders", load=ClassLoad(12_000_000, 5_000_000)),
        MeasuredPart("market-bos", "vlan:bos", above, area, "bos", load=ClassLoad(3_000_000, 4_000_000)),
    )  # fmt: skip
    return NodePlace(
        f"{prefix}mogli-case-2", "Knoten Marktstände", "access", 49.44448, 7.76861, parts, fails_mains_daily=True
    )


def _gate(prefix: str) -> NodePlace:
    """An old switch: 100 Mbit/s and 32-bit counters."""
    parts = (
        MeasuredPart(
            "gate-traders", "port:tills", "port-gate", "gate", "traders", speed_bps=100_000_000, counter_bits=32,
            first_octets=2**32 - 40_000_000, load=ClassLoad(35_000_000, 6_000_000),
        ),
    )  # fmt: skip
    return NodePlace(f"{prefix}mogli-case-3", "Knoten Eingang", "access", 49.44431, 7.76955, parts)


def _mast(prefix: str) -> NodePlace:
    parts = (
        MeasuredPart("mast-cameras", "vlan:cameras", "port-mast", "stage", "cameras",
             load=ClassLoad(600_000, 34_000_000, steady=True)),
        MeasuredPart("mast-sensors", "vlan:sensors", "port-mast", "stage", "sensors",
             load=ClassLoad(20_000, 90_000, steady=True)),
    )  # fmt: skip
    return NodePlace(f"{prefix}temes-1", "TEMES-Mast 1", "mast", 49.44481, 7.76977, parts, mast_height_m=6.0)
