"""What a simulation is asked to do."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from devices.errors import ConfigurationError
from devices.topics import ROOT, device_base, member_base


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker listens and as whom to speak to it."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False

    @classmethod
    def parse(cls, url: str) -> "BrokerAddress":
        """Read `mqtt://user:password@host:port` or `mqtts://…`. Raises ConfigurationError."""
        parts = urlsplit(url)
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
            raise ConfigurationError("broker: must look like mqtt://user:password@host:1883")
        tls = parts.scheme == "mqtts"
        return cls(
            host=parts.hostname,
            port=parts.port or (8883 if tls else 1883),
            user=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            tls=tls,
        )


@dataclass(frozen=True, slots=True)
class FaultOptions:
    """What goes wrong on purpose; probabilities are per message, 0 is never."""

    drop: float = 0.0
    """Sent messages lost on the way; the device does not notice."""
    drop_commands: float = 0.0
    """Commands lost on the way."""
    duplicate: float = 0.0
    reorder: float = 0.0
    """Messages overtaken by up to five later ones of the same device."""
    skew_s: float = 0.0
    """Device clocks are ahead by this; negative: behind."""
    reboot: float = 0.0
    """New `boot_id`, `seq` from 0; all else goes on."""
    reset_counters: float = 0.0
    """Counters of the device start again at 0."""
    garbage: float = 0.0
    """Instead of the message something that must be refused."""
    outage_every_s: float = 0.0
    """Each connection breaks without farewell at these intervals, for `outage_for_s`."""
    outage_for_s: float = 30.0


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """A simulation of one kind."""

    kind: str
    broker: BrokerAddress
    count: int | None = None
    """None: the kind's own scene, such as the ten lamps of the Fauthweg."""
    seed: int = 1
    interval_s: float | None = None
    tenant: str = "kl"
    root: str = ROOT
    prefix: str | None = None
    truth: Path | None = None
    duration_s: float | None = None
    history_s: float = 0.0
    connections: int | None = None
    """None: one per device up to 50 devices, else 8 that are shared."""
    behind: str | None = None
    """KIND/DEVICE of the connector that speaks for all of them, on one connection."""
    faults: FaultOptions = field(default_factory=FaultOptions)

    def prefix_of(self, device_id: str) -> str:
        """First levels of a device's topics."""
        if self.behind is None:
            return device_base(self.tenant, self.kind, device_id, self.root)
        return member_base(f"{self.root}/{self.tenant}/{self.behind}", self.kind, device_id)
