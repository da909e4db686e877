"""Commands and cancellations as rows of the registry; the gateway's dispatcher carries them out.

Whoever may ask is asked before: see `issue_command`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import uuid4

from application.commands.command_changes import command_changes
from application.commands.command_request import CommandRequest
from application.lending import Lent, asset_ownerships
from application.ports.changes import ChangeFeed
from application.ports.commands import CommandRepository
from application.ports.inventory import Asset, AssetGroup, AssetRepository
from application.ports.latest_values import LatestValues
from application.ports.registry import RegistryTransaction
from devices.commands.command import Command, DeliveryState, EffectState
from devices.commands.lifecycle import mark_undeliverable
from devices.commands.wire import ack_spread_s
from devices.errors import Conflict, IdempotencyMismatch, Invalid
from devices.kind import DeviceKind
from devices.messages import CommandBody, InfoMessage
from devices.time_us import DAY_US, SECOND_US

START_AHEAD_MAX_US: Final = DAY_US
"""What shall begin later belongs into a calendar."""


@dataclass(frozen=True, slots=True)
class CommandOrigin:
    """Who asks for a command, and when."""

    issuer: str
    """As people read it; the command is signed with it."""
    now_us: int


@dataclass(frozen=True, slots=True)
class _Order:
    """A request that its kind can carry out, with what it comes to."""

    target: str
    request: CommandRequest
    origin: CommandOrigin
    body: type[CommandBody]
    arguments: Mapping[str, Any]

    @property
    def begin_us(self) -> int:
        return self.origin.now_us if self.request.start_us is None else self.request.start_us


def file_command(
    tx: RegistryTransaction,
    catalog: Mapping[str, DeviceKind],
    asset: Asset,
    request: CommandRequest,
    origin: CommandOrigin,
) -> Command:
    """File a command to one asset. Raises Invalid (with field), Conflict (retired, no device), IdempotencyMismatch.

    It is the command of the town that has the asset now.
    """
    order, earlier = _order(tx, catalog[asset.kind], asset.asset_id, request, origin)
    if earlier:
        return earlier[0]
    if asset.retired_us is not None:
        raise Conflict("is_retired", device=asset.asset_id)
    if asset.asset_id not in tx.get(AssetRepository).current_devices([asset.asset_id]):
        raise Conflict("no_device_bound_to", device=asset.asset_id)
    if not _heard(tx, order, [asset]):
        raise Conflict("is_not_online", device=asset.asset_id)
    window_us = _delivery_window_us(tx, [asset.asset_id])
    tenant_id = asset_ownerships(tx, [asset])[asset.asset_id].at(origin.now_us)
    command = replace(_command(order, asset, window_us), tenant_id=tenant_id)
    _file(tx, [command], order)
    return command


def file_group_command(
    tx: RegistryTransaction,
    catalog: Mapping[str, DeviceKind],
    group: AssetGroup,
    request: CommandRequest,
    origin: CommandOrigin,
) -> Sequence[Command]:
    """File one command per member under one wire id; members without a device are `undeliverable` from the start.

    Retired members are left out. Raises Invalid (with field), IdempotencyMismatch, Conflict (nobody to send to), Lent.
    """
    order, earlier = _order(tx, catalog[group.kind], group.group_id, request, origin)
    if earlier:
        return earlier
    inventory = tx.get(AssetRepository)
    assets = [a for a in inventory.many(group.members).values() if a.retired_us is None]
    _refuse_lent(tx, assets, origin.now_us)
    bound = inventory.current_devices([a.asset_id for a in assets])
    if not bound:
        raise Conflict("group_has_no_device", group=group.group_id)
    reached = _heard(tx, order, assets) & set(bound)
    window_us = _delivery_window_us(tx, bound) + int(2 * ack_spread_s(len(bound)) * SECOND_US)
    first = replace(_command(order, assets[0], window_us), group_id=group.group_id)
    commands = [_member(first, asset, bound, reached) for asset in assets]
    _file(tx, commands, order)
    return commands


def request_cancellation(tx: RegistryTransaction, command_id: str, now_us: int) -> Command:
    """Ask that a command be cancelled. Raises NotFound, Conflict when there is nothing left to cancel."""
    command = tx.get(CommandRepository).request_cancel(command_id, now_us)
    tx.get(ChangeFeed).add(command_changes([command], now_us))
    return command


def cancel_group(tx: RegistryTransaction, wire_id: str, now_us: int) -> Sequence[Command]:
    """Ask that a group command be cancelled for every member it may still concern. Raises Conflict when for none."""
    commands = tx.get(CommandRepository)
    open_ids = [c.command_id for c in commands.by_wire_id(wire_id) if _may_be_cancelled(c)]
    if not open_ids:
        raise Conflict("nothing_left_to_cancel")
    cancelled = [commands.request_cancel(command_id, now_us) for command_id in open_ids]
    tx.get(ChangeFeed).add(command_changes(cancelled, now_us))
    return cancelled


def _refuse_lent(tx: RegistryTransaction, assets: Sequence[Asset], now_us: int) -> None:
    """All members hear what a group is told, so that none may be in other hands."""
    lent = [asset_id for asset_id, owned in asset_ownerships(tx, assets).items() if owned.loan_at(now_us)]
    if lent:
        raise Lent("lent_members", devices=sorted(lent))


def _may_be_cancelled(command: Command) -> bool:
    return not command.delivery.final or command.effect in {EffectState.PENDING, EffectState.IN_FORCE}


def _order(
    tx: RegistryTransaction, kind: DeviceKind, target: str, request: CommandRequest, origin: CommandOrigin
) -> tuple[_Order, Sequence[Command]]:
    """Check what can be checked of it alone; returns also what was filed for the same request before."""
    body = kind.command(request.name)
    if body is None:
        raise Invalid("no_such_command", kind=kind.name, command=request.name, field="name")
    arguments = request.checked_arguments(body)
    key = request.idempotency_key
    filed = None if key is None else tx.get(CommandRepository).by_idempotency_key(origin.issuer, key)
    # Durations count from the first request, so that its repetition asks for the same.
    asked = request.with_instants(filed[1][0].issued_us if filed and filed[1] else origin.now_us)
    if filed is not None and filed[0] != asked.digest(target):
        raise IdempotencyMismatch
    return _Order(target, asked, origin, body, arguments), filed[1] if filed else ()


def _file(tx: RegistryTransaction, commands: Sequence[Command], order: _Order) -> None:
    tx.get(CommandRepository).add(commands, order.request.idempotency_key, order.request.digest(order.target))
    tx.get(ChangeFeed).add(command_changes(commands, order.origin.now_us))


def _heard(tx: RegistryTransaction, order: _Order, assets: Sequence[Asset]) -> set[str]:
    """Those to whom the command may go now: all, or those that are online and were heard just now."""
    asked = {a.asset_id for a in assets}
    within_s = order.body.HEARD_WITHIN_S
    if within_s is None:
        return asked
    rows = tx.get(LatestValues).of_assets(asked)
    online = {r.asset_id for r in rows if r.channel == "status" and r.values.get("state") == "online"}
    since_us = order.origin.now_us - int(within_s * SECOND_US)
    return online & {r.asset_id for r in rows if r.received_us >= since_us}


def _delivery_window_us(tx: RegistryTransaction, asset_ids: Collection[str]) -> int:
    """Longest delivery window that the devices of these assets announced."""
    default = float(InfoMessage.model_fields["delivery_window_s"].default)
    infos = [row.values for row in tx.get(LatestValues).of_assets(asset_ids) if row.channel == "info"]
    told = [info.get("delivery_window_s", default) for info in infos]
    return int(max((t for t in told if isinstance(t, int | float)), default=default) * SECOND_US)


def _command(order: _Order, asset: Asset, window_us: int) -> Command:
    request, body, now_us = order.request, order.body, order.origin.now_us
    longest_us = int(body.DELIVERY_MAX_S * SECOND_US)
    _check_times(order, longest_us)
    until_us = _until(order)
    deliver_by_us = request.deliver_by_us
    if deliver_by_us is None:
        window_us = min(window_us, longest_us)
        deliver_by_us = min(order.begin_us + window_us, until_us or order.begin_us + window_us)
    if until_us is not None and deliver_by_us > until_us:
        raise Invalid("effect_over_before", field="deliver_by")
    command_id = str(uuid4())
    return Command(
        command_id=command_id,
        wire_id=command_id,
        tenant_id=asset.tenant_id,
        kind=asset.kind,
        asset_id=asset.asset_id,
        group_id=None,
        name=request.name,
        arguments=order.arguments,
        issuer=order.origin.issuer,
        reason=request.reason,
        issued_us=now_us,
        deliver_by_us=deliver_by_us,
        start_us=request.start_us,
        until_us=until_us,
        effect=EffectState.PENDING if body.HAS_EFFECT else EffectState.NONE,
        history=({"at_us": now_us, "delivery": DeliveryState.QUEUED.value},),
    )


def _member(first: Command, asset: Asset, bound: Collection[str], reached: Collection[str]) -> Command:
    command = replace(first, command_id=str(uuid4()), asset_id=asset.asset_id, tenant_id=asset.tenant_id)
    if asset.asset_id in reached:
        return command
    reason = "the device is not online" if asset.asset_id in bound else "no device is bound"
    return mark_undeliverable(command, command.issued_us, reason)


def _check_times(order: _Order, longest_us: int) -> None:
    request, now_us = order.request, order.origin.now_us
    if request.start_us is not None:
        if request.start_us <= now_us:
            raise Invalid("in_the_past", field="start_at")
        if request.start_us > now_us + START_AHEAD_MAX_US:
            raise Invalid("hours_ahead", most=24, field="start_at")
    if request.deliver_by_us is not None:
        if request.deliver_by_us <= now_us:
            raise Invalid("in_the_past", field="deliver_by")
        if request.deliver_by_us > order.begin_us + longest_us:
            raise Invalid("seconds_ahead", most=longest_us / SECOND_US, field="deliver_by")


def _until(order: _Order) -> int | None:
    body, until_us = order.body, order.request.until_us
    if not body.HAS_EFFECT:
        if until_us is not None:
            raise Invalid("no_lasting_effect", command=body.NAME, field="until")
        return None
    if until_us is None:
        return order.begin_us + int(body.DEFAULT_EFFECT_S * SECOND_US)
    if until_us <= order.begin_us:
        raise Invalid("before_effect", field="until")
    if until_us > order.begin_us + int(body.MAX_EFFECT_S * SECOND_US):
        raise Invalid("longest_effect", command=body.NAME, hours=body.MAX_EFFECT_S / 3600, field="until")
    return until_us
