"""A publisher cheap enough not to disturb: packets are made before the clock starts, acknowledgements only counted."""

import argparse
import json
import selectors
import socket
import struct
import sys
import time
from collections.abc import Iterator

from devices.time_us import rfc3339

_PUBACK_BYTES = 4


def topic(device: int) -> str:
    """Topic of a load device."""
    return f"city/v1/bench/streetlight/{name(device)}/telemetry"


def name(device: int) -> str:
    """Id of a load device."""
    return f"bench-{device:05d}"


def payload(device: int, seq: int, ts_us: int, boot_id: str) -> bytes:
    """About 300 bytes of JSON with 9 numeric fields."""
    return json.dumps(
        {
            "v": 1,
            "device_id": name(device),
            "ts": rfc3339(ts_us),
            "boot_id": boot_id,
            "seq": seq,
            "level_pct": 40.0,
            "power_w": 22.5 + seq % 7,
            "voltage_v": 231.2 + device % 5,
            "current_a": 0.11,
            "power_factor": 0.93,
            "frequency_hz": 50.01,
            "energy_wh": 123456.5 + seq,
            "gear_temperature_c": 31.5,
            "operating_h": 4012.5,
        }
    ).encode()


def packet(mid: int, where: str, body: bytes) -> bytes:
    """A PUBLISH packet, QoS 1, MQTT 3.1.1."""
    head = struct.pack(">H", len(where)) + where.encode() + struct.pack(">H", mid)
    return b"\x32" + length(len(head) + len(body)) + head + body


def length(number: int) -> bytes:
    """How MQTT writes the length of a packet."""
    out = bytearray()
    while True:
        number, digit = divmod(number, 128)
        out.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(out)


def connect(host: str, port: int, client_id: str) -> socket.socket:
    """Open an MQTT 3.1.1 connection with a clean session."""
    link = socket.create_connection((host, port))
    body = b"\x00\x04MQTT\x04\x02\x00\x3c" + struct.pack(">H", len(client_id)) + client_id.encode()
    link.sendall(b"\x10" + length(len(body)) + body)
    answer = link.recv(4)
    if answer[3] != 0:
        raise ConnectionError(f"CONNACK {answer[3]}")
    link.settimeout(0)
    return link


def publish_all(link: socket.socket, packets: list[bytes], window: int) -> None:
    """Send everything, at most `window` unacknowledged; returns when all are acknowledged."""
    selector = selectors.DefaultSelector()
    selector.register(link, selectors.EVENT_READ | selectors.EVENT_WRITE)
    sent = received_bytes = 0
    pending = b""
    while received_bytes // _PUBACK_BYTES < len(packets):
        acknowledged = received_bytes // _PUBACK_BYTES
        if not pending and sent < len(packets) and sent - acknowledged < window:
            until = min(len(packets), sent + 200, acknowledged + window)
            pending = b"".join(packets[sent:until])
            sent = until
        selector.modify(link, selectors.EVENT_READ | (selectors.EVENT_WRITE if pending else 0))
        for _, events in selector.select(5):
            if events & selectors.EVENT_READ:
                received_bytes += len(link.recv(65536))
            if events & selectors.EVENT_WRITE and pending:
                pending = pending[link.send(pending) :]


def packets(devices: int, messages: int, first_us: int, boot_id: str) -> Iterator[bytes]:
    """Messages of all devices in turn; a device's samples are a millisecond apart."""
    for number in range(messages):
        device, seq = number % devices, number // devices
        yield packet(number % 65_535 + 1, topic(device), payload(device, seq, first_us + seq * 1000, boot_id))


def main() -> int:
    """Publish a load as fast as it is taken, or at a rate; prints when it began and ended (s since 1970)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--first-us", type=int, required=True)
    parser.add_argument("--boot-id", default="bench")
    parser.add_argument("--window", type=int, default=4000)
    parser.add_argument("--rate", type=float, default=0)
    options = parser.parse_args()
    ready = list(packets(options.devices, options.messages, options.first_us, options.boot_id))
    link = connect(options.host, options.port, f"load-{options.boot_id}")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    began = time.time()
    if options.rate:
        step = max(1, round(options.rate / 20))
        for at in range(0, len(ready), step):
            publish_all(link, ready[at : at + step], options.window)
            time.sleep(max(0.0, began + (at + step) / options.rate - time.time()))
    else:
        publish_all(link, ready, options.window)
    sys.stdout.write(f"{began} {time.time()}\n")
    link.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
