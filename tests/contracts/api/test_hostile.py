"""Whatever comes from outside: an answer, bounded, without details."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from api.application import create_app
from application.ports.registry import RegistryTransaction
from tests.contracts.api.conftest import City
from tests.real_parts.waiting import wait_until

DEVICES = "/api/v1/devices"


def test_every_answer_carries_the_security_headers_and_an_id(city: City) -> None:
    for url, status in (("/healthz", 200), ("/nix", 404), (DEVICES, 401)):
        answer = city.client.get(url)
        assert answer.status_code == status
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert len(answer.headers["x-request-id"]) == 32
        assert "access-control-allow-origin" not in answer.headers


def test_a_request_id_is_echoed_only_when_it_is_harmless(city: City) -> None:
    assert city.client.get("/healthz", headers={"X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
    for hostile in ("a b", "x" * 65, "<script>", ""):
        assert city.client.get("/healthz", headers={"X-Request-ID": hostile}).headers["x-request-id"] != hostile


def test_a_problem_names_request_and_place(city: City) -> None:
    answer = city.client.get("/nix", headers={"X-Request-ID": "abc"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:lautern:problem:not_found",
        "code": "not_found",
        "params": {},
        "title": "Not Found",
        "status": 404,
        "detail": "",
        "instance": "/nix",
        "request_id": "abc",
        "errors": [],
    }
    assert city.client.put("/healthz").json()["status"] == 405


def test_a_refusal_is_said_in_the_language_asked_and_by_code(city: City) -> None:
    def refused(language: str) -> dict[str, Any]:
        wanted = city.key("*") | {"Accept-Language": language}
        answer = city.client.post("/api/v1/groups", headers=wanted, json={"name": 1, "strange": 2})
        assert (answer.status_code, answer.headers["vary"]) == (422, "Accept-Language")
        return dict(answer.json())

    german, english = refused("de-DE, en;q=0.5"), refused("fr")
    assert (german["title"], english["title"]) == ("Das passt so nicht.", "A value is not acceptable.")
    told = {e["field"]: (e["code"], e["message"]) for e in german["errors"]}
    assert told["name"] == ("string_type", "Muss Text sein.")
    assert told["strange"] == ("extra_forbidden", "Das gehört hier nicht hin.")
    assert [e["code"] for e in english["errors"]] == [e["code"] for e in german["errors"]]
    assert {e["message"] for e in english["errors"]} >= {"Input should be a valid string"}


def test_an_announced_body_over_the_limit_is_refused_unread(city: City) -> None:
    answer = city.client.post(DEVICES, headers=city.key("*"), content=b" " * (1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["status"]) == (413, 413)


def test_an_unannounced_body_is_counted_while_it_streams_in(city: City) -> None:
    sent = []

    def body() -> Iterator[bytes]:
        for _ in range(100):
            sent.append(1)
            yield b" " * 65_536

    headers = city.key("*") | {"Content-Type": "application/json"}
    assert city.client.post(DEVICES, headers=headers, content=body()).status_code == 413


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 422),
        (b"[" * 100_000, "application/json", 400),
        (b"\xff", "application/json", 400),
        (b'{"kind":"streetlight","name":"a","lat":NaN}', "application/json", 422),
        (b'{"kind":"streetlight","name":"a","attributes":{"x":NaN}}', "application/json", 422),
        (b'{"kind":"streetlight","name":"a","attributes":{"x":1e999}}', "application/json", 422),
        (b'{"kind":"streetlight","name":"a","attributes":{"x":"\\u0000"}}', "application/json", 422),
        (b'{"kind":"streetlight","name":"a","attributes":{"x":"\\ud800"}}', "application/json", 422),
        (b'{"kind":"streetlight","name":"\\ud800"}', "application/json", 422),
        (b'{"kind":"streetlight","name":"a","tenant_id":"kl"}', "text/plain", 422),
        (b'{"kind":"streetlight","name":"a","tenant_id":"kl"}', "", 422),
        (b"null", "application/json", 422),
    ],
)
def test_a_hostile_body_is_refused(city: City, body: bytes, content_type: str, status: int) -> None:
    headers = city.key("*") | {"Content-Type": content_type}
    answer = city.client.post(DEVICES, headers=headers, content=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "url", [f"{DEVICES}/%00", f"{DEVICES}/a%2Fb", f"{DEVICES}?q=%00", f"{DEVICES}?cursor=%00", f"{DEVICES}?cursor=zzzz"]
)
def test_a_hostile_address_is_refused(city: City, url: str) -> None:
    assert city.client.get(url, headers=city.key("*")).status_code in {404, 422}


def test_what_breaks_inside_is_told_without_details(
    open_city: Callable[[], City], monkeypatch: pytest.MonkeyPatch
) -> None:
    city = open_city()
    key = city.key("*")

    def broken(self: object) -> RegistryTransaction:
        raise RuntimeError("the secret path /var/lib")

    running = TestClient(create_app(city.services, poll_s=60), raise_server_exceptions=False)
    with capture_logs() as logs, pytest.raises(RuntimeError), running as client:  # noqa: PT012 - its exit raises too
        monkeypatch.setattr(type(city.registry), "read", broken)
        answer = client.get(DEVICES, headers=key | {"X-Request-ID": "abc"})
        wait_until(lambda: client.get("/healthz").status_code == 503, what="the program says that it is broken")
        health = client.get("/healthz")
    assert [(e["event"], e["request_id"]) for e in logs] == [("request_broke", "abc")]
    assert (answer.status_code, answer.json()["request_id"]) == (500, "abc")
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (health.status_code, health.json()) == (503, {"status": "broken"})


def test_broken_json_is_said_of_the_body_not_of_a_field(city: City) -> None:
    headers = {**city.key("*"), "Content-Type": "application/json"}
    answer = city.client.post(DEVICES, content=b"{", headers=headers)
    assert (answer.status_code, [e["field"] for e in answer.json()["errors"]]) == (422, ["body"])


@pytest.mark.parametrize(
    "url",
    [
        "/devices?q=%00",
        "/streetlights?q=%00",
        "/network-nodes?q=%00",
        "/devices?group=a%00",
        "/network-links?device=%00",
    ],
)
def test_a_nul_reaches_no_database(city: City, url: str) -> None:
    assert city.client.get(f"/api/v1{url}", headers=city.key("*")).status_code == 422
