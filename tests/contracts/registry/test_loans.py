"""Loans of assets to other towns."""

from dataclasses import replace

import pytest

from application.ports.inventory import AssetRepository
from application.ports.loans import Loan, LoanRepository
from application.ports.registry import Registry
from devices.errors import Conflict, NotFound, VersionMismatch
from tests.contracts.registry.making import in_threads, with_assets

LOAN = Loan("a", "lamp-1", "kl", "zw", 100, 200, "fair", 1, "anna")


@pytest.fixture(autouse=True)
def lamps(registry: Registry) -> None:
    with_assets(registry, "lamp-1", "lamp-2")


def test_a_loan_is_kept_changed_and_removed(registry: Registry) -> None:
    with registry.write() as tx:
        loans = tx.get(LoanRepository)
        loans.add(LOAN)
        assert loans.get("a") == LOAN
        changed = loans.change(replace(LOAN, until_us=150, note="n"))
        assert changed == replace(LOAN, until_us=150, note="n", version=2)
        with pytest.raises(VersionMismatch):
            loans.change(LOAN)
        loans.remove("a")
        for act in (lambda: loans.get("a"), lambda: loans.remove("a"), lambda: loans.change(changed)):
            with pytest.raises(NotFound):
                act()
        with pytest.raises(NotFound):
            loans.add(replace(LOAN, asset_id="lamp-9"))


@pytest.mark.parametrize(
    ("span", "free"), [((0, 100), True), ((200, 300), True), ((0, 101), False), ((199, 300), False), ((0, 300), False)]
)
def test_loans_of_one_asset_do_not_overlap(registry: Registry, span: tuple[int, int], free: bool) -> None:  # noqa: FBT001
    other = replace(LOAN, loan_id="b", from_us=span[0], until_us=span[1])
    with registry.write() as tx:
        tx.get(LoanRepository).add(LOAN)
        tx.get(LoanRepository).add(replace(other, loan_id="c", asset_id="lamp-2"))
    with registry.write() as tx:
        if free:
            tx.get(LoanRepository).add(other)
        else:
            with pytest.raises(Conflict):
                tx.get(LoanRepository).add(other)


def test_a_longer_loan_does_not_run_into_the_next(registry: Registry) -> None:
    with registry.write() as tx:
        tx.get(LoanRepository).add(LOAN)
        tx.get(LoanRepository).add(replace(LOAN, loan_id="b", from_us=300, until_us=400))
        with pytest.raises(Conflict):
            tx.get(LoanRepository).change(replace(LOAN, until_us=301))


def test_of_two_who_lend_at_once_one_is_refused(registry: Registry) -> None:
    refused: list[Conflict] = []

    def lend(loan_id: str) -> None:
        try:
            with registry.write() as tx:
                tx.get(LoanRepository).add(replace(LOAN, loan_id=loan_id))
        except Conflict as error:
            refused.append(error)

    in_threads([lambda: lend("x"), lambda: lend("y")])
    assert len(refused) == 1


def test_they_are_found_by_asset_and_by_borrower_and_caches_hear_of_them(registry: Registry) -> None:
    later = replace(LOAN, loan_id="b", from_us=300, until_us=400, tenant_id="bund")
    with registry.write() as tx:
        before = tx.get(AssetRepository).revision()
        tx.get(LoanRepository).add(later)
        tx.get(LoanRepository).add(LOAN)
        assert tx.get(AssetRepository).revision() > before
    with registry.read() as tx:
        loans = tx.get(LoanRepository)
        assert loans.of_assets(["lamp-1", "lamp-2"]) == {"lamp-1": (LOAN, later)}
        assert loans.to_towns({"zw"}, 199) == [LOAN]
        assert loans.to_towns({"zw"}, 200) == []
        assert loans.all() == [LOAN, later]
