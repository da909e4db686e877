"""Which command ends the effect of which; the kinds' command bodies decide."""

from collections.abc import Iterable, Mapping

from devices.commands.command import Command, DeliveryState
from devices.commands.lifecycle import command_order
from devices.kind import DeviceKind

_UNDER_WAY = frozenset({DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.ACCEPTED, DeliveryState.APPLIED})


def ends_effect_of(catalog: Mapping[str, DeviceKind], later: Command, earlier: Command) -> bool:
    """Tell whether `later`, once applied, ends the effect of `earlier` on the same asset."""
    if (
        later.command_id == earlier.command_id
        or later.asset_id != earlier.asset_id
        or command_order(later) < command_order(earlier)
    ):
        return False
    kind = catalog[later.kind]
    new, old = kind.command(later.name), kind.command(earlier.name)
    if new is None or old is None:
        return False
    return new.model_validate(dict(later.arguments)).replaces(old.model_validate(dict(earlier.arguments)))


def held_back(catalog: Mapping[str, DeviceKind], command: Command, others: Iterable[Command], now_us: int) -> bool:
    """Tell whether sending `command` (again) could undo a later one that is under way to the same asset."""
    return any(
        other.delivery in _UNDER_WAY
        and other.cancel_requested_us is None
        and (other.start_us is None or other.start_us <= now_us)
        and ends_effect_of(catalog, other, command)
        for other in others
    )
