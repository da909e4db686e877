"""The lease of the one gateway."""

import subprocess
import sys

import pytest

from application.ports.gateway_lease import GatewayLease
from application.ports.registry import Registry
from devices.errors import LeaseHeld

TAKE = """
import sys
from devices.errors import LeaseHeld
from application.ports.gateway_lease import GatewayLease
from storage.registry.engine import open_registry
registry = open_registry(sys.argv[1])
sys.stdout.write("ready\\n")
sys.stdout.flush()
sys.stdin.readline()
try:
    with registry.write() as tx:
        print("took", tx.get(GatewayLease).acquire(sys.argv[2], 1000, 500))
except LeaseHeld:
    print("refused")
registry.close()
"""


def test_another_holder_is_refused_until_the_lease_ends(registry: Registry) -> None:
    with registry.write() as tx:
        lease = tx.get(GatewayLease)
        first = lease.acquire("a", 1000, 500)
        assert lease.acquire("a", 1200, 500) == first
        with pytest.raises(LeaseHeld):
            lease.acquire("b", 1699, 500)
        second = lease.acquire("b", 1700, 500)
        assert second > first
        with pytest.raises(LeaseHeld):
            lease.acquire("a", 1800, 500)


def test_a_released_lease_is_free_at_once_and_its_number_rises(registry: Registry) -> None:
    with registry.write() as tx:
        lease = tx.get(GatewayLease)
        first = lease.acquire("a", 1000, 500)
        lease.release("b")
        with pytest.raises(LeaseHeld):
            lease.acquire("b", 1001, 500)
        lease.release("a")
        assert lease.acquire("b", 1001, 500) > first


def test_a_holder_that_comes_late_but_alone_keeps_its_number(registry: Registry) -> None:
    with registry.write() as tx:
        assert tx.get(GatewayLease).acquire("a", 1000, 500) == tx.get(GatewayLease).acquire("a", 9000, 500)


def test_of_two_processes_one_takes_the_lease(registry_url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TAKE, registry_url, holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for holder in ("a", "b")
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        said = sorted(process.communicate(timeout=30)[0].strip() for process in processes)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert said == ["refused", "took 1"]
