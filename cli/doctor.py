"""`lautern doctor`: what works, what does not, and what to do about it."""

import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from application.health.assessment import API, AUDIT, STALE_S, assess_health
from application.health.fault_messages import SENTENCES
from application.health.faults import SystemFault, fault_of
from application.ports.heartbeats import HeartbeatRepository
from devices.errors import LauternError, RegistryUnavailable
from devices.time_us import SECOND_US
from runtime import (
    exit_codes,
    file_descriptors,
    influxdb_check,
    process_faults,
    program_support,
    settings,
    settings_models,
    tcp_ports,
)
from runtime.broker.embedded_broker import nats_server_program
from runtime.certificates import certificate_end
from runtime.device_listeners import check_broker, check_http
from runtime.file_modes import open_files
from runtime.notification_setup import mail_server
from runtime.registry_access import registry_of
from runtime.version import VERSION
from storage.writable import why_not_writable

ENOUGH_MB: Final = 2000
SOON_DAYS: Final = 21


def doctor(
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
) -> None:
    """Check settings, disk, ports, broker, registry, store and what runs; say what to do. Changes nothing.

    Exit code 1 when something is wrong.
    """
    chosen = settings.load_settings(data_dir, config)
    checks: dict[str, Callable[[], str]] = {
        "version": lambda: f"Lautern {VERSION}, Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}",
        "data": lambda: _disk(chosen),
        "files": lambda: _files(chosen),
        "broker": lambda: _broker(chosen.broker),
        "registry": lambda: _registry(chosen),
        "store": lambda: _store(chosen.store),
        "api": lambda: _api(chosen),
        "mail": lambda: _mail(chosen),
        "tls": lambda: _certificates(chosen),
        "processes": lambda: _processes(chosen.data_dir),
        "running": lambda: _running(chosen),
    }
    failed = [name for name, check in checks.items() if not _passes(name, check)]
    if failed:
        raise typer.Exit(exit_codes.FAILED)


def _passes(name: str, check: Callable[[], str]) -> bool:
    try:
        said, good = check(), True
    except LauternError as problem:
        said, good = _remedy(problem), False
    typer.echo(f"  {'ok ' if good else 'BAD'}  {name:<9} {said}")
    return good


def _remedy(problem: LauternError) -> str:
    """Cause and remedy, and the particulars."""
    fault = SystemFault.REGISTRY_AWAY if isinstance(problem, RegistryUnavailable) else fault_of(problem)
    if type(problem) is LauternError:
        return problem.detail
    return str(problem) if fault is None else f"{SENTENCES[fault].text()} {problem.detail}".strip()


def _disk(chosen: settings.Settings) -> str:
    place = chosen.data_dir if chosen.data_dir.exists() else Path.cwd()
    if problem := why_not_writable(place):
        raise LauternError(f"{problem}; see what the system says of its disk (dmesg), and whose folder it is")
    free_mb = shutil.disk_usage(place).free // 2**20
    if free_mb < ENOUGH_MB:
        raise LauternError(f"only {free_mb} MB are free in {place}; the journal alone may take some GB")
    return f"{chosen.data_dir} ({'there' if chosen.data_dir.exists() else 'made at the start'}), {free_mb} MB free"


def _files(chosen: settings.Settings) -> str:
    found = open_files(chosen)
    if found:
        shown = ", ".join(map(str, found[:5])) + (" and more" if len(found) > 5 else "")
        raise LauternError(
            f"others than their owner can read or change {shown}; `lautern up` closes what is in the data directory, "
            "or do it now: chmod go= FILE"
        )
    return "nobody but their owner can read them"


def _broker(broker: settings_models.BrokerSettings) -> str:
    if broker.mode == "embedded":
        most = file_descriptors.broker_connections(
            broker.max_connections, insisted="max_connections" in broker.model_fields_set
        )
        return f"embedded, {nats_server_program()}, port {_port(broker.host, broker.port)}, at most {most} connections"
    if not tcp_ports.port_answers(broker.host, broker.port):
        raise LauternError(
            f"{SENTENCES[SystemFault.BROKER_AWAY].text()} (nobody at {tcp_ports.place_of(broker.host, broker.port)})"
        )
    return f"{broker.host}:{broker.port} answers"


def _registry(chosen: settings.Settings) -> str:
    if chosen.registry.url is None and not (chosen.data_dir / "registry.db").exists():
        return "SQLite, made at the first start"
    with registry_of(chosen, migrate=False):
        return "answers, its tables are up to date"


def _store(store: settings_models.StoreSettings) -> str:
    if store.kind == "sqlite" or store.token is None:
        return "SQLite in the data directory"
    there = influxdb_check.check_influxdb(store.url, store.org, store.token.get_secret_value(), store.bucket_prefix)
    return f"InfluxDB answers, {len(there)} buckets of ours"


def _mail(chosen: settings.Settings) -> str:
    """Whether alarms could reach people; none is sent."""
    listed = (
        f"{len(chosen.notifications.mail_domains)} domains, {len(chosen.notifications.webhook_hosts)} webhook hosts"
    )
    server = mail_server(chosen.mail)
    if server is None:
        return f"no mail.host is set, so nobody gets mail of alarms; may be told: {listed}"
    if not tcp_ports.port_answers(server.host, server.port):
        raise LauternError(
            f"{SENTENCES[SystemFault.MAIL_AWAY].text()} (nobody at {tcp_ports.place_of(server.host, server.port)})"
        )
    return f"{server.host}:{server.port} answers; may be told: {listed}"


def _processes(data_dir: Path) -> str:
    """What the supervisor cannot keep alive, with its last words."""
    faults = process_faults.read_process_faults(data_dir / process_faults.FILE)
    if faults:
        raise LauternError("\n".join(f"{fault.name} {fault.said}\n{fault.last_words}".strip() for fault in faults))
    return "none that ends again and again"


def _running(chosen: settings.Settings) -> str:
    """What the running parts say of themselves; nothing runs is no fault here."""
    if chosen.registry.url is None and not (chosen.data_dir / "registry.db").exists():
        return "nothing; `lautern up` starts it"
    with registry_of(chosen, migrate=False) as registry, registry.read() as tx:
        beats = tx.get(HeartbeatRepository).all()
    now_us = time.time_ns() // 1000
    beats = [*beats, *process_faults.process_heartbeats(chosen.data_dir / process_faults.FILE, now_us)]
    fresh = {beat.part for beat in beats if now_us - beat.at_us < STALE_S * SECOND_US}
    if not fresh & {"gateway", API} and not tcp_ports.port_answers(chosen.http.host, chosen.http.port):
        return "nothing; `lautern up` starts it"
    if API not in fresh and not tcp_ports.port_answers(chosen.http.host, chosen.http.port):
        beats = [beat for beat in beats if beat.part not in {API, AUDIT}]
    health = assess_health(beats, now_us)
    if health.roots:
        raise LauternError(health.summary())
    return health.summary() if API in fresh else f"{health.summary()} No API runs."


def _api(chosen: settings.Settings) -> str:
    http, processes = chosen.http, chosen.limits.api_processes
    each = "all of its limits" if processes == 1 else f"1/{processes} of its limits, as one of {processes}"
    return f"{http.host}, port {_port(http.host, http.port)}; each process gives {each} (limits.api_processes)"


def _certificates(chosen: settings.Settings) -> str:
    check_http(chosen.http)
    if chosen.broker.mode == "embedded":
        check_broker(chosen.broker)
    files = {chosen.http.tls_cert_file, chosen.broker.tls_cert_file} - {None}
    said = [_left(file) for file in sorted(f for f in files if f is not None)]
    return "; ".join(said) or "no certificates: all listeners are on loopback or behind a proxy"


def _left(file: Path) -> str:
    days = (certificate_end(file) - datetime.now(UTC)).days
    if days < SOON_DAYS:
        when = "has ended" if days < 0 else f"ends in {days} days"
        raise LauternError(f"the certificate {file} {when}: replace it and restart; devices refuse one that has ended")
    return f"{file} is good for {days} days"


def _port(host: str, port: int) -> str:
    return f"{port} {'free' if tcp_ports.is_free(host, port) else 'in use (by us, if Lautern runs)'}"


if __name__ == "__main__":
    program_support.run_program("doctor", doctor)
