"""`lautern broker`: configuration for brokers that are run apart, and logins of devices for the embedded one."""

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from application.audit.audit_trail import object_name, record_action
from application.device_certificates import CertificateFacts
from application.device_credentials import issue_passwords, parts_of
from application.ports.credentials import CredentialRepository, CredentialType, DeviceCredential
from application.ports.memberships import spoken_for
from application.ports.registry import RegistryTransaction
from devices import topics
from devices.errors import Conflict, RegistryUnavailable
from devices.kind_catalog import discover_kinds
from runtime import exit_codes, program_support, settings
from runtime.audit_setup import now_us, operator
from runtime.broker import external_config, mqtt_stream_limits
from runtime.broker.legacy_logins import import_logins
from runtime.broker.login_probe import wait_admitted
from runtime.broker.mosquitto_conf import ACL, INSIDE_ACL
from runtime.broker.mosquitto_files import MosquittoFiles, SyncResult
from runtime.certificates import CLIENT_DAYS, CertificateAuthority
from runtime.private_file import replace_private_file
from runtime.registry_access import registry_of

COMMAND_LINE: Final = "command line"
"""Who issued a login from here."""
app = program_support.new_app("Configuration for nats-server or mosquitto; logins of devices.")


class BrokerKind(StrEnum):
    """Brokers we know how to set up."""

    NATS = "nats"
    MOSQUITTO = "mosquitto"


OUTAGE: Final = typer.Option("--outage-hours", help="mosquitto: longest outage of the gateway to bridge.", min=0.1)
RATE: Final = typer.Option("--rate", help="mosquitto: messages per second of all devices.", min=0.1)
SIMULATED: Final = typer.Option("--simulators", help="Let the user `simulators` in, who may write as any device.")


@app.command("config")
def print_config(  # noqa: PLR0917 - typer takes options so
    kind: Annotated[BrokerKind, typer.Argument(help="Which broker.")],
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
    outage_hours: Annotated[float, OUTAGE] = 2,
    rate: Annotated[float, RATE] = 50,
    to: Annotated[Path | None, typer.Option("--to", help="nats: write this file, mode 0600, instead.")] = None,
    client_host: Annotated[
        str, typer.Option("--client-host", help="nats: where `lautern auth-callout` reaches it, without TLS.")
    ] = "127.0.0.1",
    store: Annotated[str, typer.Option("--store", help="nats: folder of its queue.")] = "/var/lib/nats",
    log_file: Annotated[
        str | None, typer.Option("--log-file", help="nats: its log, for `lautern auth-callout --server-log`.")
    ] = None,
    *,
    simulators: Annotated[bool, SIMULATED] = False,
) -> None:
    """Print a configuration with an allow-list per user; nats: it holds passwords, keep it at mode 0600.

    A nats-server asks `lautern auth-callout` about each device; a mosquitto reads what `lautern broker sync` writes.

    Example:  lautern broker config nats > nats.conf
    """
    chosen = settings.load_settings(data_dir, config)
    if kind is BrokerKind.NATS:
        nats = external_config.external_nats_config(
            chosen, client_host=client_host, store=store, log_file=log_file, simulators=simulators
        )
        if to is None:
            typer.echo(nats.text())
        else:
            replace_private_file(to, nats.text())
        return
    conf = external_config.external_mosquitto_config(
        chosen, outage_hours * 3600, rate, external_config.MOSQUITTO_FOLDER, "1884 127.0.0.1"
    )
    typer.echo(conf.text())
    typer.echo(f"# --- {conf.folder / ACL}\n{conf.acl()}")
    typer.echo(f"# --- {conf.folder / INSIDE_ACL}\n{conf.inside_acl()}")


@app.command("sync")
def sync(  # noqa: PLR0917 - typer takes options so
    folder: Annotated[Path, typer.Option("--dir", help="Folder whose files mosquitto reads.", exists=True)],
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
    seen_as: Annotated[
        Path | None, typer.Option("--seen-as", help="The folder's name where mosquitto runs.", show_default="--dir")
    ] = None,
    pid_file: Annotated[
        Path | None, typer.Option("--pid-file", help="mosquitto's; it is told to read its files again.")
    ] = None,
    every: Annotated[
        float | None, typer.Option("--every", help="Look again each so many seconds; else once.", min=0.2)
    ] = None,
    inside: Annotated[str, typer.Option("--inside", help="Port and address for the gateway.")] = "1884 127.0.0.1",
    outage_hours: Annotated[float, OUTAGE] = 2,
    rate: Annotated[float, RATE] = 50,
    *,
    simulators: Annotated[bool, SIMULATED] = False,
) -> None:
    """Keep a mosquitto's configuration, ACLs and passwords at what the registry says.

    mosquitto reads passwords again on SIGHUP, and cuts the connections of those that it lets in no more.

    Example:  lautern broker sync --dir /etc/mosquitto/lautern --pid-file /run/mosquitto/mosquitto.pid --every 0.5
    """
    chosen = settings.load_settings(data_dir, config)
    conf = external_config.external_mosquitto_config(
        chosen, outage_hours * 3600, rate, seen_as or folder.absolute(), inside
    )
    files = MosquittoFiles(folder, conf, pid_file)
    files.write_fixed(external_config.mosquitto_passwords(chosen, simulators=simulators))
    with registry_of(chosen) as registry:
        import_logins(registry, chosen.data_dir / "broker")
        while True:
            try:
                _say_synced(files.sync_files(registry))
            except RegistryUnavailable as problem:
                if every is None:
                    raise
                typer.echo(f"lautern: {problem}", err=True)
            if every is None:
                return
            time.sleep(every)


def _say_synced(found: SyncResult) -> None:
    if found.changed:
        typer.echo(f"{found.logins} logins written" + (", mosquitto told" if found.told else ""))


@app.command("add-device")
def add_device(
    user: Annotated[str, typer.Argument(help="TENANT/KIND/DEVICE", metavar="USER")],
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
) -> None:
    """Let a device connect to the embedded broker: prints its new password; works at once, also while Lautern runs.

    Example:  lautern broker add-device kaiserslautern/streetlight/my-lamp --data-dir var/demo
    """
    chosen = settings.load_settings(data_dir, config)
    folder = chosen.data_dir / "broker"
    with registry_of(chosen, recording=True) as registry:
        import_logins(registry, folder)
        with registry.write() as tx:
            if spoken_for(tx, [parts_of(user)[2]]):
                raise Conflict("connector_speaks_for", user=user)
            password = issue_passwords(tx.get(CredentialRepository), [user], COMMAND_LINE, now_us())[user]
            _record(tx, "credential.issue", user)
    typer.echo(password)
    if not wait_admitted(folder, user, password):
        typer.echo("lautern: the login is saved; the running broker does not accept it yet", err=True)
        raise typer.Exit(exit_codes.UNREACHABLE)


@app.command("drop-device")
def drop_device(
    user: Annotated[str, typer.Argument(help="TENANT/KIND/DEVICE", metavar="USER")],
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
) -> None:
    """Take a device's login away; its connection ends within a second or two."""
    chosen = settings.load_settings(data_dir, config)
    with registry_of(chosen, recording=True) as registry:
        import_logins(registry, chosen.data_dir / "broker")
        with registry.write() as tx:
            tx.get(CredentialRepository).revoke(user, now_us())
            _record(tx, "credential.revoke", user)


@app.command("certify")
def certify(
    user: Annotated[str, typer.Argument(help="TENANT/KIND/DEVICE", metavar="USER")],
    to: Annotated[Path, typer.Option("--to", help="Folder for its certificate and key.", exists=True, file_okay=False)],
    days: Annotated[int, typer.Option("--days", help="Valid for so long.", min=1)] = CLIENT_DAYS,
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
) -> None:
    """Sign a certificate for a device with the authority in the folder `tls`; it is the device's login then.

    For a nats-server that asks for certificates (broker.devices_ca_file). Keep the key nowhere else than in the device.

    Example:  lautern broker certify kaiserslautern/streetlight/my-lamp --to /media/stick
    """
    chosen = settings.load_settings(data_dir, config)
    tenant, kind, device = parts_of(user)
    made = CertificateAuthority.of(chosen.data_dir / "tls").client(user, days)
    facts, at_us = CertificateFacts.of(made.certificate), now_us()
    way, proof, end_us = CredentialType.CERTIFICATE, facts.fingerprint, facts.end_us
    credential = DeviceCredential(tenant, kind, device, way, proof, at_us, at_us, COMMAND_LINE, expires_us=end_us)
    with registry_of(chosen, recording=True) as registry, registry.write() as tx:
        tx.get(CredentialRepository).put([credential])
        _record(tx, "credential.issue", user)
    replace_private_file(to / f"{device}.key", made.key)
    replace_private_file(to / f"{device}.pem", made.certificate)
    typer.echo(f"wrote {to / device}.pem and .key")


def _record(tx: RegistryTransaction, action: str, user: str) -> None:
    tenant, kind, device = parts_of(user)
    thing = object_name(kind, device, "credential")
    record_action(tx, operator(discover_kinds()), action, thing, detail={"user": user}, tenant_id=tenant)


@app.command("bound")
def bound_queue(  # noqa: PLR0917 - typer takes options so
    host: Annotated[str, typer.Option("--host", help="The nats-server.")],
    password_file: Annotated[Path, typer.Option("--password-file", help="Password of its user `setup`.", exists=True)],
    port: Annotated[int, typer.Option("--port", help="Its port for NATS' own protocol.")] = 4222,
    max_mb: Annotated[
        int, typer.Option("--max-mb", help="Bound of the queue; max_file must be well above.", min=64)
    ] = 1024,
    every: Annotated[
        float | None, typer.Option("--every", help="Again each so many seconds; else once.", min=1)
    ] = None,
    root: Annotated[str, typer.Option("--root", help="Root of the topics, as in the settings.")] = topics.ROOT,
) -> None:
    """Bound the disk that a nats-server, run apart, takes for MQTT; the embedded one is always bounded.

    Each of its streams has a bound: that of queued messages is given, retained ones have 256 MB, sessions 128. At a
    bound who wants more is refused, and nothing acknowledged is lost. With --every, what devices retained beside
    status, info and state is dropped each time. Exit code 3 when it does not answer, or no
    MQTT client was there yet.

    Example:  lautern broker bound --host nats --password-file /run/secrets/nats-setup --every 10
    """
    password, told = password_file.read_text(encoding="utf-8").strip(), False
    while True:
        done = mqtt_stream_limits.bound_streams(host, port, password, max_mb * 2**20, root)
        if every is None and not done:
            raise typer.Exit(exit_codes.UNREACHABLE)
        if done and not told:
            typer.echo(f"the queue of {host} is bounded at {max_mb} MB")
        told = done
        if every is None:
            return
        time.sleep(every if done else min(every, 5))


if __name__ == "__main__":
    program_support.run_program("broker", app)
