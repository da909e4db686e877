"""The bytes devices get; they are a promise to their makers."""

import json
from dataclasses import replace

from application.ports.desired_configs import DesiredConfig
from devices.commands.device_contract import DeviceAction, DeviceContract
from devices.commands.wire import HEAD, ack_spread_s, encode_cancel, encode_command, encode_config
from devices.kind_catalog import discover_kinds
from devices.time_us import SECOND_US
from tests.unit.devices.commands.toy import T0, report, shine


def test_command_is_flat_with_absolute_times() -> None:
    assert json.loads(encode_command(shine(1, issued_us=T0, start_us=T0 + SECOND_US), 2.5)) == {
        "v": 1,
        "command_id": "c1",
        "name": "shine",
        "level_pct": 40.0,
        "issued_at": "2025-10-09T08:53:20.000Z",
        "deliver_by": "2025-10-09T08:53:30.000Z",
        "start_at": "2025-10-09T08:53:21.000Z",
        "until": "2025-10-09T09:53:20.000Z",
        "issuer": "tester",
        "ack_spread_s": 2.5,
    }


def test_what_does_not_apply_is_absent() -> None:
    assert not {"start_at", "until", "ack_spread_s"} & json.loads(encode_command(report())).keys()


def test_members_of_a_group_get_equal_bytes() -> None:
    one, other = (
        shine(1, wire_id="w", group_id="g"),
        shine(2, wire_id="w", group_id="g", issued_us=T0 + 1, asset_id="a2"),
    )
    assert encode_command(one) == encode_command(replace(other, command_id="c9"))


def test_device_understands_command_and_cancellation() -> None:
    contract = DeviceContract()
    assert (
        contract.judge("shine", json.loads(encode_command(shine())), retained=False, now_us=T0).do
        is DeviceAction.EXECUTE
    )
    assert json.loads(encode_cancel(shine())) == {"v": 1, "command_id": "c1"}


def test_config_carries_its_version() -> None:
    config = DesiredConfig("a1", "kl", "toy", 3, {"reporting_interval_s": 60}, T0)
    assert json.loads(encode_config(config.body, config.version)) == {"v": 1, "version": 3, "reporting_interval_s": 60}


def test_no_kind_uses_a_name_of_the_head() -> None:
    kinds = discover_kinds().values()
    assert kinds
    for kind in kinds:
        for body in kind.commands:
            assert not HEAD & body.model_fields.keys(), f"{kind.name} {body.NAME}"
        assert not {"v", "version"} & kind.config.model_fields.keys(), kind.name


def test_spread_grows_with_the_group_and_is_bounded() -> None:
    assert [ack_spread_s(n) for n in (1, 10, 1000, 100_000)] == [0.0, 0.05, 5.0, 10.0]
