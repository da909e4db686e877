"""What the rules of a node must know of the event it serves: pure."""

from collections.abc import Iterable, Mapping
from typing import TypedDict

from devices.event_network.city_event import CityEvent, DownIs, MeasuredObject
from devices.event_network.enums import TrafficDirection
from devices.event_network.planning import objects_of, rate_of


class PartFacts(TypedDict, total=False):
    """One measured object; `booked` holds bit/s by users' direction, where a booking rests on this object alone."""

    service_class: str | None
    down_is: DownIs
    booked: Mapping[str, int]


class NodeFacts(TypedDict, total=False):
    """One node now."""

    event_id: str
    in_event: bool
    service_now: bool
    parts: Mapping[str, PartFacts]


def facts_of(events: Iterable[CityEvent], now_us: int) -> dict[str, NodeFacts]:
    """Facts by asset id, for nodes that serve one of the events (which all hold) now."""
    found: dict[str, NodeFacts] = {}
    for event in events:
        serving = event.serving(now_us)
        booked = _booked(event, serving, now_us)
        for item in serving:
            parts = found.get(item.asset_id, NodeFacts()).get("parts", {})
            part = PartFacts(
                service_class=item.service_class, down_is=item.down_is, booked=booked.get(item.object_id, {})
            )
            found[item.asset_id] = NodeFacts(
                event_id=event.event_id,
                in_event=True,
                service_now=event.in_service(now_us),
                parts={**parts, item.part: part},
            )
    return found


def _booked(event: CityEvent, serving: Iterable[MeasuredObject], now_us: int) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for booking in event.bookings:
        objects = objects_of(booking, tuple(serving), now_us)
        if len(objects) == 1:
            rates = {d.value: rate for d in TrafficDirection if (rate := rate_of(booking, d)) is not None}
            found[objects[0].object_id] = rates
    return found


def interface_of(down_is: DownIs, direction: TrafficDirection) -> str:
    """Direction of the interface (`in`, `out`) that carries a users' direction."""
    return "in" if (down_is is DownIs.IN) == (direction is TrafficDirection.DOWN) else "out"
