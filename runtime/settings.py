"""Settings: command line over environment over lautern.toml over defaults; unknown keys are errors."""

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from devices.errors import ConfigurationError
from devices.notifying.allowing import Allowed

FILE_NAME: Final = "lautern.toml"
ENVIRONMENT: Final = "LAUTERN_"
DEFAULT_DATA_DIR: Final = Path("var")
_ID: Final = r"^[A-Za-z0-9_-]{1,64}$"


def _mqtt(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
        raise ValueError("must look like mqtt://host:1883 or mqtts://host:8883")
    if parts.username or parts.password:
        raise ValueError("user and password have settings of their own (broker.username, broker.password)")
    return url


def _web(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("must look like https://lautern.example.org")
    return url.rstrip("/")


def _sender(text: str) -> str:
    address = parseaddr(text)[1]
    if not all(address.rpartition("@")) or not text.isprintable():
        raise ValueError("must look like Lautern <lautern@example.org>")
    return text


def _network(text: str) -> str:
    ipaddress.ip_network(text, strict=False)
    return text


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Broker(_Section):
    """Where MQTT is. `embedded`: a nats-server of our own on loopback; `external`: the one at `url`."""

    mode: Literal["embedded", "external"] = "embedded"
    url: Annotated[str, AfterValidator(_mqtt)] = "mqtt://127.0.0.1:1883"
    username: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, PEM; they go along with logins of devices."""
    pinned_file: Path | None = None
    """Trust exactly this certificate of the broker, whatever its names; `lautern up` sets it for its own broker."""
    tls_cert_file: Path | None = None
    """Embedded, with url mqtts://: certificate and chain that devices see, PEM."""
    tls_key_file: Path | None = None
    behind_proxy: bool = False
    """Embedded: a proxy with TLS stands before it, so that it may listen elsewhere than on loopback without."""
    public_url: Annotated[str, AfterValidator(_mqtt)] | None = None
    """The broker as devices reach it, for labels and files; without it `url`."""
    devices_ca_file: Path | None = None
    """Each device must show a certificate that this authority signed, PEM."""
    sync_always: bool = False
    """Embedded: one fsync per message (3,600/s) instead of one per second."""
    max_store_mb: Annotated[int, Field(ge=64)] = 1024
    """Embedded: bound of the queue on disk; when it is full publishers are refused."""

    @property
    def host(self) -> str:
        """Host of the URL."""
        return urlsplit(self.url).hostname or "127.0.0.1"

    @property
    def port(self) -> int:
        """Port of the URL."""
        return urlsplit(self.url).port or (8883 if self.tls else 1883)

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.url.startswith("mqtts:")


class RegistryDatabase(_Section):
    """The relational database; without `url` a SQLite file in the data directory."""

    url: SecretStr | None = None
    """SQLAlchemy URL; a secret, as it may hold a password."""
    migrate: bool = True
    """Bring the tables up to date at start."""


class Store(_Section):
    """Where telemetry is kept."""

    kind: Literal["sqlite", "influxdb"] = "sqlite"
    url: str = "http://127.0.0.1:8086"
    org: str = "lautern"
    token: SecretStr | None = None
    bucket_prefix: Annotated[str, Field(pattern=_ID)] = "lautern"

    @model_validator(mode="after")
    def _token_for_influxdb(self) -> "Store":
        if self.kind == "influxdb" and self.token is None:
            raise ValueError("store.kind influxdb needs store.token (or LAUTERN_STORE__TOKEN_FILE)")
        return self


class JournalBounds(_Section):
    """Disk that unprocessed messages may take; at the bound nothing more is acknowledged to the broker."""

    telemetry_bound_mb: Annotated[int, Field(ge=16)] = 2048
    control_bound_mb: Annotated[int, Field(ge=16)] = 256


class Http(_Section):
    """Where the API listens."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    public_url: Annotated[str | None, AfterValidator(_web)] = None
    """Where people reach the pages, such as `https://lautern.example.org`; links in messages begin with it."""
    tls_cert_file: Path | None = None
    """Certificate and chain, PEM; also of the gateway's /metrics."""
    tls_key_file: Path | None = None
    behind_proxy: bool = False
    """A proxy with TLS stands before it, so that it may listen elsewhere than on loopback without."""
    trusted_proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    """Addresses or networks whose X-Forwarded-For and -Proto are believed."""

    @property
    def tls(self) -> bool:
        """Whether it speaks https."""
        return self.tls_cert_file is not None

    @model_validator(mode="after")
    def _key_beside_certificate(self) -> "Http":
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_cert_file and tls_key_file belong together")
        return self


class Mail(_Section):
    """Where mail to people is handed over; without `host` none is sent."""

    host: str | None = None
    port: Annotated[int | None, Field(ge=1, le=65535)] = None
    """Without it 465 for `tls`, 587 for `starttls`, 25 for `none`."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: SecretStr | None = None
    sender: Annotated[str, AfterValidator(_sender)] = "Lautern <lautern@localhost>"
    ca_file: Path | None = None
    """Certificates to trust beside the system's, PEM."""

    @model_validator(mode="after")
    def _password_needs_tls(self) -> "Mail":
        if self.security == "none" and self.username is not None:
            raise ValueError("mail.security none sends no password: leave out mail.username, or encrypt")
        return self


class Notifications(_Section):
    """Where alarms may be sent. Nothing is allowed but what is listed here."""

    mail_domains: tuple[str, ...] = ()
    """Such as `stadt.example`, `*.stadt.example`, or `*` for all."""
    webhook_hosts: tuple[str, ...] = ()
    """Such as `hooks.example.org`, `*.example.org`, or `*` for all that are public. A host named itself, with its port
    unless that is 443 or 80, may also be inside the own network and without TLS."""
    ca_file: Path | None = None
    """Certificates to trust beside the system's when webhooks are called, PEM."""

    @property
    def allowed(self) -> Allowed:
        """The allow-list."""
        return Allowed(self.mail_domains, self.webhook_hosts)


class Oidc(_Section):
    """An OpenID provider where people sign in; `issuer` unset: none."""

    issuer: str | None = None
    client_id: str = "lautern"
    client_secret: SecretStr | None = None
    label: Annotated[str, Field(min_length=1, max_length=60)] = "Single sign-on"
    trust_email: bool = False
    """Let a verified address lead to the user who has it, when he comes for the first time."""


class Access(_Section):
    """How long people stay signed in."""

    idle_hours: Annotated[float, Field(gt=0, le=24 * 31)] = 12
    session_hours: Annotated[float, Field(gt=0, le=24 * 365)] = 24 * 7


class Web(_Section):
    """The pages. Without a tile server their map is the drawn one, and browsers ask nobody but us."""

    tile_url: Annotated[str, Field(pattern=r"^(https?://[A-Za-z0-9.:{}-]+/\S*\{z\}\S*)?$")] = ""
    """Such as https://tiles.example/{z}/{x}/{y}.png; its host then learns who looks at which part of the map."""
    tile_attribution: str = ""
    """What the makers of the tiles want to be named as."""


class Gateway(_Section):
    """The gateway's own figures for Prometheus, on http.host."""

    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 9464


class AuditLog(_Section):
    """What the audit log needs outside the database; without these, files in the data directory."""

    key_file: Path | None = None
    """`audit.key`, made at the first use. All that append to one registry need the same."""
    anchor_file: Path | None = None
    """`audit.anchors`; best where whoever can write the database can only append."""


class Log(_Section):
    """`auto`: for people on a terminal, JSON elsewhere."""

    format: Literal["auto", "json", "console"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


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
    default_tenant: Annotated[str, Field(pattern=_ID)] = "kaiserslautern"
    broker: Broker = Broker()
    registry: RegistryDatabase = RegistryDatabase()
    store: Store = Store()
    journal: JournalBounds = JournalBounds()
    http: Http = Http()
    access: Access = Access()
    oidc: Oidc = Oidc()
    web: Web = Web()
    gateway: Gateway = Gateway()
    audit: AuditLog = AuditLog()
    mail: Mail = Mail()
    notifications: Notifications = Notifications()
    log: Log = Log()

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


def load(data_dir: Path | None = None, config: Path | None = None) -> Settings:
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
    return _leads_somewhere(_keys(name)) or name.startswith(
        (f"{ENVIRONMENT}TEST_", f"{ENVIRONMENT}REQUIRE_", f"{ENVIRONMENT}BENCH_")
    )


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
