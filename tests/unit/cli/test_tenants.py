"""`lautern tenant`, as somebody at the machine uses it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from application.ports.audit import AuditLog
from cli import local_keys, tenants
from devices.errors import Conflict, Invalid
from runtime import settings
from runtime.registry_access import registry_of

RUNNER = CliRunner()


def _run(folder: Path, *arguments: str) -> str:
    done = RUNNER.invoke(tenants.app, [*arguments, "--data-dir", str(folder)])
    if done.exception is not None:
        raise done.exception
    return done.output


def test_a_town_is_taken_in_listed_and_renamed_and_that_is_on_record(tmp_path: Path) -> None:
    _run(tmp_path, "add", "speyer", "Speyer")
    _run(tmp_path, "rename", "speyer", "Domstadt Speyer")
    assert "speyer  Domstadt Speyer  since" in _run(tmp_path, "list")
    with registry_of(settings.load_settings(tmp_path)) as registry, registry.read() as tx:
        deeds = [e.deed.action for e in tx.get(AuditLog).after(0, 10) if e.deed]
    assert deeds == ["tenant.create", "tenant.change"]


def test_it_is_taken_in_once_and_its_id_must_fit_into_topics(tmp_path: Path) -> None:
    _run(tmp_path, "add", "speyer", "Speyer")
    with pytest.raises(Conflict, match="speyer is here already"):
        _run(tmp_path, "add", "speyer", "Speyer")
    with pytest.raises(Invalid, match="must be 1 to 64"):
        _run(tmp_path, "add", "spey.er", "Speyer")


def test_no_key_is_made_for_a_town_that_is_not_served(tmp_path: Path) -> None:
    with (
        registry_of(settings.load_settings(tmp_path), recording=True) as registry,
        pytest.raises(Invalid, match="there is no town speyer here"),
    ):
        local_keys.make_key(registry, "theirs", ["streetlight:read"], "speyer")
