"""A fleet from a spreadsheet: all lines or none."""

from dataclasses import replace

import pytest

from application.ports.inventory import AssetRepository, DeviceBinding
from devices.errors import Conflict
from tests.contracts.api.conftest import NOW_US, City
from tests.contracts.api.statements import statements

URL = "/api/v1/devices/import"
CSV = {"Content-Type": "text/csv"}
GOOD = """id,kind,name,device_id,lat,lon,attribute.rated_power_w
l1,streetlight,Eins,c1,49.4,7.7,30
l2,streetlight,Zwei,c2,,,
"""


def test_all_lines_become_devices(city: City) -> None:
    key = city.key("*", tenant_id="kl")
    answer = city.client.post(URL, headers=key | CSV, content=GOOD)
    assert answer.json() == {"dry_run": False, "lines": 2, "registered": 2, "errors": []}
    first, second = city.client.get("/api/v1/devices", headers=key).json()["items"]
    assert (first["device_id"], first["lat"], first["attributes"]) == ("c1", 49.4, {"rated_power_w": 30})
    assert (second["device_id"], second["lat"], second["attributes"]) == ("c2", None, {})


def test_a_semicolon_file_with_decimal_commas_and_a_mark_is_read(city: City) -> None:
    content = "\ufeffkind;name;lat;lon\r\nstreetlight;Größe;49,44;7,76\r\n".encode()
    key = city.key("*", tenant_id="kl")
    assert city.client.post(URL, headers=key | CSV, content=content).json()["registered"] == 1
    shown = city.client.get("/api/v1/devices", headers=key).json()["items"][0]
    assert (shown["name"], shown["lat"]) == ("Größe", 49.44)


BAD = """id,kind,name,device_id,lat,via
l1,streetlight,Eins,c1,95,
l1,toaster,Zwei,c2,1,
l3,streetlight,,c3,1,
l3,streetlight,Vier,c2,1,nobody
l5,streetlight
"""


def test_one_wrong_line_and_nothing_is_registered(city: City) -> None:
    key = city.key("*", tenant_id="kl")
    dry = city.client.post(URL + "?dry_run=true", headers=key | CSV, content=BAD).json()
    named = {(e["line"], e["field"]) for e in dry["errors"]}
    assert named == {(2, "lat"), (3, "kind"), (4, "name"), (5, "device_id"), (5, "via"), (6, "line")}
    refused = city.client.post(URL, headers=key | CSV, content=BAD)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "line 2.lat"
    assert city.client.get("/api/v1/devices", headers=key).json()["items"] == []


def test_a_dry_run_registers_nothing(city: City) -> None:
    key = city.key("*", tenant_id="kl")
    answer = city.client.post(URL + "?dry_run=true", headers=key | CSV, content=GOOD).json()
    assert (answer["lines"], answer["registered"], answer["errors"]) == (2, 0, [])
    assert city.client.get("/api/v1/devices", headers=key).json()["items"] == []


def test_restricted_kinds_cannot_be_imported_without_their_scope(city: City) -> None:
    key = city.key("*", tenant_id="kl")
    answer = city.client.post(URL, headers=key | CSV, content="kind,name\nfire_drone,Fritz\n")
    assert answer.json()["errors"][0]["field"] == "line 2.kind"


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"kind\nx", b"kind,name,kind\n", b'kind,name\n"a', b"a,b\n1,2"])
def test_what_is_no_table_is_refused(city: City, content: bytes) -> None:
    assert city.client.post(URL, headers=city.key("*") | CSV, content=content).status_code == 422


def test_another_content_type_is_refused(city: City) -> None:
    assert city.client.post(URL, headers=city.key("*"), json={}).status_code == 415


def test_an_import_may_be_larger_than_other_bodies_but_not_endless(city: City) -> None:
    key = city.key("*") | CSV
    padding = b"," + b"x" * 1000
    assert city.client.post(URL, headers=key, content=padding * 2_000).status_code == 422
    assert city.client.post(URL, headers=key, content=padding * 11_000).status_code == 413


def test_whoever_registers_meanwhile_makes_all_lines_fail(city: City) -> None:
    theirs = city.asset("theirs")
    mine = replace(theirs, asset_id="mine")
    for assets, devices in (([mine, theirs], []), ([mine], ["d-theirs"])):
        bindings = [DeviceBinding("mine", d, "kl", "streetlight", NOW_US) for d in devices]
        with pytest.raises(Conflict), city.registry.write() as tx:
            tx.get(AssetRepository).add_many(assets, bindings)
        with city.registry.read() as tx:
            assert set(tx.get(AssetRepository).many(["mine", "theirs"])) == {"theirs"}


def test_five_thousand_lines_hold_the_registry_only_briefly(city: City) -> None:
    lines = "".join(f"streetlight,n{i},i{i},c{i}\n" for i in range(5000))
    key = city.key("*", tenant_id="kl")
    with statements(city.registry) as sent:
        answer = city.client.post(URL, headers=key | CSV, content="kind,name,id,device_id\n" + lines)
    assert answer.json()["registered"] == 5000
    assert len(sent) < 200, "rows go in by the hundred"
