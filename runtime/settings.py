"""Settings: command line over environment over lautern.toml over defaults; unknown keys are errors."""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, get_origin

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from devices.errors import ConfigurationError
from runtime import settings_models

FILE_NAME: Final = "lautern.toml"
ENVIRONMENT: Final = "LAUTERN_"
DEFAULT_DATA_DIR: Final = Path("var")
OF_CLIENTS: Final = frozenset({"LAUTERN_URL", "LAUTERN_API_KEY", "LAUTERN_CA_FILE"})
"""Variables of the command line that speaks to an API; no settings."""


class Settings(BaseSettings):
    """All settings, built once by `load`."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    data_dir: Path = DEFAULT_DATA_DIR
    topic_root: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$")] = "city/v1"
    default_tenant: Annotated[str, Field(pattern=settings_models.ID)] = "kaiserslautern"
    broker: settings_models.BrokerSettings = settings_models.BrokerSettings()
    registry: settings_models.RegistryDatabase = settings_models.RegistryDatabase()
    store: settings_models.StoreSettings = settings_models.StoreSettings()
    journal: settings_models.JournalBounds = settings_models.JournalBounds()
    quota: settings_models.DeviceQuotas = settings_models.DeviceQuotas()
    http: settings_models.HttpSettings = settings_models.HttpSettings()
    limits: settings_models.LimitSettings = settings_models.LimitSettings()
    access: settings_models.AccessSettings = settings_models.AccessSettings()
    oidc: settings_models.OidcSettings = settings_models.OidcSettings()
    web: settings_models.WebSettings = settings_models.WebSettings()
    gateway: settings_models.GatewaySettings = settings_models.GatewaySettings()
    audit: settings_models.AuditSettings = settings_models.AuditSettings()
    secrets: settings_models.SecretSettings = settings_models.SecretSettings()
    mail: settings_models.MailSettings = settings_models.MailSettings()
    notifications: settings_models.NotificationSettings = settings_models.NotificationSettings()
    retention: settings_models.RetentionSettings = settings_models.RetentionSettings()
    backup: settings_models.BackupSettings = settings_models.BackupSettings()
    privacy: settings_models.PrivacySettings = settings_models.PrivacySettings()
    log: settings_models.LogSettings = settings_models.LogSettings()

    @property
    def registry_url(self) -> str:
        """SQLAlchemy URL of the registry; holds the password, where there is one."""
        if self.registry.url is not None:
            return self.registry.url.get_secret_value()
        return f"sqlite:///{self.data_dir / 'registry.db'}"

    @property
    def audit_key_file(self) -> Path:
        """Key of the audit log."""
        return self.audit.key_file or self.data_dir / "audit.key"

    @property
    def audit_anchor_file(self) -> Path:
        """Anchors of the audit log."""
        return self.audit.anchor_file or self.data_dir / "audit.anchors"

    @property
    def secrets_key_file(self) -> Path:
        """Key that secrets in the registry are sealed with."""
        return self.secrets.key_file or self.data_dir / "secrets.key"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library names the arguments
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over what `load` read from files; no dotenv, no secrets folder."""
        variables = EnvSettingsSource(settings_cls)
        variables.env_vars = {k: v for k, v in variables.env_vars.items() if not _names_a_secret(k.upper())}
        return variables, init_settings


def load_settings(data_dir: Path | None = None, config: Path | None = None) -> Settings:
    """Settings from `config`, or else from `lautern.toml` in the data directory where there is one.

    `data_dir` (command line) wins over all. Relative paths in the file are relative to where we were started.
    Raises ConfigurationError that names the key, never its value.
    """
    environment = {k: v for k, v in os.environ.items() if k.startswith(ENVIRONMENT) and v}
    folder = data_dir or Path(environment.get(f"{ENVIRONMENT}DATA_DIR") or DEFAULT_DATA_DIR)
    path = config or folder / FILE_NAME
    values = _read(path) if config or path.exists() else {}
    if data_dir is not None:
        values["data_dir"] = data_dir
    elif config is None:
        values.setdefault("data_dir", folder)
    _refuse_unknown(environment)
    for keys, secret in _secrets(environment):
        _put(values, keys, secret)
    try:
        settings = Settings(**values)
    except ValidationError as problem:
        raise ConfigurationError(_explain(problem, path)) from None
    except SettingsError as problem:
        raise ConfigurationError(str(problem)) from None
    chosen = data_dir or settings.data_dir
    return settings.model_copy(update={"data_dir": chosen.absolute()})


def given_by_environment() -> frozenset[str]:
    """Keys, such as `store.url`, that variables of the environment set."""
    found: set[str] = set()
    for name, value in os.environ.items():
        if name.startswith(ENVIRONMENT) and value and name not in OF_CLIENTS:
            keys = _keys(name.removesuffix("_FILE") if _names_a_secret(name) else name)
            found |= set(_flat(".".join(keys), value))
    return frozenset(found)


def plain_value(settings: Settings, key: str) -> object:
    """A setting as a settings file holds it; None for a secret, which does not belong there."""
    value: Any = settings
    for name in key.split("."):
        value = getattr(value, name)
    if isinstance(value, SecretStr):
        return None
    return str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value


def _flat(key: str, value: object) -> Iterator[str]:
    """A whole section may come as JSON."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(f"{key}.{name}", inner)
    else:
        yield key


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ConfigurationError(f"{path}: {problem}") from problem


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    """A misspelt variable would silently mean nothing."""
    unknown = sorted(name for name in environment if not _known(name) and not _known(name.removesuffix("_FILE")))
    if unknown:
        raise ConfigurationError(f"unknown environment variable: {', '.join(unknown)}")


def _known(name: str) -> bool:
    """Tell whether a variable names a setting; those of tests and simulators are none and do no harm."""
    others = (f"{ENVIRONMENT}TEST_", f"{ENVIRONMENT}REQUIRE_", f"{ENVIRONMENT}BENCH_")
    return name in OF_CLIENTS or _leads_somewhere(_keys(name)) or name.startswith(others)


def _secrets(environment: Mapping[str, str]) -> list[tuple[list[str], str]]:
    """Values of variables such as LAUTERN_STORE__TOKEN_FILE, which name a file that holds the value."""
    found = []
    for name, path in environment.items():
        if not _names_a_secret(name):
            continue
        try:
            found.append((_keys(name.removesuffix("_FILE")), Path(path).read_text(encoding="utf-8").strip()))
        except OSError as problem:
            raise ConfigurationError(f"{name}: {path}: {problem.strerror}") from problem
    return found


def _names_a_secret(name: str) -> bool:
    """Tell LAUTERN_STORE__TOKEN_FILE from LAUTERN_BROKER__CA_FILE, which is a setting itself."""
    return name.endswith("_FILE") and not _known(name)


def _keys(name: str) -> list[str]:
    return name.removeprefix(ENVIRONMENT).lower().split("__")


def _leads_somewhere(keys: list[str]) -> bool:
    model: Any = Settings
    for key in keys:
        if get_origin(model) is dict:
            return True
        fields = getattr(model, "model_fields", {})
        if key not in fields:
            return False
        model = fields[key].annotation
    return True


def _put(values: dict[str, Any], keys: list[str], value: str) -> None:
    for key in keys[:-1]:
        values = values.setdefault(key, {})
    values[keys[-1]] = value


def _explain(problem: ValidationError, path: Path) -> str:
    lines = [f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in problem.errors(include_input=False)]
    return f"({path} or environment) " + "; ".join(lines)
