"""HEAD says of everything what GET would, and sends no body."""

import pytest

from tests.contracts.api.conftest import City


@pytest.mark.parametrize(
    "path", ["/healthz", "/api/v1/me", "/api/v1/devices", "/api/v1/nothing", "/sign-in", "/api/v1/audit"]
)
def test_head_answers_as_get_does_without_a_body(city: City, path: str) -> None:
    key = city.key("*")
    got, head = city.client.get(path, headers=key), city.client.head(path, headers=key)
    assert (head.status_code, head.content) == (got.status_code, b"")
    for name in ("content-type", "content-length", "x-content-type-options"):
        assert head.headers.get(name) == got.headers.get(name)


def test_head_of_a_stream_ends(city: City) -> None:
    answer = city.client.head("/api/v1/stream", headers=city.key("*"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")


def test_head_needs_what_get_needs(city: City) -> None:
    assert city.client.head("/api/v1/me").status_code == 401
    assert city.client.head("/api/v1/login", headers=city.key("*")).status_code in {404, 405}


def test_head_is_counted_as_head(city: City) -> None:
    city.client.head("/healthz")
    assert 'method="HEAD"' in city.client.get("/metrics").text


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/v1/api-keys", {"HEAD", "GET", "POST"}),
        ("/api/v1/devices/lamp/config", {"HEAD", "GET", "PUT"}),
        ("/api/v1/devices/import", {"POST"}),
        ("/api/v1/me/second-factors/app", {"POST"}),
        ("/api/v1/login", {"POST"}),
        ("/sign-in", {"HEAD", "GET"}),
        ("/healthz", {"HEAD", "GET"}),
    ],
)
def test_a_method_that_is_not_there_is_answered_with_all_that_are(city: City, path: str, methods: set[str]) -> None:
    answer = city.client.request("OPTIONS", path, headers=city.key("*"))
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == methods
