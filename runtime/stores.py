"""The telemetry store by settings."""

from typing import TYPE_CHECKING

from application.ports.telemetry import StoreWatch, TelemetryReader, TelemetryWriter
from devices.deferred_module import DeferredModule
from devices.kind_catalog import KindCatalog
from runtime.settings import Settings
from storage.telemetry.sqlite_reader import SqliteTelemetryReader
from storage.telemetry.sqlite_writer import SqliteTelemetryWriter

if TYPE_CHECKING:
    from storage.telemetry import influx_reader, influx_writer
else:
    influx_reader = DeferredModule("storage.telemetry.influx_reader")
    influx_writer = DeferredModule("storage.telemetry.influx_writer")


def open_writer(settings: Settings, catalog: KindCatalog, watch: StoreWatch | None = None) -> TelemetryWriter:
    """The one writer; makes buckets or tables that are missing. `watch` hears of the answers of a server."""
    store = settings.store
    if store.kind == "influxdb" and store.token is not None:
        return influx_writer.InfluxTelemetryWriter(
            url=store.url,
            org=store.org,
            token=store.token.get_secret_value(),
            bucket_prefix=store.bucket_prefix,
            catalog=catalog,
            state_path=settings.data_dir / "influxdb-rollups.db",
            watch=watch,
        )
    return SqliteTelemetryWriter(path=settings.data_dir / "telemetry.db", catalog=catalog)


def open_reader(settings: Settings, catalog: KindCatalog, watch: StoreWatch | None = None) -> TelemetryReader:
    """A reader; any number of them may be open."""
    store = settings.store
    if store.kind == "influxdb" and store.token is not None:
        return influx_reader.InfluxTelemetryReader(
            url=store.url,
            org=store.org,
            token=store.token.get_secret_value(),
            bucket_prefix=store.bucket_prefix,
            catalog=catalog,
            watch=watch,
        )
    return SqliteTelemetryReader(path=settings.data_dir / "telemetry.db", catalog=catalog)
