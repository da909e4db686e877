"""The Fauthweg in the demo."""

from typing import Final

from cli.demo.demo_part import AssetFacts, DemoLine, DemoPart

_JSON: Final = "-X POST -H 'Content-Type: application/json'"


def _facts(device_id: str) -> AssetFacts:
    return AssetFacts(f"Fauthweg {device_id}", {"rated_power_w": 64.0, "street": "Fauthweg"})


DEMO: Final = DemoPart(
    audience="Light operator",
    key="operator",
    scopes=("streetlight:*", "lights:*", "devices:*", "groups:*", "alarms:*", "ledger:*", "dead_letters:*"),
    role="light_operator",
    there="/api/v1/telemetry/latest?kind=streetlight",
    shown=(
        DemoLine(
            "dim the whole street to 80 % for five minutes, and wait until the lamps have done it",
            f"""{_JSON} -d '{{"name": "dim", "arguments": {{"level_pct": 80}}, "duration_s": 300}}' """
            "'{url}/api/v1/groups/fauthweg/commands?wait=applied'",
        ),
    ),
    facts=_facts,
)
