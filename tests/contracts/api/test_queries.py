"""What reads much is bounded, per request and per caller, and says what to ask less of."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from api.application import create_app
from api.limits import ApiLimits
from devices.samples import Sample
from devices.time_us import SECOND_US, rfc3339
from tests.contracts.api.conftest import ADDRESS, NOW_US, City

MANY = 100_000
LIMITS = ApiLimits(query_rows=MANY // 2, query_memory_mb=1, requests_per_s=1, burst_s=15)


@pytest.fixture
def strict(city: City) -> Iterator[TestClient]:
    """The same city with tight limits."""
    app = create_app(replace(city.services, limits=LIMITS))
    with TestClient(app, ADDRESS) as client:
        yield client


def _url(city: City, seconds: int, query: str) -> str:
    city.asset("lamp", attributes={"reporting_interval_s": 1})
    for start in range(0, seconds, 10_000):
        instants = [NOW_US - (seconds - n) * SECOND_US for n in range(start, start + 10_000)]
        city.writer.write(
            [Sample("lamp", "streetlight", "kl", "telemetry", "", us, us, {"power_w": 1.0}) for us in instants]
        )
    return f"/api/v1/devices/lamp/telemetry?from={rfc3339(NOW_US - seconds * SECOND_US)}&{query}"


def test_too_many_rows_or_too_much_memory_are_refused_and_name_the_field(city: City, strict: TestClient) -> None:
    key = city.key("*")
    url = _url(city, MANY, "bucket=31d&agg=p95&fields=power_w")
    answer = strict.get(url, headers=key)
    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == ["query.from"]
    rows = strict.get(url.replace("bucket=31d&agg=p95", "limit=10000"), headers=key)
    assert [(rows.status_code, e["field"]) for e in rows.json()["errors"]] == [(422, "query.fields")]
    few = strict.get(url.replace("bucket=31d&agg=p95", "limit=100"), headers=key)
    assert few.status_code == 200


def test_who_asks_too_often_is_told_when_he_may_again_and_others_are_not(city: City, strict: TestClient) -> None:
    one, other = city.key("*"), city.key("*")
    answers = [strict.get("/api/v1/me", headers=one) for _ in range(17)]
    assert {a.status_code for a in answers[:14]} == {200}
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert answers[-1].headers["content-type"] == "application/problem+json"
    assert strict.get("/api/v1/me", headers=other).status_code == 200


def test_an_address_that_asks_too_often_is_refused_but_never_a_probe(city: City) -> None:
    limits = ApiLimits(address_requests_per_s=1, burst_s=5)
    with TestClient(create_app(replace(city.services, limits=limits)), ADDRESS) as client:
        statuses = [client.get("/api/v1/me").status_code for _ in range(7)]
        assert statuses[:5] == [401] * 5
        assert statuses[-1] == 429
        assert client.get("/healthz").status_code == 200
