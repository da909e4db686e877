"""Whatever an archive's settings name outside the data directory is found, and followed only when it is confirmed."""

import os
import tomllib
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from devices.errors import ConfigurationError
from runtime import settings
from runtime.backup_archive.foreign_settings import (
    HARMLESS,
    ForeignSettings,
    find_foreign_settings,
    parse_archived_settings,
    replace_settings,
    require_confirmed,
)
from runtime.backup_archive.manifest import ArchiveRefused
from runtime.bootstrap_settings import settings_text

HOME = Path("/srv/lautern")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(settings.ENVIRONMENT):
            monkeypatch.delenv(name)


def keys(text: str, folder: Path = HOME) -> list[str]:
    return [one.key for one in find_foreign_settings(tomllib.loads(text), folder)]


@pytest.mark.parametrize(
    "line",
    [
        'store.url = "http://evil:8086"',
        'store.url = "http://127.0.0.1:9999"',
        'registry.url = "postgresql://u:p@evil/x"',
        'registry.url = "sqlite:////etc/x.db"',
        'registry.url = "sqlite:////srv/lautern/../x.db"',
        'registry.url = "sqlite:////srv/lautern/x.db?uri=true"',
        'registry.url = "sqlite:///file:/etc/x"',
        'registry.url = "sqlite:///x.db"',
        'registry.url = "no url"',
        'broker.ca_file = "/srv/lautern/../other/ca.pem"',
        'broker.ca_file = "/srv/lautern-other/ca.pem"',
        'broker.ca_file = "tls/ca.pem"',
        'broker = {mode = "external", url = "mqtt://evil"}',
        'broker.public_url = "mqtt://evil"',
        'audit.key_file = "/etc/passwd"',
        'audit.anchor_file = "../x"',
        'secrets.key_file = "/etc/x"',
        'mail.host = "evil"',
        'oidc.issuer = "https://evil"',
        'http.public_url = "https://evil"',
        'http.trusted_proxies = ["6.6.6.6"]',
        'http.tls_key_file = "/etc/x"',
        'notifications.webhook_hosts = ["evil"]',
        'notifications.mail_domains = ["*"]',
        'web.tile_url = "https://evil/{z}/{x}/{y}"',
        'backup.recipients = ["age1x"]',
        'data_dir = "/elsewhere"',
        'store = [{url = "http://evil"}]',
        'not_yet_known.path = "/x"',
    ],
)
def test_what_leads_elsewhere_is_named(line: str) -> None:
    (key,) = keys(line)
    assert key == line.partition(" ")[0] or (key, line[:6]) == ("broker.url", "broker")


@pytest.mark.parametrize("host", [None, "lautern.example.org"])
def test_what_init_writes_leads_nowhere_but_to_the_name_for_others(host: str | None) -> None:
    found = keys(settings_text("kl", "sqlite", HOME, host))
    assert found == ([] if host is None else ["broker.public_url"])


@pytest.mark.parametrize(
    "line",
    [
        'registry.url = "sqlite:////srv/lautern/registry.db"',
        'broker.ca_file = "/srv/lautern/tls/../tls/ca.pem"',
        'store = {kind = "influxdb", token = "x", url = "http://127.0.0.1:8086"}',
        'broker.url = "mqtts://0.0.0.0:8883"',
        "http.port = 1",
        'data_dir = "/srv/lautern"',
    ],
)
def test_what_stays_inside_needs_no_word(line: str) -> None:
    assert keys(line) == []


def test_a_host_is_no_file_even_where_the_restore_is_started_inside(tmp_path: Path) -> None:
    assert keys('mail.host = "evil"', tmp_path) == ["mail.host"]
    assert keys('broker.ca_file = "tls/ca.pem"', tmp_path) == []


def texts(model: Any, before: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from texts(inner, f"{before}{name}.")
        elif {str, Path, SecretStr} & set(kinds(inner)):
            yield before + name


def kinds(annotation: Any) -> Iterator[Any]:
    yield annotation
    if typing.get_origin(annotation) is typing.Literal:
        yield str
        return
    for one in typing.get_args(annotation):
        yield from kinds(one)


def test_each_text_among_the_settings_is_a_place_or_listed_as_none() -> None:
    """A new setting is a place until somebody says that it is none; what is listed exists."""
    known = set(texts(settings.Settings))
    assert known >= HARMLESS
    for key in known - HARMLESS:
        section, _, name = key.rpartition(".")
        found = find_foreign_settings({section: {name: "http://x"}} if section else {name: "http://x"}, HOME)
        assert [one.key for one in found] == ([] if key == "broker.url" else [key])


def test_given_again_or_refused_with_its_name_and_without_its_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_foreign_settings(
        tomllib.loads(
            '[registry]\nurl = "postgresql://u:topsecret@evil/x?password=alsosecret"\n'
            '[store]\nurl = "http://me:hidden@evil"\n[mail]\nhost = "m\\u001b[2J"'
        ),
        HOME,
    )
    with pytest.raises(ForeignSettings) as refused:
        require_confirmed(found, settings.given_by_environment())
    told = str(refused.value)
    assert isinstance(refused.value, ConfigurationError)
    assert all(word in told for word in ("registry.url", "LAUTERN_REGISTRY__URL_FILE", "LAUTERN_STORE__URL", "evil"))
    assert not any(word in told for word in ("topsecret", "alsosecret", "hidden", "\x1b"))
    (Path.cwd() / "url").write_text("sqlite:///x")
    monkeypatch.setenv("LAUTERN_REGISTRY__URL_FILE", "url")
    monkeypatch.setenv("LAUTERN_STORE", '{"url": "http://mine"}')
    with pytest.raises(ForeignSettings, match=r"mail\.host") as refused:
        require_confirmed(found, settings.given_by_environment())
    assert "store" not in str(refused.value)
    monkeypatch.setenv("LAUTERN_MAIL__HOST", "mine")
    require_confirmed(found, settings.given_by_environment())


TEXT = """\
# ours
default_tenant = "kl"
[store]   # here
kind = "influxdb"
url = "http://evil" # old
[notifications]
webhook_hosts = [
  "evil",  # ]
  "worse",
]
[registry]
url = "postgresql://evil"
"""


def test_what_is_given_again_stands_in_the_file() -> None:
    values = {"store.url": "http://mine", "notifications.webhook_hosts": ["a", "ü"], "registry.url": None}
    made = replace_settings(TEXT, values)
    assert tomllib.loads(made) == {
        "default_tenant": "kl",
        "store": {"kind": "influxdb", "url": "http://mine"},
        "notifications": {"webhook_hosts": ["a", "ü"]},
        "registry": {},
    }
    assert made.startswith("# ours\n")
    assert "evil" not in made


@pytest.mark.parametrize("text", ['store = {url = "http://evil"}', 'store.url = "http://evil"', '["store"]\nurl = "x"'])
def test_a_file_written_otherwise_is_not_guessed_at(text: str) -> None:
    with pytest.raises(ForeignSettings, match="--config"):
        replace_settings(text, {"store.url": "http://mine"})


@pytest.mark.parametrize("text", [b"\xff", b"= 1", b"a = " + b"[" * 100_000])
def test_settings_that_cannot_be_read_are_no_archives(text: bytes) -> None:
    with pytest.raises(ArchiveRefused):
        parse_archived_settings(text)
