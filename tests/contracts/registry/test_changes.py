"""The tail of changes."""

import threading
from functools import partial

import psycopg
import pytest
from sqlalchemy import make_url

from application.ports.changes import ChangeFeed
from application.ports.registry import Registry
from storage.registry.engine import open_registry
from tests.contracts.registry.making import change, in_threads


def test_ids_rise_and_the_tail_is_read_in_order(registry: Registry) -> None:
    with registry.write() as tx:
        changes = tx.get(ChangeFeed)
        assert (changes.oldest(), changes.newest(), list(changes.after(0))) == (0, 0, [])
        changes.add([change(f"t-{n}", data={"n": n}, at_us=n) for n in range(5)])
        changes.add([change("system", tenant_id=None, kind=None)])
        changes.add([])
        read = changes.after(0)
        assert [c.topic for c in read] == ["t-0", "t-1", "t-2", "t-3", "t-4", "system"]
        assert (read[2].data, read[2].at_us, read[5].tenant_id, read[5].kind) == ({"n": 2}, 2, None, None)
        ids = [c.change_id for c in read]
        assert ids == sorted(set(ids))
        assert (changes.oldest(), changes.newest()) == (ids[0], ids[-1])
        assert [c.change_id for c in changes.after(ids[1], limit=2)] == ids[2:4]


def test_only_the_newest_are_kept_and_ids_are_never_used_again(registry: Registry) -> None:
    with registry.write() as tx:
        changes = tx.get(ChangeFeed)
        changes.add([change(str(n)) for n in range(30)])
        changes.trim(50)
        assert len(changes.after(0)) == 30
        changes.trim(10)
        assert [c.topic for c in changes.after(0)] == [str(n) for n in range(20, 30)]
        newest = changes.newest()
        changes.trim(0)
        assert changes.newest() == 0
        changes.add([change()])
        assert changes.newest() > newest


def test_a_reader_that_remembers_the_last_id_misses_no_change_of_concurrent_writers(registry: Registry) -> None:
    seen: list[str] = []
    done = threading.Event()

    def read_on() -> None:
        last = 0
        while True:
            finished = done.is_set()
            with registry.read() as tx:
                read = tx.get(ChangeFeed).after(last)
            seen.extend(c.topic for c in read)
            last = read[-1].change_id if read else last
            if finished and not read:
                return

    def write(writer: int) -> None:
        for turn in range(15):
            with registry.write() as tx:
                tx.get(ChangeFeed).add([change(f"{writer}-{turn}-{n}") for n in range(3)])

    reader = threading.Thread(target=read_on)
    reader.start()
    try:
        in_threads([partial(write, writer) for writer in range(6)])
    finally:
        done.set()
        reader.join()
    assert len(seen) == 6 * 15 * 3
    assert set(seen) == {f"{w}-{t}-{n}" for w in range(6) for t in range(15) for n in range(3)}


def test_postgresql_notifies_when_changes_are_committed(postgres_url: str) -> None:
    url = make_url(postgres_url).set(drivername="postgresql").render_as_string(hide_password=False)
    registry = open_registry(postgres_url)
    with psycopg.connect(url, autocommit=True) as listener:
        listener.execute("LISTEN lautern_changes")
        with pytest.raises(RuntimeError, match="stop"):
            _add_and_fail(registry)
        assert list(listener.notifies(timeout=0.2)) == []
        with registry.write() as tx:
            tx.get(ChangeFeed).add([change()])
        assert [n.channel for n in listener.notifies(timeout=5, stop_after=1)] == ["lautern_changes"]
    registry.close()


def _add_and_fail(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(ChangeFeed).add([change()])
        raise RuntimeError("stop")
