"""The role `auth-callout`: lets devices in at a nats-server; `lautern up` runs it for the embedded one."""

import asyncio
import signal
from functools import partial
from pathlib import Path
from typing import Annotated

import structlog
import typer

from devices.kind_catalog import discover_kinds
from runtime import logging_setup, program_support, settings
from runtime.broker.auth_callout import AuthCallout, CalloutAddress
from runtime.broker.broker_quota import BrokerQuota
from runtime.broker.jwt_signer import JwtSigner
from runtime.broker.legacy_logins import import_logins
from runtime.broker.nats_conf import device_permissions
from runtime.broker.permission_violations import LogTail
from runtime.broker.service_passwords import ServicePasswords
from runtime.broker.silent_connections import OF_ADDRESS, SilentConnections
from runtime.file_descriptors import broker_connections, raise_limit
from runtime.liveness import LifeSigns
from runtime.registry_access import registry_of
from runtime.settings_models import BrokerSettings
from storage.registry.dialects import ANSWERING

log = structlog.get_logger()


def main(
    nats: Annotated[str, typer.Option("--nats", help="The nats-server, in its own protocol.")],
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
    server_log: Annotated[
        Path | None, typer.Option("--server-log", help="Its log, to record what devices wanted and may not.")
    ] = None,
) -> None:
    """Let devices in until SIGTERM or Ctrl-C."""
    chosen = settings.load_settings(data_dir, config)
    logging_setup.set_up(chosen.log)
    raise_limit()
    folder = chosen.data_dir / "broker"
    logins = ServicePasswords(folder)
    address = CalloutAddress(nats, logins.password("callout"), logins.password("system"), logins.password("setup"))
    with registry_of(chosen, patience=ANSWERING) as registry:
        if taken := import_logins(registry, folder):
            log.info("logins_imported", devices=taken)
        tail = LogTail(server_log) if server_log else None
        events = {kind.name: tuple(kind.events) for kind in discover_kinds().values()}
        permissions = partial(device_permissions, root=chosen.topic_root, events=events)
        silent, quota = _silent(chosen.broker), BrokerQuota(chosen.quota.quotas)
        asyncio.run(
            _serve(AuthCallout(registry, address, JwtSigner.of(folder), permissions, tail, silent=silent, quota=quota))
        )


def _silent(broker: BrokerSettings) -> SilentConnections:
    """The embedded broker may have fewer connections than are set; behind a proxy all come from its address."""
    most = broker.max_connections
    if broker.mode == "embedded":
        most = broker_connections(most, insisted=False)
    return SilentConnections(most, None if broker.behind_proxy else OF_ADDRESS)


async def _serve(callout: AuthCallout) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await callout.run(stop, LifeSigns().give)


if __name__ == "__main__":
    program_support.run_program("auth-callout", main)
