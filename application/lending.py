"""Whose the data of an asset are at a time: its own town's, or in a loan the borrower's. The one place that decides."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from application.ports.inventory import Asset
from application.ports.loans import Loan, LoanRepository
from application.ports.registry import RegistryTransaction
from devices.errors import Conflict

Span = tuple[int, int]
"""[from, to) in µs."""


class Lent(Conflict):
    """The device is in another town's hands at that time."""


@dataclass(frozen=True, slots=True)
class AssetOwnership:
    """The town an asset belongs to, and its loans, oldest first; they do not overlap."""

    tenant_id: str
    loans: tuple[Loan, ...] = ()

    def loan_at(self, ts_us: int) -> Loan | None:
        """The loan that runs at an instant."""
        return next((loan for loan in self.loans if loan.from_us <= ts_us < loan.until_us), None)

    def at(self, ts_us: int) -> str:
        """The town whose it is at an instant: what is measured then is that town's for good."""
        loan = self.loan_at(ts_us) if self.loans else None
        return self.tenant_id if loan is None else loan.tenant_id

    def concerns(self, tenant_ids: Collection[str] | None) -> bool:
        """Tell whether it is, was or will be one of the towns' (None: all)."""
        return tenant_ids is None or self.tenant_id in tenant_ids or any(x.tenant_id in tenant_ids for x in self.loans)

    def spans(self, tenant_ids: Collection[str] | None, from_us: int, to_us: int) -> list[Span]:
        """Parts of [from_us, to_us) in which it is one of the towns' (None: all), in order."""
        if tenant_ids is None:
            return [(from_us, to_us)] if from_us < to_us else []
        within = sorted({t for loan in self.loans for t in (loan.from_us, loan.until_us) if from_us < t < to_us})
        found: list[Span] = []
        for begin, end in zip((from_us, *within), (*within, to_us), strict=True):
            if begin < end and self.at(begin) in tenant_ids:
                joined = found and found[-1][1] == begin
                found.append((found.pop()[0] if joined else begin, end))
        return found


def asset_ownerships(tx: RegistryTransaction, assets: Iterable[Asset]) -> Mapping[str, AssetOwnership]:
    """Ownership of each asset, by id."""
    listed = list(assets)
    loans = tx.get(LoanRepository).of_assets([a.asset_id for a in listed]) if listed else {}
    return {a.asset_id: AssetOwnership(a.tenant_id, loans.get(a.asset_id, ())) for a in listed}


def uncovered_spans(span: Span, parts: Iterable[Span]) -> list[Span]:
    """What of a span the parts, in order and apart, leave open."""
    begin, end = span
    found: list[Span] = []
    for a, b in parts:
        if begin < a:
            found.append((begin, a))
        begin = b
    return [*found, (begin, end)] if begin < end else found
