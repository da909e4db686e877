"""A load generator: the kind's real telemetry, serialised once, sent at a rate or as fast as the broker confirms."""

import multiprocessing
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from queue import SimpleQueue
from threading import Event
from typing import Final

from devices.errors import ConfigurationError
from devices.messages import StatusState
from devices.time_us import HOUR_US, rfc3339
from devices.topics import device_base
from simulators.device import OutgoingReport, SimulatedDevice
from simulators.envelope_sender import EnvelopeSender, WireMessage, to_json
from simulators.fleet import devices_of
from simulators.ground_truth import GroundTruth, NoTruth, TruthFile
from simulators.mqtt_link import Inbox, LinkConnected, LinkReceived, MqttLink
from simulators.options import SimulationOptions
from simulators.simulation import SimulationTotals

STEP_S: Final = 0.005
SEARCH_US: Final = 48 * HOUR_US
"""A drone may be on the ground for hours before it says something."""
CONNECT_S: Final = 30.0
FAREWELL_S: Final = 30.0


@dataclass(slots=True)
class _Source:
    """One device's message: what comes before and after the time and the number."""

    device_id: str
    topic: str
    before: bytes
    after: bytes
    opening: Sequence[WireMessage]
    boot_id: str
    seq: int = 0

    def next(self, ts: bytes) -> WireMessage:
        """The next message; the time alone makes it another sample."""
        seq, self.seq = self.seq, self.seq + 1
        payload = b'%b"ts":"%b","seq":%d%b' % (self.before, ts, seq, self.after)
        return WireMessage(self.device_id, self.topic, payload, "telemetry")


def generate_load(options: SimulationOptions, rate: float | None, processes: int, stop: Event) -> SimulationTotals:
    """Publish `rate` messages/s in total (None: flood) until `duration_s` is over. Raises ConfigurationError.

    The truth file gets one fact per device at the end: `load`, with boot id, number of messages, `all_confirmed`.
    """
    if options.duration_s is None:
        raise ConfigurationError("duration: a load has an end")
    if processes == 1:
        return _shard(options, rate, 0, 1, stop)
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        share = None if rate is None else rate / processes
        results = pool.starmap(_in_process, [(options, share, n, processes) for n in range(processes)])
    return SimulationTotals(sent=sum(r.sent for r in results), confirmed=sum(r.confirmed for r in results))


def _in_process(options: SimulationOptions, rate: float | None, shard: int, shards: int) -> SimulationTotals:
    truth = None if options.truth is None else options.truth.with_suffix(f".{shard}.jsonl")
    return _shard(replace(options, truth=truth), rate, shard, shards, Event())


def _shard(options: SimulationOptions, rate: float | None, shard: int, shards: int, stop: Event) -> SimulationTotals:
    sources = [_source(d, options) for d in list(devices_of(options))[shard::shards]]
    if not sources:
        raise ConfigurationError("count: fewer devices than processes")
    inbox: Inbox = SimpleQueue[LinkConnected | LinkReceived]()
    name = f"load-{secrets.token_hex(4)}"
    link = MqttLink(number=0, address=options.broker, client_id=name, filters=(), inbox=inbox, window=5000)
    truth: GroundTruth = NoTruth() if options.truth is None else TruthFile(options.truth)
    link.start()
    try:
        if not link.wait_connected(CONNECT_S):
            raise ConfigurationError("broker: does not accept a connection")
        totals = _pump(link, sources, rate, options.duration_s or 0.0, stop)
        _wait_confirmed(link, totals)
        _tell(truth, sources, totals)
        return totals
    finally:
        link.stop()
        truth.close()


def _pump(
    link: MqttLink, sources: Sequence[_Source], rate: float | None, duration_s: float, stop: Event
) -> SimulationTotals:
    totals = SimulationTotals()
    for source in sources:
        totals.sent += sum(link.publish(wire) is not None for wire in source.opening)
    begin, turn = time.monotonic(), 0
    while not stop.is_set() and (passed := time.monotonic() - begin) < duration_s:
        owed = len(sources) if rate is None else round(rate * passed) - turn
        ts_us = time.time_ns() // 1000
        for n in range(min(owed, 500)):
            source = sources[turn % len(sources)]
            if link.publish(source.next(rfc3339(ts_us + n).encode())) is None:
                source.seq -= 1
                time.sleep(STEP_S)
                break
            turn, totals.sent = turn + 1, totals.sent + 1
        totals.confirmed += len(link.confirmed())
        if owed <= 0:
            time.sleep(STEP_S)
    return totals


def _wait_confirmed(link: MqttLink, totals: SimulationTotals) -> None:
    deadline = time.monotonic() + FAREWELL_S
    while link.in_flight and time.monotonic() < deadline:
        totals.confirmed += len(link.confirmed())
        time.sleep(STEP_S)


def _tell(truth: GroundTruth, sources: Sequence[_Source], totals: SimulationTotals) -> None:
    for source in sources:
        messages = {"fact": "load", "boot_id": source.boot_id, "messages": source.seq}
        truth.fact(source.device_id, messages | {"all_confirmed": totals.confirmed == totals.sent})


def _source(device: SimulatedDevice, options: SimulationOptions) -> _Source:
    now_us = time.time_ns() // 1000
    boot_id = secrets.token_hex(6)
    sender = EnvelopeSender(
        device_id=device.device_id, kind=options.kind, tenant_id=options.tenant, boot_id=boot_id, root=options.root
    )
    first = device.start(now_us)
    opening = [sender.status(StatusState.ONLINE), *(sender.wire(m) for m in first if m.retained)]
    body = _telemetry(device, first, now_us)
    head = {"v": 1, "device_id": device.device_id, "boot_id": boot_id}
    return _Source(
        device_id=device.device_id,
        topic=device_base(options.tenant, options.kind, device.device_id, options.root) + "/telemetry",
        before=to_json(head)[:-1] + b",",
        after=(b"," + to_json(body.body)[1:]) if body.body else b"}",
        opening=opening,
        boot_id=boot_id,
        seq=len(opening) - 1,
    )


def _telemetry(device: SimulatedDevice, first: Sequence[OutgoingReport], now_us: int) -> OutgoingReport:
    """The first telemetry the device says, looked for in its near future."""
    said, at_us = first, now_us
    while at_us < now_us + SEARCH_US:
        for message in said:
            if message.channel == "telemetry":
                return message
        at_us = max(at_us + 1, device.due_us())
        said = device.tick(at_us)
    raise ConfigurationError(f"{device.device_id} says nothing within two days")
