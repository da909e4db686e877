"""Commands in the registry: the API files requests, the gateway records progress."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from application.ports.paging import ResultPage
from devices.commands.command import Command


class CommandRepository(Protocol):
    """All commands ever issued."""

    def add(self, commands: Sequence[Command], idempotency_key: str | None = None, request_digest: str = "") -> None:
        """File new commands; the issuer's key is kept 24 h with the digest. Raises Conflict when an id exists."""

    def by_idempotency_key(self, issuer: str, key: str) -> tuple[str, Sequence[Command]] | None:
        """Digest and commands filed under the key, or None."""

    def get(self, command_id: str) -> Command:
        """Raises NotFound."""

    def by_wire_id(self, wire_id: str) -> Sequence[Command]:
        """All member commands of a group command, or the one."""

    def awaiting(self, limit: int = 5000) -> Sequence[Command]:
        """Commands that are not final, have an effect pending or in force, or a cancellation to send; oldest first."""

    def by_wire_ids_of(self, keys: Collection[tuple[str, str]], *, lock: bool = False) -> Sequence[Command]:
        """Commands by (wire_id, asset_id). `lock`: nobody else changes them before this write transaction ends."""

    def count_by_delivery(self, since_us: int) -> Mapping[str, int]:
        """Number of commands issued since then, by delivery state; states without any are absent."""

    def in_force(self, asset_ids: Collection[str], *, lock: bool = False) -> Sequence[Command]:
        """Commands whose effect is pending or in force; `lock` as above."""

    def record(self, commands: Sequence[Command]) -> None:
        """Replace the progress columns (delivery, effect, answer, attempts, instants, history)."""

    def request_cancel(self, command_id: str, at_us: int) -> Command:
        """Ask the dispatcher to cancel. Raises NotFound, Conflict when there is nothing left to cancel."""

    def find(
        self,
        *,
        tenant_ids: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
        also: Collection[str] = (),
        asset_id: str | None = None,
        group_id: str | None = None,
        delivery: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> ResultPage[Command]:
        """Newest first; `also` names assets that pass although their kind does not."""
