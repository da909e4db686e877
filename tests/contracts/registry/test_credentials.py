"""Credentials of devices."""

from dataclasses import replace
from pathlib import Path

import pytest

from application.device_credentials import device_password_matches, issue_passwords, with_password
from application.ports.credentials import CredentialRepository, CredentialType, LoginRefusal, LoginRefusals
from application.ports.registry import Registry
from devices.errors import ConfigurationError, Conflict, Invalid, NotFound
from runtime.broker.legacy_logins import import_logins

LAMP = "kl/streetlight/L01"


def test_a_device_has_one_credential_that_is_renewed_and_revoked(registry: Registry) -> None:
    with registry.write() as tx:
        credentials = tx.get(CredentialRepository)
        before = credentials.revision()
        first = issue_passwords(credentials, [LAMP], "Eva", 10)[LAMP]
        made = credentials.get(LAMP)
        assert (made.way, made.created_us, made.issued_us, made.issued_by) == (CredentialType.PASSWORD, 10, 10, "Eva")
        second = issue_passwords(credentials, [LAMP], "Udo", 20)[LAMP]
        now = credentials.get(LAMP)
        assert (now.created_us, now.issued_us, now.issued_by, now.revoked_us) == (10, 20, "Udo", None)
        assert device_password_matches(now.proof, second)
        assert not device_password_matches(now.proof, first)
        assert credentials.valid() == [now]
        assert credentials.revision() == before + 2
        credentials.revoke(LAMP, 30)
        credentials.revoke(LAMP, 40)
        assert credentials.revision() == before + 3
        assert credentials.valid() == []
        assert credentials.of_devices(["L01", "L02"]) == {"L01": replace(now, revoked_us=30)}
        issue_passwords(credentials, [LAMP], "Eva", 50)
        assert credentials.get(LAMP).revoked_us is None


def test_an_id_has_a_login_in_one_town_only_until_that_is_revoked(registry: Registry) -> None:
    with registry.write() as tx:
        credentials = tx.get(CredentialRepository)
        issue_passwords(credentials, [LAMP], "Eva", 10)
        with pytest.raises(Conflict, match="L01"):
            issue_passwords(credentials, ["other/streetlight/L01"], "Udo", 20)
        credentials.revoke(LAMP, 30)
        issue_passwords(credentials, ["other/streetlight/L01"], "Udo", 40)
        assert [c.user for c in credentials.valid()] == ["other/streetlight/L01"]
        with pytest.raises(NotFound):
            credentials.get(LAMP)
        with pytest.raises(NotFound):
            credentials.revoke("kl/streetlight/L02", 1)


def test_what_is_no_device_gets_no_login(registry: Registry) -> None:
    for user in ("gateway", "kl/streetlight", "kl/streetlight/L01/x", "kl/street light/L01", 'kl/a/"', "kl/*/L01"):
        with pytest.raises(Invalid), registry.write() as tx:
            issue_passwords(tx.get(CredentialRepository), [user], "Eva", 1)


def test_many_are_stored_at_once_in_order(registry: Registry) -> None:
    many = [with_password(f"kl/streetlight/L{n:04}", "x", "Eva", 1) for n in range(1200)]
    with registry.write() as tx:
        tx.get(CredentialRepository).put(many[::-1])
        assert tx.get(CredentialRepository).valid() == many


def test_refusals_are_added_up_and_bounded(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(user: str, at_us: int, detail: str = "x", times: int = 1) -> LoginRefusal:
        return LoginRefusal(user, "wrong_secret", "kl", "streetlight", detail, "10.0.0.1", at_us, at_us, times)

    monkeypatch.setattr("storage.registry.refusals.MOST", 2)
    with registry.write() as tx:
        refusals = tx.get(LoginRefusals)
        refusals.note([refused("a", 1), refused("b", 2)])
        refusals.note([refused("a", 5, "y", 3)])
        first = refusals.find(1)
        assert [(r.user, r.first_us, r.last_us, r.times, r.detail) for r in first.items] == [("a", 1, 5, 4, "y")]
        assert [r.user for r in refusals.find(1, first.next_cursor).items] == ["b"]
        assert refusals.find(tenant_ids=["other"]).items == []
        refusals.note([refused("c", 9)])
        assert [r.user for r in refusals.find().items] == ["a", "c"]


def test_logins_of_earlier_versions_are_taken_over_once(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "devices.json"
    file.write_text('{"kl/streetlight/L01": "old", "kl/streetlight/L02": "older"}')
    with registry.write() as tx:
        issue_passwords(tx.get(CredentialRepository), ["kl/streetlight/L02"], "Eva", 10)
    assert import_logins(registry, tmp_path) == 1
    assert not file.exists()
    assert import_logins(registry, tmp_path) == 0
    with registry.read() as tx:
        assert device_password_matches(tx.get(CredentialRepository).get(LAMP).proof, "old")
        assert not device_password_matches(tx.get(CredentialRepository).get("kl/streetlight/L02").proof, "older")
    file.write_text("{")
    with pytest.raises(ConfigurationError, match=r"devices\.json"):
        import_logins(registry, tmp_path)
