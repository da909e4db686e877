"""Fritz and Ottmar in the demo."""

from typing import Final

from cli.demo.demo_part import AssetFacts, DemoLine, DemoPart


def _facts(device_id: str) -> AssetFacts:
    return AssetFacts(device_id.capitalize())


DEMO: Final = DemoPart(
    audience="Fire brigade",
    key="brigade",
    scopes=("fire_drone:*",),
    role="drone_leader",
    there="/api/v1/flights?limit=1",
    shown=(DemoLine("the track of the newest flight as GPX", "'{url}/api/v1/flights/{first}/track?format=gpx'"),),
    facts=_facts,
)
