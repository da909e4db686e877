"""What both lanes of the gateway need: the broker's address, the session's id, the journal's file."""

import secrets
from pathlib import Path

from gateway.mqtt.connection import BrokerLogin
from runtime.settings import Settings

MIB = 2**20


def journal_path(settings: Settings, lane: str) -> Path:
    """File of a journal lane."""
    return settings.data_dir / f"journal-{lane}.db"


def last_written_s(settings: Settings, lane: str) -> float | None:
    """When a lane's journal was last written, in seconds since 1970; None before it is there."""
    path = journal_path(settings, lane)
    files = (path, path.with_name(f"{path.name}-wal"))
    return max((file.stat().st_mtime for file in files if file.exists()), default=None)


def broker_of(settings: Settings) -> BrokerLogin:
    """How the gateway reaches the broker."""
    broker = settings.broker
    return BrokerLogin(
        broker.host,
        broker.port,
        broker.username,
        broker.password.get_secret_value() if broker.password else None,
        broker.tls,
        str(broker.ca_file) if broker.ca_file else None,
        str(broker.pinned_file) if broker.pinned_file else None,
        (str(broker.client_cert_file), str(broker.client_key_file)) if broker.client_cert_file else None,
    )


def client_id(settings: Settings, lane: str) -> str:
    """The session's id, made once: random and secret, since whoever knows it can wipe the session's queue."""
    path = settings.data_dir / f"mqtt-session-{lane}"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(f"lautern-{lane}-{secrets.token_hex(12)}", encoding="ascii")
    return path.read_text(encoding="ascii").strip()
