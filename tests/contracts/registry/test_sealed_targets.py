"""Secrets and addresses of webhooks stand sealed in the database, and come back as they were."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import create_engine, text

from application.notifications.rules import NotificationChannel, NotificationTarget
from application.ports.notifications import NotificationTargets
from application.ports.secret_box import SecretBox
from devices.errors import Conflict
from storage.registry.engine import open_registry
from storage.registry.sealed_targets import UNREADABLE
from storage.secret_box import AesSecretBox

BOX, OTHER = AesSecretBox(bytes(32)), AesSecretBox(bytes([1] * 32))
HOOK = NotificationTarget(
    "hook", "kl", "Ticket", NotificationChannel.WEBHOOK, "https://x.example/path-secret", secret="whsec_abc"
)
MAIL = NotificationTarget("mail", "kl", "Wache", NotificationChannel.EMAIL, "a@b.example")


@contextmanager
def targets(url: str, box: SecretBox | None) -> Iterator[NotificationTargets]:
    with closing(open_registry(url, box=box)) as registry, registry.write() as tx:
        yield tx.get(NotificationTargets)


def stored(url: str) -> str:
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = str(list(connection.execute(text("SELECT * FROM notification_targets ORDER BY target_id"))))
    engine.dispose()
    return rows


def test_nobody_reads_them_without_the_key(registry_url: str) -> None:
    with targets(registry_url, BOX) as kept:
        assert kept.put(HOOK) == replace(HOOK, version=1)
        kept.put(MAIL)
    assert "whsec" not in stored(registry_url)
    assert "path-secret" not in stored(registry_url)
    assert "a@b.example" in stored(registry_url), "an address is needed to erase a person"
    with targets(registry_url, BOX) as kept:
        assert kept.list() == [replace(HOOK, version=1), replace(MAIL, version=1)]
        assert kept.put(replace(HOOK, version=1, name="Neu", secret="whsec_new")).secret == "whsec_new"
    assert "whsec" not in stored(registry_url)


def test_what_stood_in_clear_is_sealed_when_the_registry_is_opened(registry_url: str) -> None:
    with targets(registry_url, None) as kept:
        kept.put(HOOK)
        kept.put(MAIL)
    assert "whsec" in stored(registry_url)
    for _ in range(2):
        with targets(registry_url, BOX) as kept:
            assert kept.get("hook") == replace(HOOK, version=1)
        assert "whsec" not in stored(registry_url)
        assert "path-secret" not in stored(registry_url)


@pytest.mark.parametrize("box", [OTHER, None])
def test_with_another_key_it_is_said_and_others_go_on(registry_url: str, box: SecretBox | None) -> None:
    with targets(registry_url, BOX) as kept:
        kept.put(HOOK)
        kept.put(MAIL)
    with targets(registry_url, box) as kept:
        hook, mail = kept.list()
        assert (hook.address, hook.secret, hook.name) == (UNREADABLE, None, "Ticket")
        assert mail == replace(MAIL, version=1)
        with pytest.raises(Conflict, match="another key"):
            kept.put(replace(hook, name="x"))
    with targets(registry_url, BOX) as kept:
        assert kept.get("hook") == replace(HOOK, version=1), "with its key it is as it was"


def test_what_is_moved_to_another_row_does_not_open(registry_url: str) -> None:
    with targets(registry_url, BOX) as kept:
        kept.put(HOOK)
        kept.put(replace(HOOK, target_id="other", secret="whsec_other"))
    engine = create_engine(registry_url)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE notification_targets SET secret = (SELECT t.secret FROM notification_targets AS t"
                 " WHERE t.target_id = 'other') WHERE target_id = 'hook'")
        )  # fmt: skip
    engine.dispose()
    with targets(registry_url, BOX) as kept:
        assert kept.get("hook").secret is None
