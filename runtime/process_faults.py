"""What the supervisor knows of programs in trouble: a file beside the data, for readiness and doctor."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from application.health.faults import SystemFault
from application.ports.heartbeats import Heartbeat
from devices.time_us import rfc3339
from runtime.private_file import replace_private_file

FILE: Final = "processes.json"
PART: Final = "process"


@dataclass(frozen=True, slots=True)
class ProcessFault:
    """One program that keeps dying, or whose open files run short.

    `last_words`: its own, or the end of its log, for who runs the machine.
    """

    name: str
    since_us: int
    deaths: int
    why: str
    last_words: str
    fault: SystemFault = SystemFault.PROCESS_DIES

    @property
    def said(self) -> str:
        """One line without its last words: anybody may see it."""
        if self.fault is SystemFault.FILES_SHORT:
            return f"{self.why} since {rfc3339(self.since_us)}"
        return f"ended {self.deaths} times since {rfc3339(self.since_us)}, at last: {self.why}"


def write_process_faults(path: Path, faults: Sequence[ProcessFault]) -> None:
    """Replace the file at once; without faults there is none. Raises OSError."""
    if not faults:
        path.unlink(missing_ok=True)
        return
    replace_private_file(path, json.dumps([asdict(fault) for fault in faults]))


def read_process_faults(path: Path) -> list[ProcessFault]:
    """What was written last; nothing where no supervisor has anything to say."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return [ProcessFault(**{**each, "fault": SystemFault(each["fault"])}) for each in found]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def process_heartbeats(path: Path, now_us: int) -> list[Heartbeat]:
    """The same as words of parts, for `application.health.assessment.assess_health`."""
    return [
        Heartbeat(
            f"{PART}/{fault.name}",
            now_us,
            ok=False,
            last_success_us=None,
            detail={"fault": fault.fault, "text": fault.said},
        )
        for fault in read_process_faults(path)
    ]
