"""Nothing secret stands in a log, a metric, an error or a database."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from httpx2 import Client

from api.sessions import COOKIE
from application.access.roles import RoleGrant
from application.access.sign_in_links import new_link
from application.ports.users import User, UserRepository
from storage.registry.engine import open_registry
from tests.real_parts.brokers import Broker
from tests.system.installation import Installation

PASSWORD = "canary-password-4711"
GUESS = "canary-guess-0815-wrong"


@pytest.fixture
def installation(tmp_path: Path, mosquitto: Broker) -> Iterator[Installation]:
    made = Installation(tmp_path / "town", mosquitto)
    made.start()
    yield made
    made.stop()


def _link(installation: Installation) -> str:
    registry = open_registry(installation.registry_url, migrate=False)
    try:
        with registry.write() as tx:
            now_us = time.time_ns() // 1000
            tx.get(UserRepository).add(User("anna", "Anna", now_us, (RoleGrant("admin"),)))
            return new_link(tx, "anna", now_us)
    finally:
        registry.close()


def _life(installation: Installation) -> tuple[list[str], list[str]]:
    """A day in which secrets are used rightly and wrongly; returns them, and all that was answered to wrong use."""
    address, key, link = installation.rest.address, installation.rest.key, _link(installation)
    secrets, answers = [PASSWORD, GUESS, link, key.partition(".")[2]], []
    with Client(base_url=address, headers={"Origin": address}, timeout=20) as browser:
        assert browser.post("/api/v1/login", json={"token": link}).status_code == 200
        app = browser.post("/api/v1/me/second-factors/app").json()["secret"]
        code = TOTP(base64.b32decode(app), 6, SHA1(), 30).generate(time.time()).decode()
        enrolled = browser.post("/api/v1/me/second-factors/app/confirm", json={"code": code}).json()
        secrets += [app, *enrolled["recovery_codes"]]
        assert browser.post("/api/v1/me/password", json={"new": PASSWORD}).status_code == 204
        secrets.append(browser.cookies[COOKIE])
        installation.register("kl", ["L1"])
        made = browser.post("/api/v1/api-keys", json={"name": "canary", "scopes": ["streetlight:read"]}).json()
        secrets.append(made["key"].partition(".")[2])
        issued = browser.post("/api/v1/devices/L1/credentials")
        assert issued.status_code in {200, 201}, issued.text
        secrets += _passwords(issued.json())
        wrong: list[tuple[str, str, dict[str, Any]]] = [
            ("POST", "/api/v1/login", {"json": {"name": "anna", "password": GUESS}}),
            ("POST", "/api/v1/login", {"json": {"name": "anna", "password": {"a": PASSWORD}}}),
            ("POST", "/api/v1/login", {"content": b'{"name": "anna", "password": "' + PASSWORD.encode()}),
            ("POST", "/api/v1/login", {"json": {"token": link}}),
            ("POST", "/api/v1/me/password", {"json": {"current": GUESS, "new": PASSWORD}}),
            ("POST", "/api/v1/me/password", {"json": {"current": PASSWORD, "new": GUESS[:9], "more": PASSWORD}}),
            ("GET", "/api/v1/me", {"headers": {"Authorization": f"Bearer lk0.{GUESS}"}}),
            ("GET", "/api/v1/me", {"headers": {"X-API-Key": f"{made['key']}x"}}),
            ("GET", f"/api/v1/devices/{PASSWORD}", {}),
        ]
        for method, path, given in wrong:
            answer = browser.request(method, path, **given)
            assert answer.status_code >= 400, (path, answer.text)
            answers.append(answer.text.replace(f"/api/v1/devices/{PASSWORD}", ""))
    return secrets, answers


def _passwords(issued: object) -> list[str]:
    found = [value for name, value in _leaves(issued) if name == "password"]
    assert found
    return found


def _leaves(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, name)
    elif isinstance(value, str):
        yield name, value


@pytest.mark.timeout(120)
def test_no_secret_leaves_a_trace(installation: Installation) -> None:
    secrets, answers = _life(installation)
    with Client(base_url=installation.rest.address, timeout=20) as web:
        shown = [web.get(path).text for path in ("/metrics", "/readyz", "/version", "/sign-in")]
        key = {"Authorization": f"Bearer {installation.rest.key}"}
        shown += [web.get(f"/api/v1/{path}", headers=key).text for path in ("users", "api-keys", "audit")]
    installation.stop()
    kept = {path: path.read_bytes() for path in installation.folder.rglob("*") if path.is_file()}
    del kept[installation.folder / "lautern.toml"]
    assert any(path.suffix == ".log" for path in kept)
    assert any(path.name == "registry.db" for path in kept)
    for secret in secrets:
        assert len(secret) >= 16
        assert not [path.name for path, content in kept.items() if secret.encode() in content], secret
        assert not [text[:300] for text in (*answers, *shown) if secret in text], secret
