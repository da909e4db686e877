"""Settings come from where they should, and a mistake is named without its value."""

import os
from pathlib import Path

import pytest

from devices.errors import ConfigurationError
from runtime import settings


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(settings.ENVIRONMENT):
            monkeypatch.delenv(name)


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    found = settings.load_settings()
    assert (found.data_dir, found.broker.mode, found.store.kind) == (tmp_path / "var", "embedded", "sqlite")
    assert found.registry_url == f"sqlite:///{tmp_path}/var/registry.db"


def test_environment_wins_over_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lautern.toml").write_text("[http]\nport = 8001\nhost = '0.0.0.0'\n")
    monkeypatch.setenv("LAUTERN_HTTP__PORT", "8002")
    found = settings.load_settings(tmp_path)
    assert (found.http.port, found.http.host) == (8002, "0.0.0.0")


def test_the_command_line_wins_over_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUTERN_DATA_DIR", "/elsewhere")
    assert settings.load_settings(tmp_path).data_dir == tmp_path


def test_a_named_file_may_name_the_data_directory(tmp_path: Path) -> None:
    (tmp_path / "city.toml").write_text("data_dir = '/srv/lautern'\n")
    assert settings.load_settings(config=tmp_path / "city.toml").data_dir == Path("/srv/lautern")


@pytest.mark.parametrize(
    "text", ["prot = 1", "[http]\nprot = 1", "[broker]\nurl = 'http://x'", "[http]\nport = 70000", "="]
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "lautern.toml").write_text(text)
    with pytest.raises(ConfigurationError):
        settings.load_settings(tmp_path)


@pytest.mark.parametrize("name", ["LAUTERN_HTTP__PROT", "LAUTERN_HTTP_PORT", "LAUTERN_STORE__TOKN_FILE"])
def test_a_misspelt_variable_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(ConfigurationError, match=name):
        settings.load_settings()


def test_a_missing_file_is_an_error_when_it_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.toml"):
        settings.load_settings(config=tmp_path / "absent.toml")


def test_a_secret_comes_from_its_file_and_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("tr0ub4dor\n")
    monkeypatch.setenv("LAUTERN_STORE__TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("LAUTERN_STORE__KIND", "influxdb")
    found = settings.load_settings()
    assert found.store.token is not None
    assert found.store.token.get_secret_value() == "tr0ub4dor"
    assert "tr0ub4dor" not in f"{found!r} {found}"


def test_an_error_does_not_tell_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUTERN_BROKER__URL", "mqtt://me:tr0ub4dor@host")
    with pytest.raises(ConfigurationError, match=r"broker\.url") as caught:
        settings.load_settings()
    assert "tr0ub4dor" not in str(caught.value)


def test_influxdb_needs_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUTERN_STORE__KIND", "influxdb")
    with pytest.raises(ConfigurationError, match="token"):
        settings.load_settings()


def test_a_file_setting_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUTERN_BROKER__CA_FILE", "/etc/ca.pem")
    assert settings.load_settings().broker.ca_file == Path("/etc/ca.pem")


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LAUTERN_REGISTRY__URL_FILE", "LAUTERN_BROKER__URL", "LAUTERN_BROKER__CA_FILE"):
        monkeypatch.setenv(name, "")
    found = settings.load_settings()
    assert (found.registry.url, found.broker.ca_file, found.broker.port) == (None, None, 1883)
