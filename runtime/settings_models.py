"""The sections of the settings: what may be set, with its bounds."""

import ipaddress
import re
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from application.access.second_factor import SecondFactorPolicy
from application.message_quota import MessageQuota, MessageQuotas
from application.notifications.allow_list import TargetAllowList
from application.privacy.data_classes import NAMES
from runtime.tcp_ports import place_of

LOOPBACK: Final = "127.0.0.1"
_HERE: Final = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - where to knock, not where to listen
_USUAL: Final = MessageQuota()
_SUB_PATH: Final = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")
ID: Final = r"^[A-Za-z0-9_-]{1,64}$"


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
    if not _SUB_PATH.fullmatch(parts.path):
        raise ValueError("its path must look like /lautern")
    return url.rstrip("/")


def _bare(host: str) -> str:
    """`[::1]` as in a URL is `::1`."""
    return host.removeprefix("[").removesuffix("]")


def _sender(text: str) -> str:
    address = parseaddr(text)[1]
    if not all(address.rpartition("@")) or not text.isprintable():
        raise ValueError("must look like Lautern <lautern@example.org>")
    return text


def _network(text: str) -> str:
    ipaddress.ip_network(text, strict=False)
    return text


def local_address(host: str) -> str:
    """Where programs on this machine find what listens on a host."""
    return _HERE.get(host, host)


class SettingsSection(BaseModel):
    """Base of the sections: what is not known is refused, and no value is shown in an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class BrokerSettings(SettingsSection):
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
    """Each client must show a certificate that this authority signed, PEM; the gateway too (client_cert_file)."""
    client_cert_file: Path | None = None
    """The gateway's own certificate, PEM, where the broker asks for one."""
    client_key_file: Path | None = None
    packet_reader: Literal["batch", "paho"] = "batch"
    """What reads PUBLISH and writes PUBACK of telemetry: `batch`, many at a time; `paho`, the library, one by one."""
    auth_callout: bool = False
    """External: a nats-server that asks `lautern auth-callout`, which is a fault where it does not run."""
    sync_always: bool = False
    """Embedded: one fsync per message (3,600/s) instead of one per second."""
    max_store_mb: Annotated[int, Field(ge=64)] = 1024
    """Embedded: bound of the queue on disk; when it is full publishers are refused."""
    max_connections: Annotated[int, Field(ge=64, le=500_000)] = 12_000
    """Embedded: connections in all. Where the system allows fewer open files it is fewer, unless this is set."""

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

    @property
    def has_auth_callout(self) -> bool:
        """Whether a process of ours lets devices in."""
        return self.auth_callout or self.mode == "embedded"


class RegistryDatabase(SettingsSection):
    """The relational database; without `url` a SQLite file in the data directory."""

    url: SecretStr | None = None
    """SQLAlchemy URL; a secret, as it may hold a password.

    What it says to PostgreSQL wins over our time-outs: `?options=-c statement_timeout=60000`.
    """
    migrate: bool = True
    """Bring the tables up to date at start."""


class StoreSettings(SettingsSection):
    """Where telemetry is kept."""

    kind: Literal["sqlite", "influxdb"] = "sqlite"
    url: str = "http://127.0.0.1:8086"
    org: str = "lautern"
    token: SecretStr | None = None
    bucket_prefix: Annotated[str, Field(pattern=ID)] = "lautern"

    @model_validator(mode="after")
    def _token_for_influxdb(self) -> "StoreSettings":
        if self.kind == "influxdb" and self.token is None:
            raise ValueError("store.kind influxdb needs store.token (or LAUTERN_STORE__TOKEN_FILE)")
        return self


class JournalBounds(SettingsSection):
    """Disk that unprocessed messages may take; at the bound nothing more is acknowledged to the broker."""

    telemetry_bound_mb: Annotated[int, Field(ge=16)] = 2048
    control_bound_mb: Annotated[int, Field(ge=16)] = 256


class DeviceQuota(SettingsSection):
    """What one device may say, on each of the lanes telemetry and control; beyond it, it is kept out for a time."""

    messages_per_s: Annotated[float, Field(ge=1)] = _USUAL.messages_per_s
    burst_messages: Annotated[int, Field(ge=10)] = int(_USUAL.burst_messages)
    """So many at once; it gains `messages_per_s` of them again."""
    bytes_per_s: Annotated[float, Field(ge=1024)] = _USUAL.bytes_per_s
    burst_bytes: Annotated[int, Field(ge=1_048_576)] = int(_USUAL.burst_bytes)

    @property
    def quota(self) -> MessageQuota:
        """As the domain has it."""
        return MessageQuota(self.messages_per_s, self.burst_messages, self.bytes_per_s, self.burst_bytes)


class DeviceQuotas(DeviceQuota):
    """What devices may say; `kinds`: those that may say more, or less."""

    kinds: dict[Annotated[str, Field(pattern=ID)], DeviceQuota] = Field(default_factory=dict)

    @property
    def quotas(self) -> MessageQuotas:
        """As the domain has it."""
        return MessageQuotas(self.quota, {kind: section.quota for kind, section in self.kinds.items()})


class HttpSettings(SettingsSection):
    """Where the API listens."""

    host: Annotated[str, AfterValidator(_bare)] = "127.0.0.1"
    """A name, an IPv4 or IPv6 address; `::` is every address of both."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    public_url: Annotated[str | None, AfterValidator(_web)] = None
    """Where people reach the pages, such as `https://lautern.example.org`; links in messages begin with it.
    With a path, such as `https://stadt.example/lautern`, all is below it; the proxy may take it off or not."""
    tls_cert_file: Path | None = None
    """Certificate and chain, PEM; also of the gateway's /metrics."""
    tls_key_file: Path | None = None
    behind_proxy: bool = False
    """A proxy with TLS stands before it, so that it may listen elsewhere than on loopback without."""
    trusted_proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    """Addresses or networks whose X-Forwarded-For and -Proto are believed."""
    max_connections: Annotated[int, Field(ge=16, le=100_000)] = 1000
    """To one API at once; when they are taken, one of the address that has most makes room."""
    max_per_address: Annotated[int, Field(ge=4, le=100_000)] = 256
    """Of these from one IPv4 address or IPv6 /64; there is no such cap for trusted proxies, and with behind_proxy."""

    @property
    def sub_path(self) -> str:
        """Path below which a proxy has it, as `public_url` says: `/lautern`, or empty."""
        return urlsplit(self.public_url or "").path

    @property
    def address(self) -> str:
        """The API's address on this machine."""
        return f"{'https' if self.tls else 'http'}://{place_of(local_address(self.host), self.port)}"

    @property
    def tls(self) -> bool:
        """Whether it speaks https."""
        return self.tls_cert_file is not None

    @model_validator(mode="after")
    def _key_beside_certificate(self) -> "HttpSettings":
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_cert_file and tls_key_file belong together")
        return self


class LimitSettings(SettingsSection):
    """What one caller, one address and all together may take of the API.

    Each process counts by itself, and gives its share of what is set here: name in `api_processes` how many there are.
    """

    api_processes: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that serve the API of this installation, on all machines; requests should spread evenly over them."""
    requests_per_s: Annotated[float, Field(gt=0)] = 100
    """Of one key or person, over time."""
    address_requests_per_s: Annotated[float, Field(gt=0)] = 400
    """Of one address but this machine's own; behind a proxy name it in `http.trusted_proxies`, else all share its."""
    burst_s: Annotated[float, Field(ge=1)] = 20
    """So many seconds' worth of requests may come at once."""
    queries_at_once: Annotated[int, Field(ge=1, le=16)] = 1
    """Large ones, at least one in each process; each may take `query_memory_mb`."""
    query_rows: Annotated[int, Field(ge=10_000)] = 3_000_000
    query_memory_mb: Annotated[int, Field(ge=8)] = 80
    query_seconds: Annotated[float, Field(ge=1)] = 40
    downloads: Annotated[int, Field(ge=1)] = 16
    """Files that are made while they are sent."""
    downloads_per_caller: Annotated[int, Field(ge=1)] = 3
    streams: Annotated[int, Field(ge=1)] = 500
    """Followers of the live stream."""
    streams_per_caller: Annotated[int, Field(ge=1)] = 16
    streams_per_address: Annotated[int, Field(ge=1)] = 200


class MailSettings(SettingsSection):
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
    def _password_needs_tls(self) -> "MailSettings":
        if self.security == "none" and self.username is not None:
            raise ValueError("mail.security none sends no password: leave out mail.username, or encrypt")
        return self


class NotificationSettings(SettingsSection):
    """Where alarms may be sent. Nothing is allowed but what is listed here."""

    mail_domains: tuple[str, ...] = ()
    """Such as `stadt.example`, `*.stadt.example`, or `*` for all."""
    webhook_hosts: tuple[str, ...] = ()
    """Such as `hooks.example.org`, `*.example.org`, or `*` for all that are public. A host named itself, with its port
    unless that is 443, may also be inside the own network and, with its port, without TLS."""
    operators: tuple[str, ...] = ()
    """Mail addresses of those who run the machine: `lautern up` tells them what keeps dying; may be of any domain."""
    ca_file: Path | None = None
    """Certificates to trust beside the system's when webhooks are called, PEM."""

    @property
    def allowed(self) -> TargetAllowList:
        """The allow-list."""
        return TargetAllowList(self.mail_domains, self.webhook_hosts)


class OidcSettings(SettingsSection):
    """An OpenID provider where people sign in; `issuer` unset: none."""

    issuer: str | None = None
    client_id: str = "lautern"
    client_secret: SecretStr | None = None
    label: Annotated[str, Field(min_length=1, max_length=60)] = "Single sign-on"
    trust_email: bool = False
    """Let a verified address lead to the user who has it, when he comes for the first time."""
    second_factor_amr: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = ()
    """Values of the provider's `amr` that count as a second factor, such as "mfa", "otp", "hwk"; none: its word does
    not count, and whoever needs one enrols it here."""
    second_factor_acr: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = ()
    """The same of its `acr`."""


class AccessSettings(SettingsSection):
    """How long people stay signed in, and how they prove who they are."""

    idle_hours: Annotated[float, Field(gt=0, le=24 * 31)] = 12
    session_hours: Annotated[float, Field(gt=0, le=24 * 365)] = 24 * 7
    second_factor: SecondFactorPolicy = SecondFactorPolicy.REQUIRED
    """`required`: who lets others in (administrators, leaders) enrols an app or a passkey when signing in; `offered`:
    nobody must. Who has enrolled one is asked for it either way."""


class WebSettings(SettingsSection):
    """The pages. Without a tile server their map is the drawn one, and browsers ask nobody but us."""

    tile_url: Annotated[str, Field(pattern=r"^(https?://[A-Za-z0-9.:{}-]+/\S*\{z\}\S*)?$")] = ""
    """Such as https://tiles.example/{z}/{x}/{y}.png; its host then learns who looks at which part of the map."""
    tile_attribution: str = ""
    """What the makers of the tiles want to be named as."""


class GatewaySettings(SettingsSection):
    """The gateway's own figures for Prometheus, on http.host."""

    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 9464


class AuditSettings(SettingsSection):
    """What the audit log needs outside the database; without these, files in the data directory."""

    key_file: Path | None = None
    """`audit.key`, made at the first use. All that append to one registry need the same."""
    anchor_file: Path | None = None
    """`audit.anchors`; best where whoever can write the database can only append."""


class SecretSettings(SettingsSection):
    """What seals secrets in the registry that must be read again, such as those of authenticator apps."""

    key_file: Path | None = None
    """`secrets.key` in the data directory, made at the first use. All that read one registry need the same."""


Days = Annotated[int, Field(ge=1, le=7320)]


class RetentionSettings(SettingsSection):
    """Days that data are kept; what is not named is kept as its class or kind declares. See docs/data-protection.md."""

    days: dict[str, Days] = Field(default_factory=dict)
    """By class: alarms, commands, dead_letters, sessions, notifications, refusals, and kinds' own, such as flights."""
    raw_days: dict[str, Days] = Field(default_factory=dict)
    """Raw telemetry, by kind."""
    rollup_days: dict[str, Days] = Field(default_factory=dict)
    """Telemetry rolled up to minutes and hours, by kind."""
    names_days: Annotated[int, Field(ge=NAMES.least, le=NAMES.most)] = NAMES.days
    """After this, names of operators are replaced by pseudonyms."""


class BackupSettings(SettingsSection):
    """Who may open backups; without `recipients` whoever has the file."""

    recipients: tuple[Annotated[str, Field(pattern=r"^age1[a-z0-9]{58}$")], ...] = ()
    """Public keys of age. One secret key of them opens a backup: the brigade's, whose data are in it, among them."""


class PrivacySettings(SettingsSection):
    """Who answers for the processing of data; shown in the register of processing."""

    controller: Annotated[str, Field(max_length=500)] = ""
    """Such as Stadt Kaiserslautern, Willy-Brandt-Platz 1, 67657 Kaiserslautern."""
    contact: Annotated[str, Field(max_length=500)] = ""
    officer: Annotated[str, Field(max_length=500)] = ""
    """Data protection officer."""


class LogSettings(SettingsSection):
    """`auto`: for people on a terminal, JSON elsewhere."""

    format: Literal["auto", "json", "console"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"
