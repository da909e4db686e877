"""What could name a visitor's device is found wherever it stands; what a node says of itself is not taken for it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.kind_catalog import discover_kinds
from devices.pii_filter import named_in
from devices.samples import RawMessage
from gateway.decode import MessageDecoder, RefusedMessage

HEAD: dict[str, Any] = {"v": 1, "device_id": "n1", "boot_id": "b1", "seq": 1}
DECODER = MessageDecoder(discover_kinds())


def told(channel: str = "telemetry", **body: Any) -> object:
    topic = f"city/v1/kl/event_network/n1/{channel}".encode()
    payload = json.dumps(HEAD | body).encode()
    return DECODER.decode(
        RawMessage(topic, payload, 1, retained=False, duplicate=False, received_us=1_790_000_000_000_000)
    )


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"clients": [{"mac": "x"}]}, "clients.0.mac"),
        ({"note": "seen aa:bb:cc:dd:ee:ff today"}, "note"),
        ({"note": "AA-BB-CC-DD-EE-FF"}, "note"),
        ({"note": "aabb.ccdd.eeff"}, "note"),
        ({"peer": "192.168.7.12"}, "peer"),
        ({"peer": "2001:db8::17"}, "peer"),
        ({"ssid": "Familie Weber"}, "ssid"),
        ({"probed_ssids": ["Weber"]}, "probed_ssids"),
        ({"client_ip": 7}, "client_ip"),
        ({"extra": {"firmware": "10.0.0.7"}}, "extra.firmware"),
        ({"imsi": 262011234567890}, "imsi"),
        ({"hostname": "annas-phone"}, "hostname"),
    ],
)
def test_a_message_that_names_a_device_is_refused(body: dict[str, Any], place: str) -> None:
    refused = told(wifi_clients=7, **body)
    assert isinstance(refused, RefusedMessage)
    assert refused.reason == "personal_data"
    assert refused.detail.startswith(f"{place}: ")


def test_it_is_found_in_batches_and_behind_escapes() -> None:
    refused = told(batch=[{"seq": 2, "wifi_clients": 7}, {"seq": 3, "note": "aa:bb:cc:dd:ee:ff"}])
    assert isinstance(refused, RefusedMessage)
    assert refused.reason == "personal_data"
    assert named_in(b'{"m\\u0061c": 1}') == "mac"
    assert named_in(b'{"x": "\\u0061a:bb:cc:dd:ee:ff"}') == "x"


@pytest.mark.parametrize(
    ("channel", "body"),
    [
        ("info", {"firmware": "21.2.3.1", "serial": "aa:bb:cc:dd:ee:ff", "parts": ["ssid:visitors", "vlan:20"]}),
        ("telemetry", {"part": "ssid:visitors", "wifi_clients": 7, "ts": "2026-09-21T13:33:20.123456Z"}),
        ("telemetry", {"part": "uplink", "in_octets": 123456789012, "speed_bps": 1000000000}),
    ],
)
def test_what_a_node_says_of_itself_is_taken_in(channel: str, body: dict[str, Any]) -> None:
    assert not isinstance(told(channel, **body), RefusedMessage)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_whatever_comes_in_nothing_is_raised(value: object) -> None:
    named_in(json.dumps({"a": value}).encode())


@given(st.binary())
def test_bytes_that_are_no_json_are_for_others_to_refuse(payload: bytes) -> None:
    named_in(payload)
