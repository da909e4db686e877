"""The alarm book."""

from collections.abc import Collection, Sequence
from typing import Protocol

from devices.alarms import Alarm
from devices.ports.paging import Page


class Alarms(Protocol):
    """Raised alarms, open and past."""

    def open_of(self, asset_ids: Collection[str]) -> Sequence[Alarm]:
        """Alarms of the given assets that are not cleared."""

    def add(self, alarms: Sequence[Alarm]) -> None:
        """Record newly raised alarms."""

    def clear(self, alarm_ids: Collection[str], at_us: int) -> None:
        """Mark as ended."""

    def get(self, alarm_id: str) -> Alarm:
        """Raises NotFound."""

    def acknowledge(self, alarm_id: str, by: str, at_us: int, comment: str | None) -> Alarm:
        """Mark as seen by somebody. Raises NotFound."""

    def find(
        self,
        *,
        tenant_ids: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
        also: Collection[str] = (),
        asset_id: str | None = None,
        only_open: bool = False,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Alarm]:
        """Newest first; `also` names assets that pass although their kind does not."""
