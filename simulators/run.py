"""Runs a simulation: builds hosts and links, fills in history, lives, says goodbye."""

import logging
import secrets
import time
from collections.abc import Sequence
from contextlib import closing
from queue import SimpleQueue
from threading import Event

from devices.errors import ConfigurationError
from devices.messages import StatusState
from devices.time_us import SECOND_US
from devices.topics import command_topic, config_topic, group_command, is_id
from simulators.envelope_sender import EnvelopeSender
from simulators.fleet import hosts_of
from simulators.ground_truth import GroundTruth, NoTruth, TruthFile
from simulators.history import publish_history
from simulators.host import DeviceHost
from simulators.mqtt_link import Inbox, LinkConnected, LinkReceived, MqttLink
from simulators.options import SimulationOptions
from simulators.outages import LinkOutages
from simulators.simulation import Simulation, SimulationTotals

OWN_LINKS_UP_TO = 50
SHARED_LINKS = 8
CONNECT_S = 30.0

logger = logging.getLogger(__name__)


def run_simulation(options: SimulationOptions, stop: Event) -> SimulationTotals:
    """Simulate until `duration_s` is over or `stop` is set. Raises ConfigurationError when no broker answers."""
    hosts = hosts_of(options)
    if not hosts:
        raise ConfigurationError("count: nothing to simulate")
    truth: GroundTruth = NoTruth() if options.truth is None else TruthFile(options.truth)
    inbox: Inbox = SimpleQueue[LinkConnected | LinkReceived]()
    own = options.connections is None and len(hosts) <= OWN_LINKS_UP_TO and options.behind is None
    connector = None if options.behind is None else _connector(options, options.behind)
    if connector is not None:
        links = [_connectors_link(options, connector, inbox)]
    else:
        links = _own_links(options, hosts, inbox) if own else _shared_links(options, len(hosts), inbox)
    simulation = Simulation(
        hosts=hosts,
        links=links,
        link_of={host.device_id: n % len(links) for n, host in enumerate(hosts)},
        own_links=own,
        inbox=inbox,
        truth=truth,
        now_us=now_us,
        root=options.root,
        connector=connector,
    )
    with closing(truth):
        for link in links:
            link.start()
        try:
            _connect(links, stop)
            _live(simulation, options, stop)
        finally:
            for link in links:
                link.stop()
    return simulation.totals


def now_us() -> int:
    """This machine's clock."""
    return time.time_ns() // 1000


def _live(simulation: Simulation, options: SimulationOptions, stop: Event) -> None:
    begin_us = now_us()
    simulation.listen(0)
    if options.history_s > 0:
        by_id = {host.device_id: host for host in simulation.hosts}
        samples = publish_history(
            simulation.hosts,
            begin_us - round(options.history_s * SECOND_US),
            begin_us,
            lambda wire: simulation.send(by_id[wire.device_id], [wire]),
        )
        logger.info("history: %d samples in %.1f s", samples, (now_us() - begin_us) / SECOND_US)
        simulation.resume()
    else:
        simulation.start()
    until_us = None if options.duration_s is None else begin_us + round(options.duration_s * SECOND_US)
    with LinkOutages(simulation.links, options.faults, options.seed):
        simulation.live(until_us, stop)
    simulation.farewell()


def _connect(links: Sequence[MqttLink], stop: Event) -> None:
    deadline = time.monotonic() + CONNECT_S
    for link in links:
        while not link.wait_connected(0.1):
            if stop.is_set():
                return
            if time.monotonic() > deadline:
                raise ConfigurationError("broker: does not accept a connection")


def _own_links(options: SimulationOptions, hosts: Sequence[DeviceHost], inbox: Inbox) -> list[MqttLink]:
    return [
        MqttLink(
            number=number,
            address=options.broker,
            client_id=f"{options.tenant}/{options.kind}/{host.device_id}",
            filters=_filters(options, host.device_id),
            inbox=inbox,
            will=host.offline(),
        )
        for number, host in enumerate(hosts)
    ]


def _shared_links(options: SimulationOptions, hosts: int, inbox: Inbox) -> list[MqttLink]:
    """No last will: each link speaks for many. Few filters with wildcards, as brokers bound filters per session."""
    filters = _filters(options, "+")
    run_id = secrets.token_hex(4)
    return [
        MqttLink(number=n, address=options.broker, client_id=f"simulator-{run_id}-{n}", filters=filters, inbox=inbox)
        for n in range(min(options.connections or SHARED_LINKS, hosts))
    ]


def _filters(options: SimulationOptions, device_id: str) -> list[str]:
    base = options.prefix_of(device_id)
    own = [command_topic(base, "+"), config_topic(base)]
    return own if options.behind is not None else [*own, group_command(options.tenant, "+", "+", options.root)]


def _connector(options: SimulationOptions, behind: str) -> EnvelopeSender:
    kind, slash, device_id = behind.partition("/")
    if not slash or not is_id(kind) or not is_id(device_id):
        raise ConfigurationError("behind: must look like streetlight/box")
    where = {"device_id": device_id, "kind": kind, "tenant_id": options.tenant, "root": options.root}
    return EnvelopeSender(**where, boot_id=secrets.token_hex(6))


def _connectors_link(options: SimulationOptions, connector: EnvelopeSender, inbox: Inbox) -> MqttLink:
    return MqttLink(
        number=0,
        address=options.broker,
        client_id=f"{options.tenant}/{options.behind}",
        filters=_filters(options, "+"),
        inbox=inbox,
        will=connector.status(StatusState.OFFLINE),
    )
