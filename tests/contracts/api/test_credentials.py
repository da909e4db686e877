"""Logins of devices over the API: shown once, for those who may, in forms to take along."""

import csv
import hashlib
import io
import json
import ssl
import zipfile
from pathlib import Path
from typing import Any

import pytest

from application.device_authentication import ConnectAttempt, RefusalReason, judge_attempt
from application.device_credentials import device_password_matches, with_password
from application.ports.credentials import CredentialRepository, LoginRefusal, LoginRefusals
from application.ports.inventory import AssetGroup, GroupRepository
from devices.time_us import DAY_US
from runtime.certificates import CertificateAuthority
from tests.contracts.api.conftest import NOW_US, City

BULK = "/api/v1/devices/credentials"


def url(asset_id: str) -> str:
    return f"/api/v1/devices/{asset_id}/credentials"


def stored(city: City, user: str) -> Any:
    with city.registry.read() as tx:
        return tx.get(CredentialRepository).get(user)


def test_a_login_is_shown_once_rotated_and_revoked(city: City) -> None:
    city.asset("L01")
    admin = city.key("credentials:admin", "streetlight:read", name="Eva")
    assert city.client.get(url("L01"), headers=admin).status_code == 404
    answer = city.client.post(url("L01"), headers=admin)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    login = answer.json()
    assert (login["user"], login["client_id"]) == ("kl/streetlight/d-L01", "d-L01")
    assert device_password_matches(stored(city, login["user"]).proof, login["password"])
    shown = city.client.get(url("L01"), headers=admin)
    assert login["password"] not in shown.text
    assert (shown.json()["issued_by"], shown.json()["revoked_at"]) == ("key:Eva", None)
    assert city.client.post(url("L01"), headers=admin).status_code == 409
    second = city.client.post(url("L01") + "/rotate", headers=admin).json()
    assert device_password_matches(stored(city, login["user"]).proof, second["password"])
    assert not device_password_matches(stored(city, login["user"]).proof, login["password"])
    assert city.client.delete(url("L01"), headers=admin).status_code == 204
    assert city.client.get(url("L01"), headers=admin).json()["revoked_at"] is not None
    assert city.client.post(url("L01") + "/rotate", headers=admin).status_code == 409
    assert city.client.post(url("L01"), headers=admin).status_code == 201


def test_a_certificate_takes_the_place_of_a_password(city: City, tmp_path: Path) -> None:
    city.asset("L01")
    key = city.key("*")
    city.client.post(url("L01"), headers=key)
    pem = CertificateAuthority.of(tmp_path).client("kl/streetlight/d-L01", 365 * 10).certificate
    shown = city.client.put(url("L01") + "/certificate", headers=key, json={"certificate": pem})
    assert (shown.status_code, shown.json()["way"]) == (200, "certificate")
    credential = stored(city, "kl/streetlight/d-L01")
    assert credential.proof == hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    assert (
        judge_attempt({credential.user: credential}, ConnectAttempt(credential.user, "d-L01", "", credential.proof))
        is None
    )
    assert (
        judge_attempt({credential.user: credential}, ConnectAttempt(credential.user, "d-L01", credential.proof))
        is RefusalReason.WRONG
    )
    city.clock.now_us += 20 * 365 * DAY_US
    for wrong in ("no certificate", pem):
        answer = city.client.put(url("L01") + "/certificate", headers=key, json={"certificate": wrong})
        assert answer.status_code == 422


@pytest.mark.parametrize(
    ("kind", "scopes", "tenant", "status"),
    [
        ("streetlight", ["*"], None, 201),
        ("streetlight", ["*"], "kl", 201),
        ("streetlight", ["*"], "other", 404),
        ("streetlight", ["credentials:admin"], "kl", 404),
        ("streetlight", ["streetlight:read", "devices:write"], "kl", 403),
        ("streetlight", ["streetlight:*"], "kl", 403),
        ("fire_drone", ["*"], None, 404),
        ("fire_drone", ["credentials:admin"], None, 404),
        ("fire_drone", ["credentials:admin", "fire_drone:read"], "kl", 403),
        ("fire_drone", ["fire_drone:*"], "kl", 201),
    ],
)
def test_only_who_may_gets_a_login(city: City, kind: str, scopes: list[str], tenant: str | None, status: int) -> None:
    city.asset("X1", kind)
    key = city.key(*scopes, tenant_id=tenant)
    for path in (url("X1"), url("X1") + "/rotate"):
        assert city.client.post(path, headers=key).status_code == status
    found = city.client.post(BULK, headers=key, json={"devices": ["X1"], "renew": True}).status_code
    assert found == (422 if status == 404 else status)
    assert city.client.get(url("X1"), headers=key).status_code == (200 if status == 201 else status)
    assert city.client.delete(url("X1"), headers=key).status_code == (204 if status == 201 else status)


def test_a_group_gets_its_logins_in_a_file_and_on_a_sheet(city: City) -> None:
    for number in range(3):
        city.asset(f"L{number}", name=f"Post {number} <Süd>")
    with city.registry.write() as tx:
        tx.get(GroupRepository).put(AssetGroup("g", "kl", "streetlight", "G", ("L0", "L1", "L2"), version=0))
    key = city.key("*")
    first = city.client.post(url("L0"), headers=key).json()
    answer = city.client.post(BULK + "?format=zip", headers=key, json={"group": "g"})
    assert answer.status_code == 201
    packed = zipfile.ZipFile(io.BytesIO(answer.content))
    rows = list(csv.DictReader(io.StringIO(packed.read("logins.csv").decode())))
    assert [row["id"] for row in rows] == ["L1", "L2"]
    sheet = packed.read("labels.html").decode()
    assert sheet.count("<svg") == 2
    assert "Post 1 &lt;Süd&gt;" in sheet
    assert all(device_password_matches(stored(city, row["user"]).proof, row["password"]) for row in rows)
    assert device_password_matches(stored(city, first["user"]).proof, first["password"])
    again = city.client.post(BULK, headers=key, json={"group": "g", "renew": True}).json()
    assert (len(again["items"]), again["kept"]) == (3, [])
    assert not device_password_matches(stored(city, first["user"]).proof, first["password"])


def test_all_get_one_or_none_does(city: City) -> None:
    city.asset("L1")
    city.asset("L2", tenant_id="other")
    key = city.key("*", tenant_id="kl")
    for body in ({"devices": ["L1", "L2"]}, {"devices": ["L1", "nobody"]}, {}, {"devices": [], "group": "g"}):
        assert city.client.post(BULK, headers=key, json=body).status_code == 422
    assert city.client.get(url("L1"), headers=key).status_code == 404


def test_a_retired_device_comes_in_no_more(city: City) -> None:
    city.asset("L1")
    key = city.key("*")
    city.client.post(url("L1"), headers=key)
    etag = city.client.get("/api/v1/devices/L1", headers=key).headers["ETag"]
    assert city.client.delete("/api/v1/devices/L1", headers=key | {"If-Match": etag}).status_code < 300
    assert stored(city, "kl/streetlight/d-L1").revoked_us is not None


def test_retiring_ends_no_login_of_another_town(city: City) -> None:
    """A device's id taken a second time, while the first device lies on the shelf."""
    city.asset("L09", tenant_id="sp")
    with city.registry.write() as tx:
        tx.get(CredentialRepository).put([with_password("kl/fire_drone/d-L09", "secret", "user:max", NOW_US)])
    retired = city.client.delete("/api/v1/devices/L09", headers=city.key("*", tenant_id="sp"))
    assert retired.status_code == 204
    assert stored(city, "kl/fire_drone/d-L09").revoked_us is None


def test_what_brokers_refused_is_told_to_whom_it_concerns(city: City) -> None:
    def refused(user: str, tenant: str | None, kind: str | None) -> LoginRefusal:
        return LoginRefusal(user, "wrong_secret", tenant, kind, "x", "10.0.0.1", NOW_US, NOW_US)

    with city.registry.write() as tx:
        refusals = tx.get(LoginRefusals)
        for _ in range(2):
            refusals.note(
                [
                    refused("kl/streetlight/L1", "kl", "streetlight"),
                    refused("kl/fire_drone/F1", "kl", "fire_drone"),
                    refused("other/streetlight/L2", "other", "streetlight"),
                    refused("root", None, None),
                ]
            )

    def seen(*scopes: str, tenant: str | None = None) -> list[tuple[str, int]]:
        answer = city.client.get(BULK + "/refused", headers=city.key(*scopes, tenant_id=tenant)).json()
        return [(item["user"], item["times"]) for item in answer["items"]]

    assert seen("*", tenant="kl") == [("kl/streetlight/L1", 2)]
    assert seen("*") == [("kl/streetlight/L1", 2), ("other/streetlight/L2", 2)]
    assert ("root", 2) in seen("*", "fire_drone:*")


def test_a_code_on_the_sheet_says_what_a_lamp_needs(city: City) -> None:
    city.asset("L1")
    key = city.key("*")
    answer = city.client.post(BULK + "?format=json", headers=key, json={"devices": ["L1"]}).json()
    assert set(answer["items"][0]) == {"id", "name", "user", "password", "client_id", "broker", "root"}
    assert json.dumps(answer).count(answer["items"][0]["password"]) == 1


def test_whose_a_login_is_that_stands_in_the_way_is_not_told(city: City) -> None:
    """A device's id taken a second time, by another town: it learns neither of the drone nor of its town."""
    city.asset("L09", tenant_id="sp")
    with city.registry.write() as tx:
        tx.get(CredentialRepository).put([with_password("kl/fire_drone/d-L09", "secret", "user:max", NOW_US)])
    answer = city.client.post(BULK, headers=city.key("*", tenant_id="sp"), json={"devices": ["L09"]})
    assert answer.status_code == 409
    assert "kl" not in answer.text
    assert "drone" not in answer.text


def test_a_controller_that_was_replaced_gets_in_no_more(city: City) -> None:
    city.asset("L01")
    admin = city.key("*")
    city.client.post(url("L01"), headers=admin)
    answer = city.client.post("/api/v1/devices/L01/replace", headers=admin, json={"device_id": "new"})
    assert answer.status_code == 200, answer.text
    assert stored(city, "kl/streetlight/d-L01").revoked_us is not None
    assert city.client.get(url("L01"), headers=admin).status_code == 404
