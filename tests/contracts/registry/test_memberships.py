"""Which connector speaks for which devices."""

from dataclasses import replace

import pytest

from application.ports.credentials import CredentialRepository
from application.ports.desired_configs import DesiredConfig, DesiredConfigs
from application.ports.inventory import AssetRepository
from application.ports.memberships import ConnectorMembership, MembershipRepository
from application.ports.registry import Registry
from devices.errors import Conflict
from tests.contracts.registry.making import binding, in_threads, with_assets

NAMES = ("c1", "c2", "m1", "m2", "m3")


@pytest.fixture(autouse=True)
def town(registry: Registry) -> None:
    with_assets(registry, *(f"a-{name}" for name in NAMES))
    with registry.write() as tx:
        for name in NAMES:
            tx.get(AssetRepository).bind(binding(f"a-{name}", name, 0))


def of(member: str, connector: str, from_us: int, until_us: int | None = None) -> ConnectorMembership:
    return ConnectorMembership(member, "streetlight", connector, "streetlight", "kl", from_us, until_us)


def begin(registry: Registry, *wanted: ConnectorMembership) -> None:
    with registry.write() as tx:
        tx.get(MembershipRepository).begin(wanted)


def kept(registry: Registry, *members: str) -> list[ConnectorMembership]:
    with registry.read() as tx:
        found = tx.get(MembershipRepository).of_members(members)
    return [one for _, all_of_it in sorted(found.items()) for one in all_of_it]


def test_many_begin_end_and_are_found_from_both_sides(registry: Registry) -> None:
    begin(registry, of("m2", "c1", 10), of("m1", "c1", 10), of("m3", "c2", 20))
    with registry.write() as tx:
        memberships = tx.get(MembershipRepository)
        assert memberships.running_of("c1") == [of("m1", "c1", 10), of("m2", "c1", 10)]
        assert memberships.connectors() == {"kl/streetlight/c1": 10, "kl/streetlight/c2": 20}
        memberships.end(["m3", "m2", "nobody"], 30)
        assert memberships.running_of("c1") == [of("m1", "c1", 10)]
        assert memberships.connectors() == {"kl/streetlight/c1": 10}
        memberships.end(["m2"], 40)
    assert kept(registry, "m2", "m3", "c1") == [of("m2", "c1", 10, 30), of("m3", "c2", 20, 30)]


def test_the_next_connector_ends_the_one_before_and_the_same_changes_nothing(registry: Registry) -> None:
    begin(registry, of("m1", "c1", 10))
    begin(registry, of("m1", "c1", 50))
    begin(registry, of("m1", "c2", 60))
    begin(registry, of("m1", "c1", 70))
    assert kept(registry, "m1") == [of("m1", "c1", 10, 60), of("m1", "c2", 60, 70), of("m1", "c1", 70)]


@pytest.mark.parametrize(
    "wanted",
    [
        of("c1", "c1", 50),  # itself
        of("c1", "c2", 50),  # a connector as a member
        of("m2", "m1", 50),  # a member as a connector
        of("m1", "c2", 10),  # from when another began
        of("m1", "c2", 5),  # before another began
        of("m3", "c2", 15),  # within one that is over
    ],
)
def test_no_chains_and_no_two_at_once(registry: Registry, wanted: ConnectorMembership) -> None:
    begin(registry, of("m1", "c1", 10), of("m3", "c1", 10))
    with registry.write() as tx:
        tx.get(MembershipRepository).end(["m3"], 20)
    before = kept(registry, *NAMES)
    with pytest.raises(Conflict):
        begin(registry, of("m2", "c2", 50), wanted)
    with pytest.raises(Conflict):
        begin(registry, wanted)
    assert kept(registry, *NAMES) == before, "all or none"


def test_of_two_who_set_it_at_once_no_chain_and_no_pair_comes(registry: Registry) -> None:
    refused: list[Conflict] = []

    def attempt(wanted: ConnectorMembership) -> None:
        try:
            begin(registry, wanted)
        except Conflict as error:
            refused.append(error)

    in_threads([lambda: attempt(of("m1", "c1", 10)), lambda: attempt(of("m1", "c2", 10))])
    in_threads([lambda: attempt(of("m2", "m3", 10)), lambda: attempt(of("m3", "c2", 10))])
    assert len(refused) == 2
    assert len(kept(registry, *NAMES)) == 2


@pytest.mark.parametrize("name", ["c1", "m1"])
def test_it_ends_with_the_binding_of_either(registry: Registry, name: str) -> None:
    begin(registry, of("m1", "c1", 10), of("m2", "c2", 10))
    with registry.write() as tx:
        tx.get(AssetRepository).bind(binding(f"a-{name}", "new", 30))
    assert kept(registry, "m1", "m2") == [of("m1", "c1", 10, 30), of("m2", "c2", 10)]
    with registry.write() as tx:
        asset = tx.get(AssetRepository).get("a-m2")
        tx.get(AssetRepository).change(replace(asset, retired_us=40))
    assert kept(registry, "m2") == [of("m2", "c2", 10, 40)]


def test_caches_brokers_and_configurations_follow(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(DesiredConfigs).put(DesiredConfig("a-m1", "kl", "streetlight", 1, {}, 1), 0)

    def revisions() -> tuple[int, int]:
        with registry.write() as tx:
            tx.get(DesiredConfigs).mark_published("a-m1", 1)
            return tx.get(AssetRepository).revision(), tx.get(CredentialRepository).revision()

    def waiting() -> list[str]:
        with registry.read() as tx:
            return [config.asset_id for config in tx.get(DesiredConfigs).unpublished()]

    first = revisions()
    begin(registry, of("m1", "c1", 10))
    assert waiting() == ["a-m1"]
    second = revisions()
    begin(registry, of("m1", "c1", 20))
    assert (waiting(), revisions()) == ([], second), "nothing changed"
    with registry.write() as tx:
        tx.get(MembershipRepository).end(["m1"], 30)
    assert waiting() == ["a-m1"]
    third = revisions()
    assert first < second < third
    assert first[1] < second[1] < third[1]
