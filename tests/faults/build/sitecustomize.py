"""Makes a test build of whatever Python starts with this folder on its path: it breaks at named points when told to.

`LAUTERN_TEST_FAULTS` names a file with one line `POINT ACTION [NTH [SECONDS]]`; without the file nothing happens. The
program itself knows nothing of this. Each fault that took place is added to the file of that name with `.took_place`.
"""

import functools
import importlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from devices.errors import JournalUnavailable

POINTS: Final = {
    "journal.before_commit": ("storage.journal.sqlite_journal", "SqliteJournalWriter", "append", "before"),
    "journal.after_commit": ("storage.journal.sqlite_journal", "SqliteJournalWriter", "append", "after"),
    "acknowledge.after": ("gateway.mqtt.connection", "MqttConnection", "acknowledge", "after"),
    "identity.before_commit": ("storage.journal.sqlite_dedup_index", "SqliteDedupIndex", "put_verdicts", "after"),
    "effects.before": ("gateway.effects.effects_transaction", "EffectsTransaction", "__call__", "before"),
    "effects.before_commit": ("gateway.effects.effects_transaction", "EffectsTransaction", "_apply", "after"),
    "effects.after_commit": ("gateway.effects.effects_transaction", "EffectsTransaction", "__call__", "after"),
    "store.before_write": ("gateway.store_cursor", "StoreCursor", "_write", "before"),
    "store.after_write": ("gateway.store_cursor", "StoreCursor", "_write", "after"),
    "store.post": ("storage.telemetry.influx_http", "InfluxHttp", "write", "before"),
    "store.posted": ("storage.telemetry.influx_http", "InfluxHttp", "write", "after"),
    "message": ("gateway.mqtt.connection", "MqttConnection", "_receive", "before"),
    "dispatch": ("gateway.dispatch.command_dispatcher", "CommandDispatcher", "dispatch_due", "before"),
    "rules": ("gateway.effects.rule_engine", "RuleEngine", "evaluate_rules", "before"),
    "heartbeat": ("gateway.heartbeats", "HeartbeatWriter", "write_heartbeats", "before"),
    "canary": ("gateway.canary", "Canary", "publish_and_check", "before"),
    "release": ("gateway.journal_lane", "JournalLane", "release", "before"),
}
"""Module, class, method, and on which side of it. `_write` of the store cursor counts only when it has samples."""


class InjectedFault(Exception):
    """Nothing is wrong but that a test asked for it."""


class Fault:
    """What the file asks for; looked at again at each passage, so that a fault can begin and end while running."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._passed: dict[str, int] = {}

    def reached(self, point: str) -> None:
        """Act when the file names this point and its time has come."""
        try:
            asked, action, *more = self._path.read_text().split()
        except (FileNotFoundError, ValueError):
            return
        if asked != point:
            return
        passed = self._passed[point] = self._passed.get(point, 0) + 1
        nth = int(more[0]) if more else 1
        if passed < nth or (action in {"kill", "raise"} and passed > nth):
            return
        with self._path.with_name(self._path.name + ".took_place").open("a") as marks:
            marks.write(f"{point} {action} {os.getpid()}\n")
        self._act(action, float(more[1]) if len(more) > 1 else 0.0)

    @staticmethod
    def _act(action: str, seconds: float) -> None:
        if action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif action == "raise":
            raise InjectedFault
        elif action == "refuse":
            raise JournalUnavailable("asked for")
        elif action == "sleep":
            time.sleep(seconds)
        else:
            time.sleep(86_400)


def arm(fault: Fault) -> None:
    """Wrap the method of each point. Raises when the program no longer has one: the suite would prove nothing."""
    for point, (module, class_name, method, side) in POINTS.items():
        owner = getattr(importlib.import_module(module), class_name)
        setattr(owner, method, _wrapped(getattr(owner, method), fault, point, side))


def _wrapped(method: Callable[..., Any], fault: Fault, point: str, side: str) -> Callable[..., Any]:
    @functools.wraps(method)
    def wrapper(*arguments: Any, **named: Any) -> Any:
        idle = point.startswith("store.") and not arguments[-1]
        if side == "before" and not idle:
            fault.reached(point)
        result = method(*arguments, **named)
        if side == "after" and not idle:
            fault.reached(point)
        return result

    return wrapper


def _is_gateway() -> bool:
    return {"runtime.gateway_role", "runtime.receiver_role"} & set(sys.orig_argv) != set()


if os.environ.get("LAUTERN_TEST_FAULTS") and _is_gateway():
    arm(Fault(Path(os.environ["LAUTERN_TEST_FAULTS"])))
