"""What is done at the machine's command line and its entry in the audit log are one transaction, as at the API."""

import itertools
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
import typer
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from application.ports.api_keys import ApiKeys
from application.ports.inventory import AssetRepository, UnknownDevice
from cli import broker
from cli.remote import device, key, tenant
from runtime import settings
from runtime.registry_access import registry_of
from tests.real_parts.local_api import api_here
from tests.real_parts.operator import make_key

RUNNER: Final = CliRunner()
LAMP: Final = "kl/streetlight/L1"
QUIET: Final = frozenset({"alembic_version", "heartbeats", "sqlite_sequence"})
ENTRIES: Final = frozenset({"audit", "revisions"})
VERBS: Final[dict[str, tuple[typer.Typer, tuple[str, ...]]]] = {
    "a key": (key.app, ("create", "ops", "--scope", "lights:dim")),
    "a key's end": (key.app, ("revoke", "KEY")),
    "a town": (tenant.app, ("add", "speyer", "Speyer")),
    "a town's name": (tenant.app, ("rename", "kl", "Lautern")),
    "a login": (broker.app, ("add-device", "kl/streetlight/L2")),
    "a login's end": (broker.app, ("drop-device", LAMP)),
    "an approval": (device.app, ("approve", "u1")),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A town with a key, a login and a device that nobody knows."""
    for module in (key, tenant, device):
        monkeypatch.setattr(module, "api_of", api_here)
    with registry_of(settings.load_settings(tmp_path), recording=True, migrate=True) as registry:
        assert RUNNER.invoke(tenant.app, ["add", "kl", "KL", "--data-dir", str(tmp_path)]).exit_code == 0
        make_key(registry, "first", ["streetlight:read"], "kl")
        with registry.write() as tx:
            tx.get(AssetRepository).note_unknown([UnknownDevice("u1", "kl", "streetlight", 1, 1, 1)])
    RUNNER.invoke(broker.app, ["add-device", LAMP, "--data-dir", str(tmp_path)])
    return tmp_path


def _tables(folder: Path) -> dict[str, list[str]]:
    engine = create_engine(settings.load_settings(folder).registry_url)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
        names = [row.name for row in found if row.name not in QUIET]
        rows = {n: sorted(map(repr, connection.execute(text(f'SELECT * FROM "{n}"')))) for n in names}
    engine.dispose()
    return rows


@contextmanager
def _away(folder: Path, names: Collection[str]) -> Iterator[None]:
    engine = create_engine(settings.load_settings(folder).registry_url)
    pairs = list(itertools.product(names, ("INSERT", "UPDATE", "DELETE")))
    with engine.begin() as connection:
        for name, action in pairs:
            refused = "SELECT RAISE(ABORT, 'no room')"
            connection.execute(
                text(f'CREATE TRIGGER "{name}_{action}" BEFORE {action} ON "{name}" BEGIN {refused}; END')
            )
    yield
    with engine.begin() as connection:
        for name, action in pairs:
            connection.execute(text(f'DROP TRIGGER "{name}_{action}"'))
    engine.dispose()


@pytest.mark.parametrize("what", VERBS)
def test_neither_the_change_nor_its_entry_is_made_alone(folder: Path, what: str) -> None:
    app, wanted = VERBS[what]
    with registry_of(settings.load_settings(folder)) as registry, registry.read() as tx:
        key_id = tx.get(ApiKeys).all()[0].key_id
    command = [key_id if word == "KEY" else word for word in wanted]
    before = _tables(folder)
    for away in (["audit"], set(before) - ENTRIES):
        with _away(folder, away):
            assert RUNNER.invoke(app, [*command, "--data-dir", str(folder)]).exit_code != 0
        assert _tables(folder) == before, what
    RUNNER.invoke(app, [*command, "--data-dir", str(folder)])
    after = _tables(folder)
    assert len(after["audit"]) > len(before["audit"])
    assert {name for name in after if after[name] != before.get(name)} - ENTRIES, what
