"""A kind with a lasting command, one that ends it, and one without effect."""

from typing import Annotated, ClassVar, Final

from pydantic import Field

from devices.commands.command import Command, DeliveryState, EffectState
from devices.kind import DeviceKind
from devices.messages import CommandBody, StateMessage, TelemetryMessage
from devices.time_us import SECOND_US

T0: Final = 1_760_000_000 * SECOND_US


class Shine(CommandBody):
    NAME: ClassVar[str] = "shine"
    HAS_EFFECT: ClassVar[bool] = True
    EFFECT_CLASS: ClassVar[str] = "light"
    SCOPE: ClassVar[str] = "toys:shine"

    level_pct: Annotated[float, Field(ge=0, le=100)]


class Relax(CommandBody):
    NAME: ClassVar[str] = "relax"
    EFFECT_CLASS: ClassVar[str] = "light"
    SCOPE: ClassVar[str] = "toys:shine"


class Report(CommandBody):
    NAME: ClassVar[str] = "report"
    SCOPE: ClassVar[str] = "toys:read"


TOY: Final = DeviceKind(
    name="toy", title="Toy", telemetry=TelemetryMessage, state=StateMessage, commands=(Shine, Relax, Report)
)
CATALOG: Final = {"toy": TOY}


def shine(number: int = 1, **changes: object) -> Command:
    """A queued command with an effect of an hour, deliverable for 10 s."""
    fields: dict[str, object] = {
        "command_id": f"c{number}",
        "wire_id": f"c{number}",
        "tenant_id": "kl",
        "kind": "toy",
        "asset_id": "a1",
        "group_id": None,
        "name": "shine",
        "arguments": {"level_pct": 40.0},
        "issuer": "tester",
        "reason": "",
        "issued_us": T0 + number,
        "deliver_by_us": T0 + 10 * SECOND_US,
        "until_us": T0 + 3600 * SECOND_US,
        "effect": EffectState.PENDING,
        "history": ({"at_us": T0, "delivery": DeliveryState.QUEUED.value},),
    }
    return Command(**(fields | changes))  # type: ignore[arg-type]


def report(number: int = 1, **changes: object) -> Command:
    """A queued command without effect."""
    return shine(
        number, **({"name": "report", "arguments": {}, "until_us": None, "effect": EffectState.NONE} | changes)
    )
