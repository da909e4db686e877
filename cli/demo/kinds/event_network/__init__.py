"""The MoGLi and the Altstadtfest in the demo."""

from collections.abc import Sequence
from typing import Final

from cli.demo.demo_part import AssetFacts, DemoLine, DemoPart, DemoRequest
from simulators.kinds.event_network.event import EVENT_ID, demo_assets, demo_event
from simulators.kinds.event_network.scene import mogli_scene


def _facts(device_id: str) -> AssetFacts:
    for asset in demo_assets(mogli_scene()):
        if asset["id"] == device_id:
            return AssetFacts(asset["name"], asset["attributes"], asset["via"])
    return AssetFacts(device_id)


def _requests(now_us: int) -> Sequence[DemoRequest]:
    return (DemoRequest("/api/v1/events", demo_event(now_us)),)


DEMO: Final = DemoPart(
    audience="Event organiser",
    key="organiser",
    scopes=("event_network:*", "events:*"),
    role="event_organiser",
    limits=(f"event/{EVENT_ID}",),
    lead="event_manager",
    there=f"/api/v1/events/{EVENT_ID}/live",
    shown=(
        DemoLine(
            "bandwidth now against what was booked, per area and class, as CSV",
            f"'{{url}}/api/v1/events/{EVENT_ID}/live?format=csv'",
        ),
    ),
    count=len(mogli_scene().places),
    facts=_facts,
    requests=_requests,
)
