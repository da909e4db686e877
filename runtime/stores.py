"""The telemetry store and the gateway's own files, by settings."""

import secrets
from pathlib import Path

from devices.catalog import Catalog
from devices.ports.telemetry import TelemetryReader, TelemetryWriter
from gateway.mqtt.connection import Broker
from runtime.settings import Settings
from storage.telemetry import InfluxTelemetryReader, InfluxTelemetryWriter, SqliteTelemetryReader, SqliteTelemetryWriter

MIB = 2**20


def open_writer(settings: Settings, catalog: Catalog) -> TelemetryWriter:
    """The one writer; makes buckets or tables that are missing."""
    store = settings.store
    if store.kind == "influxdb" and store.token is not None:
        return InfluxTelemetryWriter(
            url=store.url,
            org=store.org,
            token=store.token.get_secret_value(),
            bucket_prefix=store.bucket_prefix,
            catalog=catalog,
            state_path=settings.data_dir / "influxdb-rollups.db",
        )
    return SqliteTelemetryWriter(path=settings.data_dir / "telemetry.db", catalog=catalog)


def open_reader(settings: Settings, catalog: Catalog) -> TelemetryReader:
    """A reader; any number of them may be open."""
    store = settings.store
    if store.kind == "influxdb" and store.token is not None:
        return InfluxTelemetryReader(
            url=store.url,
            org=store.org,
            token=store.token.get_secret_value(),
            bucket_prefix=store.bucket_prefix,
            catalog=catalog,
        )
    return SqliteTelemetryReader(path=settings.data_dir / "telemetry.db", catalog=catalog)


def journal_path(settings: Settings, lane: str) -> Path:
    """File of a journal lane."""
    return settings.data_dir / f"journal-{lane}.db"


def broker_of(settings: Settings) -> Broker:
    """How the gateway reaches the broker."""
    broker = settings.broker
    return Broker(
        broker.host,
        broker.port,
        broker.username,
        broker.password.get_secret_value() if broker.password else None,
        broker.tls,
        str(broker.ca_file) if broker.ca_file else None,
    )


def client_id(settings: Settings, lane: str) -> str:
    """The session's id, made once: random and secret, since whoever knows it can wipe the session's queue."""
    path = settings.data_dir / f"mqtt-session-{lane}"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(f"lautern-{lane}-{secrets.token_hex(12)}", encoding="ascii")
    return path.read_text(encoding="ascii").strip()
