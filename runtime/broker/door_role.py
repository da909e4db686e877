"""The role `door`: lets devices in at a nats-server; `lautern up` runs it for the embedded one."""

import asyncio
import signal
from functools import partial
from pathlib import Path
from typing import Annotated

import structlog
import typer

from devices.catalog import discover
from runtime import logging_setup, saying, settings
from runtime.broker.broker_quota import BrokerQuota
from runtime.broker.door import Address, Door
from runtime.broker.importing import import_logins
from runtime.broker.logins import Logins
from runtime.broker.nats_conf import device_permissions
from runtime.broker.signing import Signer
from runtime.broker.silent import OF_ADDRESS, SilentConnections
from runtime.broker.violations import LogTail
from runtime.descriptors import connections, raise_limit
from runtime.registry_access import registry_of
from runtime.sections import Broker
from runtime.signs import Signs
from storage.registry.dialects import ANSWERING

log = structlog.get_logger()


def main(
    nats: Annotated[str, typer.Option("--nats", help="The nats-server, in its own protocol.")],
    data_dir: Annotated[Path | None, saying.DATA_DIR] = None,
    config: Annotated[Path | None, saying.CONFIG] = None,
    server_log: Annotated[
        Path | None, typer.Option("--server-log", help="Its log, to record what devices wanted and may not.")
    ] = None,
) -> None:
    """Let devices in until SIGTERM or Ctrl-C."""
    chosen = settings.load(data_dir, config)
    logging_setup.set_up(chosen.log)
    raise_limit()
    folder = chosen.data_dir / "broker"
    logins = Logins(folder)
    address = Address(nats, logins.password("door"), logins.password("system"), logins.password("setup"))
    with registry_of(chosen, patience=ANSWERING) as registry:
        if taken := import_logins(registry, folder):
            log.info("logins_imported", devices=taken)
        tail = LogTail(server_log) if server_log else None
        events = {kind.name: tuple(kind.events) for kind in discover().values()}
        permissions = partial(device_permissions, root=chosen.topic_root, events=events)
        silent, quota = _silent(chosen.broker), BrokerQuota(chosen.quota.quotas)
        asyncio.run(_serve(Door(registry, address, Signer.of(folder), permissions, tail, silent=silent, quota=quota)))


def _silent(broker: Broker) -> SilentConnections:
    """The embedded broker may have fewer connections than are set; behind a proxy all come from its address."""
    most = broker.max_connections
    if broker.mode == "embedded":
        most = connections(most, insisted=False)
    return SilentConnections(most, None if broker.behind_proxy else OF_ADDRESS)


async def _serve(door: Door) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await door.run(stop, Signs().give)


if __name__ == "__main__":
    saying.run("door", main)
