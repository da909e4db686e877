"""The telemetry store by settings."""

from application.ports.telemetry import StoreWatch, TelemetryReader, TelemetryWriter
from devices.catalog import KindCatalog
from runtime.settings import Settings
from storage.telemetry import InfluxTelemetryReader, InfluxTelemetryWriter, SqliteTelemetryReader, SqliteTelemetryWriter


def open_writer(settings: Settings, catalog: KindCatalog, watch: StoreWatch | None = None) -> TelemetryWriter:
    """The one writer; makes buckets or tables that are missing. `watch` hears of the answers of a server."""
    store = settings.store
    if store.kind == "influxdb" and store.token is not None:
        return InfluxTelemetryWriter(
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
        return InfluxTelemetryReader(
            url=store.url,
            org=store.org,
            token=store.token.get_secret_value(),
            bucket_prefix=store.bucket_prefix,
            catalog=catalog,
            watch=watch,
        )
    return SqliteTelemetryReader(path=settings.data_dir / "telemetry.db", catalog=catalog)
