"""Loans of assets."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, select, update

from application.ports.loans import Loan
from devices.errors import Conflict, NotFound, VersionMismatch
from storage.registry.cache_revisions import raise_inventory_revision
from storage.registry.row_statements import in_chunks
from storage.registry.tables import ASSETS, LOANS

ORDER = (LOANS.c.asset_id, LOANS.c.from_us)


class SqlLoanRepository:
    """Loans; each change counts as one of the inventory, so that the gateway's copy follows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, loan: Loan) -> None:
        """Raises NotFound without the asset, Conflict when it is lent in that time."""
        self._refuse_overlap(loan)
        self._connection.execute(insert(LOANS).values(asdict(loan) | {"version": 1}))
        raise_inventory_revision(self._connection)

    def get(self, loan_id: str) -> Loan:
        """Raises NotFound."""
        row = self._connection.execute(select(LOANS).where(LOANS.c.loan_id == loan_id)).one_or_none()
        if row is None:
            raise NotFound(loan_id)
        return Loan(*row)

    def change(self, loan: Loan) -> Loan:
        """Replace end and note. Raises NotFound, VersionMismatch, Conflict."""
        self._refuse_overlap(loan)
        read = (LOANS.c.loan_id == loan.loan_id) & (LOANS.c.version == loan.version)
        new = {"until_us": loan.until_us, "note": loan.note, "version": loan.version + 1}
        if not self._connection.execute(update(LOANS).where(read).values(new)).rowcount:
            raise VersionMismatch("has_version", name=loan.loan_id, version=self.get(loan.loan_id).version)
        raise_inventory_revision(self._connection)
        return self.get(loan.loan_id)

    def remove(self, loan_id: str) -> None:
        """As if it never was. Raises NotFound."""
        if not self._connection.execute(delete(LOANS).where(LOANS.c.loan_id == loan_id)).rowcount:
            raise NotFound(loan_id)
        raise_inventory_revision(self._connection)

    def of_assets(self, asset_ids: Collection[str]) -> Mapping[str, tuple[Loan, ...]]:
        """Loans of each asset that has any, oldest first."""
        found: defaultdict[str, list[Loan]] = defaultdict(list)
        for some in in_chunks(asset_ids):
            for row in self._connection.execute(select(LOANS).where(LOANS.c.asset_id.in_(some)).order_by(*ORDER)):
                found[row.asset_id].append(Loan(*row))
        return {asset_id: tuple(loans) for asset_id, loans in found.items()}

    def to_towns(self, tenant_ids: Collection[str], after_us: int) -> Sequence[Loan]:
        """Loans to the towns that end after an instant."""
        query = select(LOANS).where(LOANS.c.tenant_id.in_(tenant_ids), LOANS.c.until_us > after_us)
        return [Loan(*row) for row in self._connection.execute(query.order_by(*ORDER))]

    def all(self) -> Sequence[Loan]:
        """By asset, oldest first."""
        return [Loan(*row) for row in self._connection.execute(select(LOANS).order_by(*ORDER))]

    def _refuse_overlap(self, loan: Loan) -> None:
        """Whoever lends the same asset at once waits here for the other."""
        asset = select(ASSETS.c.asset_id).where(ASSETS.c.asset_id == loan.asset_id).with_for_update()
        if self._connection.execute(asset).one_or_none() is None:
            raise NotFound(loan.asset_id)
        overlapping = (LOANS.c.from_us < loan.until_us) & (LOANS.c.until_us > loan.from_us)
        others = select(LOANS.c.loan_id).where(LOANS.c.asset_id == loan.asset_id, LOANS.c.loan_id != loan.loan_id)
        if self._connection.execute(others.where(overlapping).limit(1)).one_or_none() is not None:
            raise Conflict("is_lent_then", device=loan.asset_id, field="from")
