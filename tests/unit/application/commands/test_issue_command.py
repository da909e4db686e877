"""What becomes of a request for a command."""

from collections.abc import Sequence
from typing import Any

import pytest

from application.commands.command_filing import (
    CommandOrigin,
    cancel_group,
    file_command,
    file_group_command,
    request_cancellation,
)
from application.commands.command_request import CommandRequest
from application.ports.inventory import Asset, AssetGroup
from application.ports.latest_values import LatestValue
from devices.commands.command import Command, DeliveryState, EffectState
from devices.errors import Conflict, IdempotencyMismatch, Invalid
from devices.time_us import HOUR_US, SECOND_US
from tests.unit.application.commands.fakes import FakeTransaction
from tests.unit.devices.commands.toy import CATALOG, T0

S = SECOND_US


@pytest.fixture
def tx() -> FakeTransaction:
    tx = FakeTransaction()
    for number in range(1, 4):
        asset = Asset(f"a{number}", "kl", "toy", f"Toy {number}", T0)
        tx.inventory.assets[asset.asset_id] = asset
        tx.inventory.devices[asset.asset_id] = f"d{number}"
    return tx


def one(tx: FakeTransaction, name: str = "shine", arguments: dict[str, Any] | None = None, **times: Any) -> Command:
    asked = {"level_pct": 40} if arguments is None else arguments
    asset = tx.inventory.assets["a1"]
    return file_command(tx, CATALOG, asset, CommandRequest(name, asked, "test", **times), CommandOrigin("key", T0))


def group(tx: FakeTransaction, **more: Any) -> Sequence[Command]:
    street = AssetGroup("g1", "kl", "toy", "Street", ("a1", "a2", "a3"))
    asked = CommandRequest("shine", {"level_pct": 40}, **more)
    return file_group_command(tx, CATALOG, street, asked, CommandOrigin("key", T0))


def test_effect_always_has_an_end(tx: FakeTransaction) -> None:
    command = one(tx)
    assert (command.until_us, command.effect) == (T0 + 7200 * S, EffectState.PENDING)
    assert (command.delivery, command.wire_id) == (DeliveryState.QUEUED, command.command_id)
    assert tx.commands.filed == {command.command_id: command}


def test_delivery_window_is_what_the_device_announced(tx: FakeTransaction) -> None:
    assert one(tx).deliver_by_us == T0 + 10 * S
    tx.latest.rows.append(LatestValue("a1", "toy", "kl", "info", "", T0, T0, {"delivery_window_s": 180.0}))
    assert one(tx).deliver_by_us == T0 + 180 * S
    assert one(tx, start_us=T0 + HOUR_US).deliver_by_us == T0 + HOUR_US + 180 * S


def test_delivery_ends_with_the_effect(tx: FakeTransaction) -> None:
    assert one(tx, until_us=T0 + 4 * S).deliver_by_us == T0 + 4 * S


def test_end_counts_from_the_start(tx: FakeTransaction) -> None:
    assert one(tx, start_us=T0 + HOUR_US).until_us == T0 + HOUR_US + 7200 * S


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"name": "explode"}, "name"),
        ({"arguments": {"level_pct": 101}}, "arguments.level_pct"),
        ({"arguments": {}}, "arguments.level_pct"),
        ({"arguments": {"level_pct": 4, "colour": "red"}}, "arguments.colour"),
        ({"arguments": {"level_pct": float("nan")}}, "arguments.level_pct"),
        ({"name": "report", "arguments": {}, "until_us": T0 + S}, "until"),
        ({"until_us": T0}, "until"),
        ({"until_us": T0 + 13 * HOUR_US}, "until"),
        ({"start_us": T0 + HOUR_US, "until_us": T0 + HOUR_US}, "until"),
        ({"start_us": T0}, "start_at"),
        ({"start_us": T0 + 25 * HOUR_US}, "start_at"),
        ({"deliver_by_us": T0}, "deliver_by"),
        ({"deliver_by_us": T0 + 25 * HOUR_US}, "deliver_by"),
        ({"deliver_by_us": T0 + 60 * S, "until_us": T0 + 30 * S}, "deliver_by"),
    ],
)
def test_what_cannot_be_is_refused_by_field(tx: FakeTransaction, request_: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        one(tx, **request_)
    assert refused.value.field == field
    assert not tx.commands.filed


def test_asset_without_device_cannot_be_commanded(tx: FakeTransaction) -> None:
    del tx.inventory.devices["a1"]
    with pytest.raises(Conflict, match="no device is bound to a1"):
        one(tx)


def test_retired_asset_cannot_be_commanded(tx: FakeTransaction) -> None:
    tx.inventory.assets["a1"] = Asset("a1", "kl", "toy", "Toy", T0, retired_us=T0)
    with pytest.raises(Conflict, match="retired"):
        one(tx)


def test_same_key_and_request_gives_the_same_command(tx: FakeTransaction) -> None:
    first = one(tx, idempotency_key="k")
    assert one(tx, idempotency_key="k") == first
    assert len(tx.commands.filed) == 1


def test_same_key_with_another_request_is_refused(tx: FakeTransaction) -> None:
    one(tx, idempotency_key="k")
    with pytest.raises(IdempotencyMismatch):
        one(tx, arguments={"level_pct": 41}, idempotency_key="k")


def test_group_command_has_one_wire_id_and_a_command_per_member(tx: FakeTransaction) -> None:
    commands = group(tx, idempotency_key="k")
    assert len({c.wire_id for c in commands}) == 1
    assert len({c.command_id for c in commands}) == 3
    assert {c.asset_id for c in commands} == {"a1", "a2", "a3"}
    assert {c.group_id for c in commands} == {"g1"}
    assert list(group(tx, idempotency_key="k")) == list(commands)


def test_member_without_device_is_undeliverable_and_holds_nobody_up(tx: FakeTransaction) -> None:
    del tx.inventory.devices["a2"]
    by_asset = {c.asset_id: c for c in group(tx)}
    assert by_asset["a1"].delivery is DeliveryState.QUEUED
    assert (by_asset["a2"].delivery, by_asset["a2"].answer) == (DeliveryState.UNDELIVERABLE, "no device is bound")
    assert by_asset["a2"].effect is EffectState.NONE


def test_retired_member_is_left_out(tx: FakeTransaction) -> None:
    tx.inventory.assets["a2"] = Asset("a2", "kl", "toy", "Toy", T0, retired_us=T0)
    assert {c.asset_id for c in group(tx)} == {"a1", "a3"}


def test_group_with_nobody_to_send_to_is_a_conflict(tx: FakeTransaction) -> None:
    tx.inventory.devices.clear()
    with pytest.raises(Conflict):
        group(tx)


def test_filing_and_cancelling_are_told(tx: FakeTransaction) -> None:
    command = one(tx)
    request_cancellation(tx, command.command_id, T0 + S)
    assert [list(change.data["commands"]) for change in tx.changes.told] == [[command.command_id]] * 2


def test_whole_group_is_cancelled_but_for_what_is_over(tx: FakeTransaction) -> None:
    del tx.inventory.devices["a3"]
    wire_id = group(tx)[0].wire_id
    assert {c.asset_id for c in cancel_group(tx, wire_id, T0 + S)} == {"a1", "a2"}
