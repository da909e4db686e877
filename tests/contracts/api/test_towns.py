"""A town is there before anything belongs to it."""

from typing import Any

import pytest

from application.ports.inventory import AssetRepository, UnknownDevice
from tests.contracts.api.conftest import NOW_US, City

EVENT = {
    "name": "Fair",
    "kind": "fair",
    "setup_from": "2026-10-01T06:00:00Z",
    "service_from": "2026-10-01T10:00:00Z",
    "service_to": "2026-10-02T22:00:00Z",
    "teardown_to": "2026-10-03T12:00:00Z",
}
THINGS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("devices", {"kind": "streetlight", "name": "x"}),
    ("groups", {"kind": "streetlight", "name": "x"}),
    ("light-groups", {"name": "x"}),
    ("events", EVENT),
    ("api-keys", {"name": "x", "scopes": ["streetlight:read"]}),
)


@pytest.mark.parametrize(("what", "body"), THINGS)
def test_nothing_belongs_to_a_town_that_is_not_served(city: City, what: str, body: dict[str, Any]) -> None:
    key = city.key("*")
    refused = city.client.post(f"/api/v1/{what}", headers=key, json=body | {"tenant_id": "speyer"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "tenant_id"), refused.text
    made = city.client.post("/api/v1/tenants", headers=key, json={"tenant_id": "speyer", "name": "Speyer"})
    assert made.status_code == 201
    taken = city.client.post(f"/api/v1/{what}", headers=key, json=body | {"tenant_id": "speyer"})
    assert taken.status_code == 201, taken.text


def test_an_import_names_every_line_of_a_town_that_is_not_served(city: City) -> None:
    city.town("kl")
    table = "kind,name,tenant_id\nstreetlight,a,kl\nstreetlight,b,speyer\nstreetlight,c,speyer\n"
    headers = city.key("*") | {"Content-Type": "text/csv"}
    refused = city.client.post("/api/v1/devices/import", headers=headers, content=table)
    assert refused.status_code == 422
    assert [e["field"] for e in refused.json()["errors"]] == ["line 3.tenant_id", "line 4.tenant_id"]


def test_a_device_that_speaks_for_such_a_town_waits_and_is_not_approved(city: City) -> None:
    with city.registry.write() as tx:
        tx.get(AssetRepository).note_unknown([UnknownDevice("u1", "speyer", "streetlight", NOW_US, NOW_US, 1)])
    refused = city.client.post("/api/v1/devices/unknown/u1/approve", headers=city.key("*"), json={})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "tenant_id")
