"""The end of a process in which something hangs: loud, at once, whatever its threads wait for."""

import faulthandler
import os
import sys
from collections.abc import Callable
from typing import Final, NoReturn

import structlog

from runtime.liveness import LifeSigns

EXIT_CODE: Final = 1
LOOKS: Final = 5
log = structlog.get_logger()


class HangWatchdog:
    """Looked at twice a second by the main thread."""

    def __init__(self) -> None:
        self._seen = 0

    def end_when_hanging(self, what: str | None, before: Callable[[], None] | None = None) -> None:
        """End the process when something hangs at `LOOKS` looks in a row.

        One look is not enough: who was frozen himself finds everybody else late at first.
        """
        self._seen = 0 if what is None else self._seen + 1
        if what is not None and self._seen >= LOOKS:
            end_at_once(what, before)


def end_at_once(what: str, before: Callable[[], None] | None = None) -> NoReturn:
    """Say what hangs, print where every thread stands, and end; the supervisor starts the program again.

    Nothing is stopped in good order, as that could hang too; the journal holds what is under way, as after a kill.
    """
    log.error("hangs", what=what)
    LifeSigns().end(f"hangs: {what}")
    faulthandler.dump_traceback(sys.stderr, all_threads=True)
    if before is not None:
        before()
    sys.stderr.flush()
    os._exit(EXIT_CODE)
