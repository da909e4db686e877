"""What PostgreSQL ends for its time is a 503 that says whether it waited or worked, never a 500."""

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import make_url

from api.application import create_app
from storage.registry.engine import open_registry
from tests.contracts.api.conftest import ADDRESS, City
from tests.real_parts.postgres import PostgresCluster


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ("-c lock_timeout=200", "registry_unavailable"),
        ("-c lock_timeout=0 -c statement_timeout=200", "registry_too_slow"),
    ],
)
def test_a_time_out_of_the_registry_is_told(
    city: City, postgres: PostgresCluster, postgres_url: str, options: str, named: str
) -> None:
    url = make_url(postgres_url)
    registry = open_registry(url.update_query_dict({"options": options}))
    client = TestClient(create_app(replace(city.services, registry=registry)), base_url=ADDRESS)
    with postgres.connect(str(url.database)) as other, other.transaction():
        other.execute("LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE")
        answer = client.get("/api/v1/me", headers=city.key("*"))
    registry.close()
    assert answer.status_code == 503
    assert answer.json()["type"] == f"urn:lautern:problem:{named}"
    assert answer.json()["title"]
    assert answer.json()["detail"] == "", "a database's words are not for callers"
    assert answer.headers["Retry-After"] == "5"
