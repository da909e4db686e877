"""Below a path of a proxy: whether it takes the path off or not, everything leads back below it."""

import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.application import create_app
from api.web.shell import WebOptions
from application.access.roles import RoleGrant
from tests.contracts.api.conftest import ADDRESS, City
from tests.contracts.api.people import PASSWORD, person, towns

ROOT = "/lautern"


@pytest.fixture
def below(city: City) -> Iterator[TestClient]:
    app = create_app(city.services, web=WebOptions(root=ROOT))
    with TestClient(app, ADDRESS, follow_redirects=False) as client:
        yield client


@pytest.mark.parametrize("prefix", [ROOT, ""])
def test_api_probes_and_documentation_are_found(city: City, below: TestClient, prefix: str) -> None:
    key = city.key("*")
    for path in ("/api/v1/me", "/healthz", "/openapi.json", "/docs", "/docs/assets/docs.js", "/metrics", "/sign-in"):
        assert below.get(prefix + path, headers=key).status_code == 200, path
        assert below.head(prefix + path, headers=key).status_code == 200, path
    assert below.get(prefix + "/nothing").status_code == 404


def test_the_description_names_where_it_is(below: TestClient) -> None:
    assert below.get(f"{ROOT}/openapi.json").json()["servers"] == [{"url": ROOT}]


def test_the_documentation_loads_its_files_from_below(below: TestClient) -> None:
    found = re.findall(r'(?:href|src)="([^"]+)"', below.get(f"{ROOT}/docs").text)
    assert found
    assert [path for path in found if path.startswith("/")] == []
    assert {below.get(f"{ROOT}/{path}").status_code for path in found} == {200}


def test_pages_link_and_load_only_what_is_below(below: TestClient) -> None:
    html = below.get(f"{ROOT}/sign-in").text + below.get(f"{ROOT}/city").text
    found = set(re.findall(r'\b(?:href|src|action)="(/[^"#]*)', html))
    assert len(found) > 20
    assert [path for path in found if not path.startswith(f"{ROOT}/")] == []
    assert f'"root": "{ROOT}"' in html
    assert {below.get(path).status_code for path in found if "/static/" in path} == {200}


def test_redirects_and_cookies_lead_back_below(city: City, below: TestClient) -> None:
    towns(city, "kl")
    person(city, "anna", RoleGrant("admin", "kl"))
    assert below.get(f"{ROOT}/").headers["location"] == f"{ROOT}/city"
    sign_in = {"name": "anna", "password": PASSWORD}
    answer = below.post(f"{ROOT}/api/v1/login", json=sign_in, headers={"Origin": ADDRESS})
    assert answer.status_code in {200, 204}
    assert f"Path={ROOT}/;" in answer.headers["set-cookie"]
    assert below.get(f"{ROOT}/api/v1/me").status_code == 200
    made = below.post(f"{ROOT}/api/v1/api-keys", json={"name": "k", "scopes": []}, headers={"Origin": ADDRESS})
    assert made.headers.get("location", f"{ROOT}/").startswith(f"{ROOT}/"), made.text
