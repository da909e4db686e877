"""`lautern tenant`, as somebody at the machine uses it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from application.ports.audit import AuditLog
from cli.remote import tenant
from cli.remote.responses import Refused, Unfit
from devices.errors import Invalid
from runtime import settings
from runtime.registry_access import registry_of
from tests.real_parts.local_api import api_here
from tests.real_parts.operator import make_key

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenant, "api_of", api_here)


def _run(folder: Path, *arguments: str) -> str:
    done = RUNNER.invoke(tenant.app, [*arguments, "--data-dir", str(folder)])
    if done.exception is not None:
        raise done.exception
    return done.output


def test_a_town_is_taken_in_listed_and_renamed_and_that_is_on_record(tmp_path: Path) -> None:
    _run(tmp_path, "add", "speyer", "Speyer")
    _run(tmp_path, "rename", "speyer", "Domstadt Speyer")
    assert "speyer Domstadt Speyer" in " ".join(_run(tmp_path, "list").split())
    with registry_of(settings.load_settings(tmp_path)) as registry, registry.read() as tx:
        deeds = [e.deed.action for e in tx.get(AuditLog).after(0, 10) if e.deed and e.deed.object == "tenant/speyer"]
    assert deeds == ["tenant.create", "tenant.change"]


def test_it_is_taken_in_once_and_its_id_must_fit_into_topics(tmp_path: Path) -> None:
    _run(tmp_path, "add", "speyer", "Speyer")
    with pytest.raises(Refused, match="not available"):
        _run(tmp_path, "add", "speyer", "Speyer")
    with pytest.raises(Unfit, match=r"tenant_id: .* 1 to 64 of them"):
        _run(tmp_path, "add", "spey.er", "Speyer")


def test_no_key_is_made_for_a_town_that_is_not_served(tmp_path: Path) -> None:
    with (
        registry_of(settings.load_settings(tmp_path), recording=True) as registry,
        pytest.raises(Invalid, match="there is no town speyer here"),
    ):
        make_key(registry, "theirs", ["streetlight:read"], "speyer")
