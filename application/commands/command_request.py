"""A command as it is asked for: one form for the API, the command line and whoever else asks."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from devices.errors import Invalid
from devices.messages import CommandBody
from devices.time_us import SECOND_US
from devices.wording.validation import invalid_body


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """What is asked of a device or a group; instants are µs since 1970."""

    name: str
    arguments: Mapping[str, Any] | CommandBody
    """As given, or already the body that the kind declares."""
    reason: str = ""
    deliver_by_us: int | None = None
    """After this it is not delivered any more; None: as the devices announced."""
    deliver_within_s: float | None = None
    """The same from now or from `start_us`."""
    start_us: int | None = None
    until_us: int | None = None
    """End of the effect, for commands that have a lasting one."""
    duration_s: float | None = None
    """The same from now or from `start_us`."""
    idempotency_key: str | None = None
    """The same request under the same key gives the same command."""

    def given_arguments(self) -> dict[str, Any]:
        """The arguments as they were given."""
        if isinstance(self.arguments, CommandBody):
            return self.arguments.model_dump(mode="json", exclude_unset=True)
        return dict(self.arguments)

    def checked_arguments(self, body: type[CommandBody]) -> Mapping[str, Any]:
        """Return the arguments as the kind's command takes them. Raises SeveralInvalid."""
        try:
            found = self.arguments if isinstance(self.arguments, body) else body.model_validate(self.given_arguments())
        except ValidationError as error:
            raise invalid_body(error, "arguments") from error
        return found.model_dump(mode="json", exclude_none=True)

    def with_instants(self, base_us: int) -> "CommandRequest":
        """Return the same with durations, counted from `base_us` or its own start, as instants. Raises Invalid."""
        begin_us = base_us if self.start_us is None else self.start_us
        return replace(
            self,
            deliver_by_us=_either(
                "deliver_by", self.deliver_by_us, "deliver_within_s", self.deliver_within_s, begin_us
            ),
            deliver_within_s=None,
            until_us=_either("until", self.until_us, "duration_s", self.duration_s, begin_us),
            duration_s=None,
        )

    def digest(self, target: str) -> str:
        """What tells this request to a target from others; see `with_instants` first."""
        times = [self.deliver_by_us, self.start_us, self.until_us]
        asked = [target, self.name, self.given_arguments(), self.reason, times]
        return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()


def _either(field: str, instant_us: int | None, other: str, seconds: float | None, begin_us: int) -> int | None:
    if seconds is None:
        return instant_us
    if instant_us is not None:
        raise Invalid("this_or_other", other=other, field=field)
    return begin_us + round(seconds * SECOND_US)
