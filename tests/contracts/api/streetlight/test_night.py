"""The night over lamps: the sun's times, and the steps of the programs that were sent."""

import pytest

from application.ports.inventory import AssetGroup, GroupRepository
from tests.contracts.api.conftest import City

URL = "/api/v1/light-night"
STEPS = [{"base": "sunset", "level_pct": 60}, {"base": "clock", "at": "23:00", "level_pct": 30}]


@pytest.fixture
def key(city: City) -> dict[str, str]:
    """Key of a light operator; one lamp has a program, one has none, one stands nowhere; one is another town's."""
    for lamp in ("L01", "L02"):
        city.asset(lamp, lat=49.44, lon=7.77)
    city.asset("L03")
    city.asset("S01", tenant_id="speyer", lat=49.3, lon=8.4)
    with city.registry.write() as tx:
        tx.get(GroupRepository).put(AssetGroup("fauthweg", "kl", "streetlight", "Fauthweg", ("L01", "L02"), version=0))
        tx.get(GroupRepository).put(AssetGroup("theirs", "speyer", "streetlight", "Theirs", ("S01",), version=0))
        tx.get(GroupRepository).put(AssetGroup("nowhere", "kl", "streetlight", "Nowhere", ("L03",), version=0))
    return city.key("streetlight:read", "devices:configure", tenant_id="kl")


def test_sunset_and_sunrise_with_the_steps_of_the_program(city: City, key: dict[str, str]) -> None:
    config = {"programs": [{"program_id": "usual", "steps": STEPS}], "program_id": "usual"}
    sent = city.client.put("/api/v1/devices/L01/config", json=config, headers=key | {"If-Match": '"0"'})
    assert sent.status_code == 200, sent.text
    found = city.client.get(URL, params={"group": "fauthweg"}, headers=key).json()
    assert (found["lamps"], found["lat"], found["lon"]) == (2, 49.44, 7.77)
    (program,) = found["programs"]
    assert (program["program_id"], program["lamps"]) == ("usual", ["L01"])
    starts = [step["start"] for step in program["steps"]]
    assert [step["level_pct"] for step in program["steps"]] == [60, 30, 60, 30]
    assert starts[0] == found["sunset"] < starts[1] < found["sunrise"] < starts[2]


def test_what_is_not_yours_or_stands_nowhere_has_no_night(city: City, key: dict[str, str]) -> None:
    assert city.client.get(URL, headers=key).json()["lamps"] == 2
    for group in ("theirs", "nowhere", "unheard-of"):
        assert city.client.get(URL, params={"group": group}, headers=key).status_code == 404
    other = city.key("event_network:read", tenant_id="kl", name="organiser")
    assert city.client.get(URL, headers=other).status_code == 403
