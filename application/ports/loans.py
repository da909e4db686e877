"""Assets lent to other towns for a time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Loan:
    """An asset that is another town's in [from_us, until_us)."""

    loan_id: str
    asset_id: str
    owner_id: str
    """Town it belongs to."""
    tenant_id: str
    """Town that has it for the time."""
    from_us: int
    until_us: int
    note: str = ""
    created_us: int = 0
    created_by: str = ""
    version: int = 1


class LoanRepository(Protocol):
    """Loans; those of one asset never overlap, also when two callers try at once."""

    def add(self, loan: Loan) -> None:
        """Raises NotFound without the asset, Conflict when it is lent in that time."""

    def get(self, loan_id: str) -> Loan:
        """Raises NotFound."""

    def change(self, loan: Loan) -> Loan:
        """Replace end and note; returns it with the new version. Raises NotFound, VersionMismatch, Conflict."""

    def remove(self, loan_id: str) -> None:
        """As if it never was. Raises NotFound."""

    def of_assets(self, asset_ids: Collection[str]) -> Mapping[str, tuple[Loan, ...]]:
        """Loans of each asset that has any, past ones too, oldest first."""

    def to_towns(self, tenant_ids: Collection[str], after_us: int) -> Sequence[Loan]:
        """Loans to the towns that end after an instant."""

    def all(self) -> Sequence[Loan]:
        """By asset, oldest first."""
