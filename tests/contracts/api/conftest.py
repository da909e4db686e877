"""The API over a real registry and a real store, both SQLite."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.application import create_app
from api.services import Services
from application.access.api_keys import secret_digest
from application.audit.signer import AuditSigner
from application.notifications.allow_list import TargetAllowList
from application.ports.api_keys import ApiKey, ApiKeys
from application.ports.changes import Change, ChangeFeed
from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from devices.kind_catalog import KindCatalog, discover_kinds
from devices.time_us import SECOND_US
from storage.audit_files import AnchorFile
from storage.registry.engine import SqlRegistry, open_registry
from storage.secret_box import AesSecretBox
from storage.telemetry.sqlite_reader import SqliteTelemetryReader
from storage.telemetry.sqlite_writer import SqliteTelemetryWriter
from tests.real_parts.operator import add_town

NOW_US = 1_790_000_000 * SECOND_US
SECRET = "s" * 43
ADDRESS = "http://localhost"
"""Of the API, where a cookie may travel without TLS."""


@dataclass
class Clock:
    """Time as the test wants it."""

    now_us: int = NOW_US

    def __call__(self) -> int:
        return self.now_us


@dataclass(frozen=True)
class City:
    """An installation seen from behind and from outside."""

    registry: SqlRegistry
    writer: SqliteTelemetryWriter
    catalog: KindCatalog
    services: Services
    clock: Clock
    client: TestClient

    def town(self, *tenant_ids: str) -> None:
        """Take towns in that are not there yet."""
        with self.registry.write() as tx:
            for tenant_id in tenant_ids:
                add_town(tx, tenant_id, tenant_id.upper(), NOW_US)

    def key(self, *scopes: str, tenant_id: str | None = None, **fields: Any) -> dict[str, str]:
        """Headers of a fresh key with these scopes; its town is there."""
        if tenant_id is not None:
            self.town(tenant_id)
        with self.registry.write() as tx:
            keys = tx.get(ApiKeys)
            number = len(keys.all())
            name = fields.pop("name", f"key {number}")
            keys.add(
                ApiKey(
                    f"k{number}",
                    f"p{number}",
                    secret_digest(SECRET),
                    name,
                    tenant_id,
                    frozenset(scopes),
                    NOW_US,
                    **fields,
                )
            )
        return {"Authorization": f"Bearer p{number}.{SECRET}"}

    def asset(self, asset_id: str, kind: str = "streetlight", tenant_id: str = "kl", **fields: Any) -> Asset:
        """Register an asset with a device `d-…` bound to it for an hour; its town is there."""
        self.town(tenant_id)
        asset = Asset(asset_id, tenant_id, kind, fields.pop("name", asset_id), NOW_US, **fields)
        with self.registry.write() as tx:
            inventory = tx.get(AssetRepository)
            inventory.add(asset)
            inventory.bind(DeviceBinding(asset_id, f"d-{asset_id}", tenant_id, kind, NOW_US - 3600 * SECOND_US))
        return asset

    def change(self, topic: str, kind: str | None = "streetlight", tenant_id: str | None = "kl", **data: Any) -> None:
        """Tell a change as the gateway does."""
        with self.registry.write() as tx:
            tx.get(ChangeFeed).add([Change(0, NOW_US, tenant_id, kind, topic, data)])


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry file with all tables, to copy."""
    path = tmp_path_factory.mktemp("registry") / "empty.db"
    open_registry(f"sqlite:///{path}", checkpoints=True).close()
    return path


@pytest.fixture(scope="session")
def catalog() -> KindCatalog:
    return discover_kinds()


@pytest.fixture
def open_city(tmp_path: Path, migrated: Path, catalog: KindCatalog) -> Iterator[Callable[[], City]]:
    """Opens the installation of one town, kl; the client's lifespan runs within `with city.client`."""
    shutil.copy(migrated, tmp_path / "registry.db")
    clock = Clock()
    signer = AuditSigner(bytes(32), clock)
    anchors = AnchorFile(tmp_path / "audit.anchors")
    registry = open_registry(f"sqlite:///{tmp_path / 'registry.db'}", migrate=False, checkpoints=True, signer=signer)
    writer = SqliteTelemetryWriter(path=tmp_path / "telemetry.db", catalog=catalog)
    reader = SqliteTelemetryReader(path=tmp_path / "telemetry.db", catalog=catalog, now_us=clock)

    def opened() -> City:
        allowed = TargetAllowList(webhook_hosts=("hooks.example.org",))
        services = Services(registry, reader, catalog, clock, "9.9.9", signer=signer, anchors=anchors, allowed=allowed)
        services = replace(services, secret_box=AesSecretBox(bytes(32)), steady_us=clock)
        client = TestClient(create_app(services, poll_s=0.02), base_url=ADDRESS)
        city = City(registry, writer, catalog, services, clock, client)
        city.town("kl")
        return city

    yield opened
    reader.close()
    writer.close()
    registry.close()


@pytest.fixture
def city(open_city: Callable[[], City]) -> Iterator[City]:
    """The installation with a running API."""
    opened = open_city()
    with opened.client:
        yield opened
