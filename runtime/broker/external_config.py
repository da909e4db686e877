"""Configurations of brokers that are run apart, from the same settings, logins and rights as the embedded one's."""

from pathlib import Path

from devices.kind_catalog import discover_kinds
from runtime.broker.jwt_signer import JwtSigner
from runtime.broker.mosquitto_conf import MosquittoConf
from runtime.broker.nats_conf import NatsConf, TlsFiles
from runtime.broker.service_passwords import INSIDE, SIMULATORS, ServicePasswords
from runtime.settings import Settings

EVERYWHERE = "0.0.0.0"  # noqa: S104 - a broker that is run apart is there for others
MONITOR_PORT = 8222
MOSQUITTO_FOLDER = Path("/mosquitto/config")


def tls_of(settings: Settings) -> TlsFiles | None:
    """The certificate that the settings name for MQTT."""
    broker = settings.broker
    if not broker.tls or broker.tls_cert_file is None or broker.tls_key_file is None:
        return None
    return TlsFiles(
        broker.tls_cert_file.absolute(),
        broker.tls_key_file.absolute(),
        broker.devices_ca_file.absolute() if broker.devices_ca_file else None,
    )


def external_nats_config(
    settings: Settings, *, client_host: str, store: str, log_file: str | None, simulators: bool
) -> NatsConf:
    """A nats-server; whoever holds the text holds the passwords of users of ours."""
    logins = ServicePasswords(settings.data_dir / "broker")
    return NatsConf(
        host=EVERYWHERE,
        mqtt_port=settings.broker.port,
        client_host=client_host,
        client_port=4222,
        store=store,
        max_store_mb=settings.broker.max_store_mb,
        sync_always=settings.broker.sync_always,
        root=settings.topic_root,
        passwords={user: logins.password(user) for user in (*INSIDE, *_simulators(wanted=simulators))},
        issuer=JwtSigner.of(logins.folder).issuer,
        tls=tls_of(settings),
        log_file=log_file,
        monitor_port=MONITOR_PORT,
        max_connections=settings.broker.max_connections,
    )


def external_mosquitto_config(
    settings: Settings, outage_s: float, rate_per_s: float, folder: Path, inside: str
) -> MosquittoConf:
    """A mosquitto that finds its files in `folder`."""
    return MosquittoConf(
        folder=folder,
        outage_s=outage_s,
        rate_per_s=rate_per_s,
        root=settings.topic_root,
        events=tuple(sorted({name for kind in discover_kinds().values() for name in kind.events})),
        port=settings.broker.port,
        inside=inside,
        tls=tls_of(settings),
        max_connections=settings.broker.max_connections,
    )


def mosquitto_passwords(settings: Settings, *, simulators: bool) -> dict[str, str]:
    """Passwords of the users of ours at a mosquitto."""
    logins = ServicePasswords(settings.data_dir / "broker")
    return {user: logins.password(user) for user in ("gateway", *_simulators(wanted=simulators))}


def _simulators(*, wanted: bool) -> tuple[str, ...]:
    return (SIMULATORS,) if wanted else ()
