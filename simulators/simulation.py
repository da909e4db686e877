"""Lets hosts live in real time on their links: one thread decides, paho's threads carry."""

import heapq
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty
from threading import Event
from typing import Final

from devices.messages import StatusState
from devices.time_us import SECOND_US
from devices.topics import MEMBER, ROOT
from simulators.backlog import DeviceBacklog
from simulators.envelope_sender import EnvelopeSender, WireMessage
from simulators.ground_truth import GroundTruth
from simulators.host import DeviceHost
from simulators.mqtt_link import Inbox, LinkConnected, LinkReceived, MqttLink

LOOK_AROUND_US: Final = SECOND_US // 5
"""Longest wait, so that a request to stop is heard."""
FAREWELL_S: Final = 5.0


@dataclass(slots=True)
class SimulationTotals:
    """What a simulation did, in messages."""

    sent: int = 0
    confirmed: int = 0
    dropped: int = 0
    """Lost on purpose."""
    commands: int = 0


@dataclass(slots=True)
class Simulation:
    """Hosts on links; `link_of` says by device id which link carries a host. Call from one thread."""

    hosts: Sequence[DeviceHost]
    links: Sequence[MqttLink]
    link_of: Mapping[str, int]
    own_links: bool
    """Each host has a link of its own, whose last will is the host's."""
    inbox: Inbox
    truth: GroundTruth
    now_us: Callable[[], int]
    root: str = ROOT
    connector: EnvelopeSender | None = None
    """Who speaks for all hosts, where they do not themselves; its last will is the link's."""
    totals: SimulationTotals = field(default_factory=SimulationTotals)
    _due: list[tuple[int, int]] = field(default_factory=list)
    _backlogs: dict[str, DeviceBacklog] = field(default_factory=dict)
    _unconfirmed: dict[tuple[int, int], int] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _on_link: dict[int, list[DeviceHost]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, host in enumerate(self.hosts):
            self._numbers[host.device_id] = number
            self._on_link.setdefault(self.link_of[host.device_id], []).append(host)
            self._backlogs[host.device_id] = DeviceBacklog()

    def start(self) -> None:
        """Boot every host."""
        for number, host in enumerate(self.hosts):
            self.send(host, host.start(self.now_us()))
            self._plan(number)

    def resume(self) -> None:
        """Go on with hosts that have lived through a history."""
        for number in range(len(self.hosts)):
            self._plan(number)

    def live(self, until_us: int | None, stop: Event) -> None:
        """Run until the instant or until `stop` is set."""
        while not stop.is_set():
            now_us = self.now_us()
            if until_us is not None and now_us >= until_us:
                return
            self._tick(now_us)
            next_us = min(self._due[0][0] if self._due else now_us + LOOK_AROUND_US, now_us + LOOK_AROUND_US)
            self.listen(max(0, next_us - self.now_us()) / SECOND_US)
            self._take_confirmed()

    def listen(self, wait_s: float) -> None:
        """Deal with everything that has come in; waits so long for the first of it."""
        try:
            self._take(self.inbox.get(timeout=wait_s) if wait_s > 0 else self.inbox.get_nowait())
            while True:
                self._take(self.inbox.get_nowait())
        except Empty:
            return

    def send(self, host: DeviceHost, wires: Sequence[WireMessage]) -> None:
        """Send, or keep while the connection is down."""
        link = self.link_of[host.device_id]
        for wire in wires:
            if "drop" in wire.faults:
                self.truth.sent(wire, self.now_us())
                self.totals.dropped += 1
            elif not self._publish(link, wire):
                self._backlogs[host.device_id].put(wire)
            if "reboot" in wire.faults and self.own_links:
                self.links[link].set_will(host.offline())

    def farewell(self) -> None:
        """Send what faults hold back and the goodbyes, and wait a bounded time for confirmations."""
        for host in self.hosts:
            self.send(host, [*host.flush(), host.offline()])
            for fact in host.sums():
                self.truth.fact(host.device_id, fact)
        self._connector_is(0, StatusState.OFFLINE)
        deadline = time.monotonic() + FAREWELL_S
        while self._unconfirmed and time.monotonic() < deadline:
            self._take_confirmed()
            time.sleep(0.01)

    def _tick(self, now_us: int) -> None:
        while self._due and self._due[0][0] <= now_us:
            number = heapq.heappop(self._due)[1]
            host = self.hosts[number]
            if host.due_us() <= now_us:
                self.send(host, host.tick(now_us))
                for fact in host.truth():
                    self.truth.fact(host.device_id, fact)
            self._plan(number)

    def _plan(self, number: int) -> None:
        heapq.heappush(self._due, (self.hosts[number].due_us(), number))

    def _publish(self, link: int, wire: WireMessage) -> bool:
        mid = self.links[link].publish(wire)
        if mid is None:
            return False
        self._unconfirmed[link, mid] = self.truth.sent(wire, self.now_us())
        self.totals.sent += 1
        return True

    def _take_confirmed(self) -> None:
        at_us = self.now_us()
        for number, link in enumerate(self.links):
            for mid in link.confirmed():
                self.truth.confirmed(self._unconfirmed.pop((number, mid)), at_us)
                self.totals.confirmed += 1

    def _take(self, news: LinkConnected | LinkReceived) -> None:
        if isinstance(news, LinkConnected):
            self._connector_is(news.link, StatusState.ONLINE)
            for host in self._on_link.get(news.link, ()):
                self.send(host, [host.online(), *self._backlogs[host.device_id].drain()])
            return
        for host, wires in self._addressed(news):
            self.totals.commands += 1
            self.send(host, wires)
            self._plan(self._numbers[host.device_id])

    def _connector_is(self, link: int, state: StatusState) -> None:
        if self.connector is not None:
            self._publish(link, self.connector.status(state))

    def _addressed(self, news: LinkReceived) -> list[tuple[DeviceHost, list[WireMessage]]]:
        """Hosts on this link that the message is for, with their answers."""
        now_us = self.now_us()
        levels = news.topic.removeprefix(f"{self.root}/").split("/")
        if len(levels) > 5 and levels[3] == MEMBER:
            levels = [levels[0], *levels[4:]]
        if len(levels) == 4 and levels[3] == "config":
            return [(host, host.receive_config(news.payload, now_us)) for host in self._named(news.link, levels[2])]
        if len(levels) != 5 or levels[3] != "cmd":
            return []
        name = levels[-1]
        hosts = self._grouped(news.link, levels[2]) if levels[1] == "group" else self._named(news.link, levels[2])
        return [(h, h.receive_command(name, news.payload, now_us, retained=news.retained)) for h in hosts]

    def _named(self, link: int, device_id: str) -> list[DeviceHost]:
        number = self._numbers.get(device_id)
        return [self.hosts[number]] if number is not None and self.link_of[device_id] == link else []

    def _grouped(self, link: int, group_id: str) -> list[DeviceHost]:
        return [host for host in self._on_link.get(link, ()) if group_id in host.device.groups]
