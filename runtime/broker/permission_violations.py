"""Reads in nats-server's log what devices wanted and may not: it tells nobody else."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from application.device_authentication import RefusalReason

_LINE: Final = re.compile(
    r'\[ERR\] (?P<address>\S+) - mid:(?P<connection>\d+) - (?P<client_id>"[^"]*")?.*?'
    r'(?P<what>Publish|Subscription) Violation - .*?Subject "(?P<subject>[^"]*)"'
)
_FULL: Final = re.compile(
    r'\[ERR\] (?P<address>\S+) - mid:(?P<connection>\d+) - (?P<client_id>"[^"]*")?.*?(?:(?P<own>maximum subscriptions '
    r'exceeded)|Unable to add JetStream consumer for subscription on "(?P<subject>[^"]*)")',
    re.IGNORECASE,
)
"""The first is the bound of one connection, the second that of the broker in all."""
_MOST_BYTES: Final = 4_194_304
_REASON: Final = {"Publish": RefusalReason.PUBLISH, "Subscription": RefusalReason.SUBSCRIBE}


@dataclass(frozen=True, slots=True)
class PermissionViolation:
    """A device wanted what it may not; `connection` is the broker's number of it."""

    reason: RefusalReason
    connection: int
    client_id: str
    subject: str
    address: str
    broker_full: bool = False
    """Refused for want of room at the broker, not of a right: others are refused, too."""


class LogTail:
    """Gives what was added to a log since the last look; of a flood only the last 4 MB."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = path.stat().st_size if path.exists() else 0

    def violations(self) -> Iterator[PermissionViolation]:
        """Violations in lines that are complete."""
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return
        if size < self._read:
            self._read = 0
        start = max(self._read, size - _MOST_BYTES)
        with self._path.open("rb") as file:
            file.seek(start)
            text = file.read(size - start)
        complete = text[: text.rfind(b"\n") + 1]
        self._read = start + len(complete)
        for line in complete.decode(errors="replace").splitlines():
            if full := _FULL.search(line):
                yield PermissionViolation(
                    reason=RefusalReason.SUBSCRIPTIONS,
                    connection=int(full["connection"]),
                    client_id=(full["client_id"] or '""')[1:-1],
                    subject=full["subject"] or "",
                    address=full["address"].rpartition(":")[0],
                    broker_full=full["own"] is None,
                )
            elif found := _LINE.search(line):
                yield PermissionViolation(
                    reason=_REASON[found["what"]],
                    connection=int(found["connection"]),
                    client_id=(found["client_id"] or '""')[1:-1],
                    subject=found["subject"],
                    address=found["address"].rpartition(":")[0],
                )
