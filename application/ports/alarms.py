"""The alarm book."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from application.ports.paging import ResultPage
from devices.alarms import Alarm, AlarmNote
from devices.messages import EventSeverity


class AlarmRepository(Protocol):
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

    def shelve(self, alarm_id: str, until_us: int | None, note: AlarmNote) -> Alarm:
        """Put aside until an instant, or with None take back. Raises NotFound."""

    def note(self, alarm_id: str, note: AlarmNote) -> Alarm:
        """Add what somebody says; of many the newest 100 stay. Raises NotFound."""

    def worst_of_open(
        self,
        now_us: int,
        *,
        tenant_ids: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
        also: Collection[str] = (),
    ) -> Mapping[str, tuple[EventSeverity, int]]:
        """Gravest severity and number of the open alarms not shelved, by asset."""

    def find(
        self,
        *,
        tenant_ids: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
        also: Collection[str] = (),
        asset_id: str | None = None,
        only_open: bool = False,
        shelved: bool | None = None,
        now_us: int = 0,
        limit: int = 100,
        cursor: str | None = None,
    ) -> ResultPage[Alarm]:
        """Newest first; `also` names assets that pass although their kind does not.

        `shelved` True or False: only those that are put aside at `now_us`, or only the others.
        """
