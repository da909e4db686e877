"""Which devices listen now, and when each open command is tried again within one stretch of wakefulness."""

from dataclasses import dataclass, field
from typing import Final

from devices.time_us import SECOND_US
from gateway.dispatch.open_commands import OpenCommands

AWAKE_US: Final = 10 * SECOND_US
"""So long after its last sign of life a device is taken to listen; whoever was silent longer may have slept."""
FIRST_US: Final = SECOND_US
LONGEST_US: Final = 32 * SECOND_US


@dataclass(slots=True)
class AwakeDevices:
    """Forgotten at a restart; then the first sign of life begins a stretch."""

    _heard_us: dict[str, int] = field(default_factory=dict)
    """Last sign of life by asset, of assets with open commands."""
    _tries: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Tries in the present stretch and the instant of the last, by command."""

    def hear(self, asset_id: str, at_us: int, away_us: int) -> bool:
        """Take a sign of life; tells whether a stretch begins. `away_us`: when it said that it goes, else 0."""
        before = self._heard_us.get(asset_id)
        self._heard_us[asset_id] = max(at_us, before or 0)
        return before is None or at_us - before > AWAKE_US or before <= away_us < at_us

    def listens(self, asset_id: str, since_us: int, now_us: int) -> bool:
        """Tell whether it was heard just now, and after `since_us`."""
        heard_us = self._heard_us.get(asset_id)
        return heard_us is not None and since_us < heard_us and now_us - heard_us <= AWAKE_US

    def sent_since(self, command_id: str, at_us: int) -> bool:
        """Tell whether the command was tried since then."""
        return self._tries.get(command_id, (0, -1))[1] >= at_us

    def sent(self, command_id: str, until_us: int) -> None:
        """Note a try of many at once, whose answers may take until then."""
        self._tries[command_id] = (1, until_us)

    def begin(self, command_id: str) -> None:
        """Count the tries of a command anew, as its device begins to listen."""
        if command_id in self._tries:
            self._tries[command_id] = (0, self._tries[command_id][1])

    def tried(self, command_id: str, asset_id: str, now_us: int) -> int | None:
        """Count a try; when to try again (1 s, 2 s, 4 s … 32 s later), or None where the device was never heard."""
        tries = self._tries.get(command_id, (0, 0))[0] + 1
        self._tries[command_id] = (tries, now_us)
        if asset_id not in self._heard_us:
            return None
        return now_us + min(FIRST_US << min(tries - 1, 8), LONGEST_US)

    def keep(self, view: OpenCommands) -> None:
        """Forget what has no open command, once there is more of that than of the rest."""
        if len(self._tries) > 2 * len(view.commands) + 100:
            self._tries = {c: tried for c, tried in self._tries.items() if c in view.commands}
        if len(self._heard_us) > 2 * len(view.commands) + 100:
            self._heard_us = {a: at for a, at in self._heard_us.items() if view.knows(a)}
