"""While writes are stopped no cursor moves and no letter is marked; reading goes on, and so does all afterwards."""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from application.ports.cursor_positions import CursorPositions
from application.ports.dead_letters import DeadLetters
from application.ports.registry import Registry
from devices.errors import RegistryUnavailable
from storage.registry.engine import SqlRegistry
from storage.registry.freeze_registry import writes_stopped
from tests.contracts.registry.making import letter
from tests.real_parts.waiting import wait_until


def advance(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(CursorPositions).set("effects/x", 7)


def mark(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(DeadLetters).mark_replayed(["l1"], 9)


def state(registry: Registry) -> tuple[int, int | None]:
    with registry.read() as tx:
        return tx.get(CursorPositions).get("effects/x"), tx.get(DeadLetters).get("l1").replayed_us


@pytest.mark.parametrize(("write", "after"), [(advance, (7, None)), (mark, (0, 9))], ids=["cursor", "replay"])
def test_writers_wait_and_go_on(
    registry: SqlRegistry, registry_url: str, write: Callable[[Registry], None], after: tuple[int, int | None]
) -> None:
    with registry.write() as tx:
        tx.get(DeadLetters).add([letter("l1")])
    writer = threading.Thread(target=write, args=(registry,))
    with writes_stopped(registry_url):
        writer.start()
        writer.join(0.3)
        assert writer.is_alive()
        assert state(registry) == (0, None)
    writer.join(5)
    assert not writer.is_alive()
    assert state(registry) == after


def test_writers_in_either_order_are_in_no_deadlock_with_us(registry: SqlRegistry, registry_url: str) -> None:
    stop = threading.Event()
    done = {"l1": 0, "l2": 0}

    def work(name: str) -> None:
        while not stop.wait(0.001):
            with registry.write() as tx:
                if name == "l1":
                    tx.get(CursorPositions).set(name, 1)
                tx.get(DeadLetters).mark_replayed([name], 9)
                tx.get(CursorPositions).set(name, 1)
            done[name] += 1

    def both_went_on(before: dict[str, int]) -> bool:
        return all(done[name] > before[name] for name in done)

    with registry.write() as tx:
        tx.get(DeadLetters).add([letter("l1"), letter("l2")])
    workers = [threading.Thread(target=work, args=(name,)) for name in done]
    for worker in workers:
        worker.start()
    try:
        for _ in range(20):
            with writes_stopped(registry_url):
                before = dict(done)
            wait_until(partial(both_went_on, before), what="both went on")
    finally:
        stop.set()
        for worker in workers:
            worker.join()


def test_a_registry_that_is_not_there_is_said_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(RegistryUnavailable), writes_stopped(f"sqlite:///{tmp_path}/none.db"):
        pass
    with pytest.raises(RegistryUnavailable), writes_stopped("postgresql://nobody@127.0.0.1:1/none"):
        pass


def test_a_database_without_tables_has_nobody_to_stop(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS positions, dead_letters CASCADE"))
    engine.dispose()
    with writes_stopped(postgres_url):
        pass
