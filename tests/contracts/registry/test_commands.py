"""Commands."""

import itertools
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from application.ports.commands import CommandRepository
from application.ports.registry import Registry
from devices.commands.command import Command, DeliveryState, EffectState
from devices.errors import Conflict, NotFound
from devices.time_us import DAY_US
from tests.contracts.registry.making import command, in_threads

OPEN = {DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.ACCEPTED}
LASTING = {EffectState.PENDING, EffectState.IN_FORCE}


def file(registry: Registry, *commands: Command) -> None:
    with registry.write() as tx:
        tx.get(CommandRepository).add(commands)


def test_a_command_comes_back_as_it_was_filed(registry: Registry) -> None:
    whole = command(
        "c-1",
        group_id="g",
        start_us=1,
        until_us=2,
        delivery=DeliveryState.SENT,
        effect=EffectState.PENDING,
        answer="x",
        attempts=3,
        next_attempt_us=4,
        cancel_requested_us=5,
        sent_us=6,
        accepted_us=7,
        applied_us=8,
        final_us=9,
        history=({"at_us": 6, "delivery": "sent", "reason": ""},),
    )
    file(registry, whole)
    with registry.read() as tx:
        assert tx.get(CommandRepository).get("c-1") == whole
        with pytest.raises(NotFound):
            tx.get(CommandRepository).get("c-2")


def test_a_known_id_is_a_conflict_and_nothing_of_the_call_is_kept(registry: Registry) -> None:
    file(registry, command("c-1"))
    with registry.write() as tx, pytest.raises(Conflict):
        tx.get(CommandRepository).add([command("c-0"), command("c-1")])
    with registry.read() as tx:
        assert [c.command_id for c in tx.get(CommandRepository).find().items] == ["c-1"]


def test_commands_are_counted_by_delivery_since_an_instant(registry: Registry) -> None:
    file(
        registry,
        command("c-1", issued_us=99, delivery=DeliveryState.APPLIED),
        command("c-2", issued_us=100, delivery=DeliveryState.APPLIED),
        command("c-3", issued_us=101, delivery=DeliveryState.APPLIED),
        command("c-4", issued_us=101, delivery=DeliveryState.UNKNOWN),
    )
    with registry.read() as tx:
        assert tx.get(CommandRepository).count_by_delivery(100) == {"applied": 2, "unknown": 1}
        assert tx.get(CommandRepository).count_by_delivery(102) == {}


def test_members_of_a_group_command_share_the_wire_id(registry: Registry) -> None:
    members = [command(f"c-{n}", wire_id="w", asset_id=f"lamp-{n}", group_id="g") for n in range(3)]
    file(registry, *members, command("other"))
    with registry.read() as tx:
        assert tx.get(CommandRepository).by_wire_id("w") == members
        keys = {("w", "lamp-1"), ("w", "lamp-9"), ("other", "lamp-1"), ("other", "lamp-2")}
        assert sorted(c.command_id for c in tx.get(CommandRepository).by_wire_ids_of(keys)) == ["c-1", "other"]
        assert [c.command_id for c in tx.get(CommandRepository).find(group_id="g").items] == ["c-2", "c-1", "c-0"]


def test_the_dispatcher_sees_what_is_not_final_or_lasts(registry: Registry) -> None:
    every = [command(f"{d}-{e}", delivery=d, effect=e) for d, e in itertools.product(DeliveryState, EffectState)]
    file(registry, *(replace(c, delivery=DeliveryState.QUEUED, effect=EffectState.NONE) for c in every))
    waiting = {c.command_id for c in every if c.delivery in OPEN or c.effect in LASTING}
    with registry.write() as tx:
        commands = tx.get(CommandRepository)
        commands.record(every)
        assert {c.command_id for c in commands.awaiting()} == waiting
        assert {c.command_id for c in commands.in_force(["lamp-1"])} == {
            c.command_id for c in every if c.effect in LASTING
        }
        assert commands.in_force(["lamp-2"]) == []


def test_what_is_finished_cannot_be_cancelled(registry: Registry) -> None:
    over = {"delivery": DeliveryState.APPLIED, "effect": EffectState.ENDED}
    file(registry, command("c-1"), command("c-2", **over), command("c-3", **over | {"effect": EffectState.IN_FORCE}))
    with registry.write() as tx:
        commands = tx.get(CommandRepository)
        assert commands.request_cancel("c-1", 500).cancel_requested_us == 500
        assert commands.request_cancel("c-1", 600).cancel_requested_us == 500
        assert commands.request_cancel("c-3", 500).cancel_requested_us == 500
        with pytest.raises(Conflict):
            commands.request_cancel("c-2", 500)
        with pytest.raises(NotFound):
            commands.request_cancel("nothing", 1)


def test_awaiting_is_bounded_and_oldest_first(registry: Registry) -> None:
    file(registry, *(command(f"c-{n}", issued_us=1000 - n) for n in range(10)))
    with registry.read() as tx:
        assert [c.command_id for c in tx.get(CommandRepository).awaiting(3)] == ["c-9", "c-8", "c-7"]


def test_recording_replaces_progress_only(registry: Registry) -> None:
    file(registry, command("c-1"), command("c-2"))
    history = ({"at_us": 1, "delivery": "applied", "reason": ""},)
    done = {
        "delivery": DeliveryState.APPLIED,
        "effect": EffectState.IN_FORCE,
        "answer": "ok",
        "attempts": 2,
        "history": history,
    }
    done |= {"next_attempt_us": None, "sent_us": 110, "accepted_us": 120, "applied_us": 130, "final_us": 130}
    with registry.write() as tx:
        tx.get(CommandRepository).record([command("c-1", arguments={}, issuer="else", **done), command("nothing")])
        tx.get(CommandRepository).record([])
        assert tx.get(CommandRepository).get("c-1") == command("c-1", **done)
        assert tx.get(CommandRepository).get("c-2") == command("c-2")


def test_a_cancellation_asked_for_meanwhile_survives_the_record(registry: Registry) -> None:
    file(registry, command("c-1"))
    with registry.read() as tx:
        seen = tx.get(CommandRepository).awaiting()
    with registry.write() as tx:
        tx.get(CommandRepository).request_cancel("c-1", 500)
    with registry.write() as tx:
        tx.get(CommandRepository).record([replace(seen[0], delivery=DeliveryState.SENT)])
        assert tx.get(CommandRepository).get("c-1").cancel_requested_us == 500


def test_commands_are_listed_newest_first_and_filtered(registry: Registry) -> None:
    file(
        registry,
        command("a", issued_us=1),
        command("b", issued_us=2, tenant_id="zw"),
        command("c", issued_us=2, kind="fire_drone", asset_id="fritz"),
        command("d", issued_us=3, delivery=DeliveryState.FAILED),
    )
    with registry.read() as tx:
        find = tx.get(CommandRepository).find
        assert [c.command_id for c in find().items] == ["d", "c", "b", "a"]
        assert [c.command_id for c in find(tenant_ids={"zw"}).items] == ["b"]
        assert [c.command_id for c in find(kinds={"streetlight"}).items] == ["d", "b", "a"]
        assert [c.command_id for c in find(asset_id="fritz").items] == ["c"]
        assert [c.command_id for c in find(delivery="failed").items] == ["d"]
        first = find(limit=2)
        assert [c.command_id for c in find(limit=2, cursor=first.next_cursor).items] == ["b", "a"]


def test_who_locks_a_command_changes_it_alone(registry: Registry) -> None:
    file(registry, command("c-1", wire_id="w", effect=EffectState.IN_FORCE))

    def by_wire_id() -> None:
        for _ in range(15):
            with registry.write() as tx:
                (found,) = tx.get(CommandRepository).by_wire_ids_of([("w", "lamp-1")], lock=True)
                tx.get(CommandRepository).record([replace(found, attempts=found.attempts + 1)])

    def by_asset() -> None:
        for _ in range(15):
            with registry.write() as tx:
                (found,) = tx.get(CommandRepository).in_force(["lamp-1"], lock=True)
                tx.get(CommandRepository).record([replace(found, attempts=found.attempts + 1)])

    in_threads([by_wire_id, by_asset, by_wire_id])
    with registry.read() as tx:
        assert tx.get(CommandRepository).get("c-1").attempts == 45


def test_a_key_leads_to_its_commands(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(CommandRepository).add([command("c-2"), command("c-1")], "key", "digest")
    with registry.write() as tx:
        commands = tx.get(CommandRepository)
        assert commands.by_idempotency_key("key-1", "key") == ("digest", [command("c-2"), command("c-1")])
        assert commands.by_idempotency_key("key-2", "key") is None
        assert commands.by_idempotency_key("key-1", "other") is None
        with pytest.raises(Conflict):
            commands.add([command("c-3")], "key", "digest")
        commands.add([command("c-4", issuer="key-2")], "key", "digest")


def test_a_key_is_free_again_after_a_day(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    with registry.write() as tx:
        tx.get(CommandRepository).add([command("c-1")], "key", "digest")
    later = time.time_ns() + (DAY_US + 1_000_000) * 1000
    monkeypatch.setattr("storage.registry.command_keys.time.time_ns", lambda: later)
    with registry.write() as tx:
        assert tx.get(CommandRepository).by_idempotency_key("key-1", "key") is None
        tx.get(CommandRepository).add([command("c-2")], "key", "other")
        filed = tx.get(CommandRepository).by_idempotency_key("key-1", "key")
        assert filed is not None
        assert filed[1] == [command("c-2")]


def test_a_hundred_threads_with_one_key_file_one_command(registry: Registry) -> None:
    answers: list[str] = []

    def ask(number: int) -> Callable[[], None]:
        def work() -> None:
            with registry.write() as tx:
                filed = tx.get(CommandRepository).by_idempotency_key("key-1", "key")
                if filed is None:
                    tx.get(CommandRepository).add([command(f"c-{number}")], "key", "digest")
                    answers.append(f"c-{number}")
                else:
                    answers.append(filed[1][0].command_id)

        return work

    in_threads([ask(number) for number in range(100)])
    assert len(answers) == 100
    assert len(set(answers)) == 1
    with registry.read() as tx:
        assert [c.command_id for c in tx.get(CommandRepository).find().items] == [answers[0]]
