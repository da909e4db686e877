"""Answers and the dispatcher work on the same commands at the same time."""

import threading

import pytest

from application.ports.commands import CommandRepository
from application.ports.registry import Registry
from devices.commands import lifecycle
from devices.commands.command import DeliveryState
from devices.messages import AckMessage, AckStatus
from gateway.dispatch.command_progress import CommandProgress
from storage.registry.engine import SqlRegistry
from tests.unit.devices.commands.toy import CATALOG, T0, shine


def ack(command_id: str, status: AckStatus) -> AckMessage:
    return AckMessage(v=1, device_id="d1", boot_id="b", seq=1, command_id=command_id, status=status)


@pytest.fixture
def filed(registry: SqlRegistry) -> SqlRegistry:
    with registry.write() as tx:
        tx.get(CommandRepository).add([shine()])
    return registry


def delivery(registry: Registry) -> DeliveryState:
    with registry.read() as tx:
        return tx.get(CommandRepository).get("c1").delivery


def test_answer_and_broker_confirmation_at_once_lose_nothing(filed: SqlRegistry) -> None:
    answering = threading.Event()

    def answer() -> None:
        with filed.write() as tx:
            answering.set()
            CommandProgress(CATALOG).on_acks(tx, [("a1", ack("c1", AckStatus.APPLIED), T0 + 2)])

    thread = threading.Thread(target=answer)
    with filed.write() as tx:
        commands = tx.get(CommandRepository)
        (command,) = commands.by_wire_ids_of([("c1", "a1")], lock=True)
        thread.start()
        answering.wait(0.3)
        commands.record([lifecycle.mark_sent(lifecycle.count_attempt(command, T0), T0 + 1)])
    thread.join(10)
    assert delivery(filed) is DeliveryState.APPLIED
    with filed.read() as tx:
        assert tx.get(CommandRepository).get("c1").attempts == 1


def test_same_batch_again_changes_nothing(filed: SqlRegistry) -> None:
    acks = [("a1", ack("c1", AckStatus.ACCEPTED), T0 + 1), ("a1", ack("c1", AckStatus.APPLIED), T0 + 2)]
    with filed.write() as tx:
        assert len(CommandProgress(CATALOG).on_acks(tx, acks)) == 1
    with filed.write() as tx:
        assert CommandProgress(CATALOG).on_acks(tx, acks) == []


def test_answer_to_an_unknown_command_or_of_another_asset_changes_nothing(filed: SqlRegistry) -> None:
    strangers = [("a1", ack("c9", AckStatus.APPLIED), T0), ("a2", ack("c1", AckStatus.APPLIED), T0)]
    with filed.write() as tx:
        assert CommandProgress(CATALOG).on_acks(tx, strangers) == []
    assert delivery(filed) is DeliveryState.QUEUED
