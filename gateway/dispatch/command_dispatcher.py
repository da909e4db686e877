"""Sends commands and cancellations to devices and sees that each reaches a final state in time."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from application.commands.command_changes import command_changes
from application.ports.changes import ChangeFeed
from application.ports.commands import CommandRepository
from application.ports.registry import Registry, RegistryTransaction
from devices.commands import lifecycle
from devices.commands.command import Command, DeliveryState
from devices.commands.supersession import held_back
from devices.kind import DeviceKind
from devices.messages import AWAY
from devices.topics import ROOT
from gateway.dispatch import send_plan
from gateway.dispatch.awake_devices import FIRST_US, AwakeDevices
from gateway.dispatch.cancellations import CancellationSender
from gateway.dispatch.device_addresses import DeviceAddress, device_addresses
from gateway.dispatch.mqtt_publisher import MqttPublisher
from gateway.dispatch.open_commands import OpenCommands
from gateway.dispatch.send_plan import OutgoingMessage
from gateway.dispatch.send_rate import SendRate
from gateway.dispatch.signs_of_life import LifeSignListener

PUBLISHES_PER_STEP: Final = 200
QOS: Final = 1
RETAINED: Final = False
"""A retained command would be executed again at every return of the device."""
_AWAY: Final = frozenset({*AWAY, "sleeping"})


class CommandDispatcher:
    """`dispatch_due` is called every 100 ms from one thread. All it must not forget is in the registry.

    An attempt is committed before it is made, so that after a crash nothing counts as never sent that may have left.
    Devices subscribe with QoS 0, so that the broker keeps nothing for who is away: what is open goes out again at each
    sign of life of its device.
    """

    def __init__(
        self,
        registry: Registry,
        catalog: Mapping[str, DeviceKind],
        publisher: MqttPublisher,
        *,
        root: str = ROOT,
        signs: LifeSignListener | None = None,
        group_retries_per_s: float = 50,
    ) -> None:
        self._registry = registry
        self._catalog = catalog
        self._publisher = publisher
        self._root = root
        self._view = OpenCommands()
        self._signs = signs or LifeSignListener()
        self._wakefulness = AwakeDevices()
        self._pace = SendRate(group_retries_per_s)
        self._cancelling = CancellationSender(root)
        self._in_flight: dict[int, tuple[str, ...]] = {}
        self._confirmed: set[str] = set()
        self._again: set[str] = set()

    def dispatch_due(self, now_us: int) -> None:
        """Do all that is due. Raises RegistryUnavailable: nothing is lost, call again."""
        with self._registry.read() as tx:
            self._view.refresh(tx, now_us)
        self._poll()
        self._note_returned()
        self._note_signs(now_us)
        awake = self._view.awake(now_us)
        due = self._due(awake, now_us) if self._publisher.connected() else []
        late = [c for c in awake if (end := lifecycle.deadline_us(c)) is not None and end < now_us]
        if due or late or self._confirmed:
            self._advance(due, late, now_us)
        if self._publisher.connected():
            self._cancel(awake, now_us)

    def _poll(self) -> None:
        """Ask which publishes the broker has; what was lost with its connection goes out again."""
        for token, command_ids in list(self._in_flight.items()):
            answer = self._publisher.acknowledged(token)
            if answer is None:
                continue
            del self._in_flight[token]
            (self._confirmed if answer else self._again).update(command_ids)

    def _note_returned(self) -> None:
        """What was sent to a device that connected anew is repeated at once: it may have been lost with its power."""
        for asset_id, since_us in self._view.came_online.items():
            self._send_again([c for c in self._view.of_asset(asset_id) if c.attempts > 0], since_us)
            self._cancelling.hurry(self._view.of_asset(asset_id))
        self._view.came_online.clear()
        self._again &= self._view.commands.keys()

    def _note_signs(self, now_us: int) -> None:
        """What is open goes out again as its device begins to listen, whatever the broker last said of it."""
        for asset_id, at_us in self._signs.drain().items():
            if not self._view.knows(asset_id):
                continue
            away = self._view.status(asset_id) in _AWAY
            if self._wakefulness.hear(asset_id, at_us, self._view.since_us(asset_id) if away else 0):
                commands = self._view.of_asset(asset_id)
                self._send_again([c for c in commands if send_plan.is_repeatable(c, now_us)], at_us - FIRST_US)
                self._cancelling.hurry(commands)
        self._wakefulness.keep(self._view)

    def _send_again(self, commands: Iterable[Command], unless_since_us: int) -> None:
        for command in commands:
            if not self._wakefulness.sent_since(command.command_id, unless_since_us):
                self._wakefulness.begin(command.command_id)
                self._again.add(command.command_id)

    def _status(self, asset_id: str, now_us: int) -> str:
        """What the device last said of its connection, unless it was heard since."""
        status = self._view.status(asset_id)
        heard = status in _AWAY and self._wakefulness.listens(asset_id, self._view.since_us(asset_id), now_us)
        return "online" if heard else status

    def _due(self, awake: Iterable[Command], now_us: int) -> list[list[Command]]:
        """Commands to send now: groups of many go out as one message."""
        again = [self._view.commands[i] for i in self._again]
        candidates = {c.command_id: c for c in (*awake, *again) if self._may_go(c, now_us)}
        many, single = send_plan.split_multicasts(candidates.values())
        paced = [c for c in single if c.group_id is not None]
        plain = [c for c in single if c.group_id is None]
        go = plain[:PUBLISHES_PER_STEP] + paced[: self._pace.allow(len(paced), now_us)]
        return [self._with_offline(group, now_us) for group in many] + [[c] for c in go]

    def _may_go(self, command: Command, now_us: int) -> bool:
        again = command.command_id in self._again
        if not send_plan.wants_sending(command, self._status(command.asset_id, now_us), now_us, again=again):
            return False
        others = self._view.of_asset(command.asset_id)
        return len(others) == 1 or not held_back(self._catalog, command, others, now_us)

    def _with_offline(self, group: list[Command], now_us: int) -> list[Command]:
        """Add the members that are said to be offline: they may hear it all the same."""
        known = {c.command_id for c in group}
        rest = [
            c
            for c in self._view.awake(now_us)
            if c.wire_id == group[0].wire_id and c.command_id not in known and self._misses_it(c, now_us)
        ]
        return group + rest

    def _misses_it(self, command: Command, now_us: int) -> bool:
        unsent = (
            command.delivery is DeliveryState.QUEUED and command.attempts == 0 and command.cancel_requested_us is None
        )
        return unsent and send_plan.is_offline(self._status(command.asset_id, now_us))

    def _advance(self, due: Sequence[Sequence[Command]], late: Sequence[Command], now_us: int) -> None:
        """Commit what happened and what is about to be sent, then send it."""
        confirmed = [self._view.commands[i] for i in self._confirmed if i in self._view.commands]
        concerned = {(c.wire_id, c.asset_id) for c in (*confirmed, *late, *(c for group in due for c in group))}
        with self._registry.write() as tx:
            fresh = tx.get(CommandRepository).by_wire_ids_of(concerned, lock=True) if concerned else ()
            before = {c.command_id: c for c in fresh}
            now = dict(before)
            for command_id in self._confirmed & now.keys():
                now[command_id] = lifecycle.mark_sent(now[command_id], now_us)
            for command in late:
                status = self._view.status(command.asset_id)
                now[command.command_id] = lifecycle.on_clock(now[command.command_id], now_us, status)
            messages = self._messages(tx, due, now, now_us)
            self._record(tx, before, now, now_us)
        self._confirmed.clear()
        for command in now.values():
            self._view.put(command)
        for message in messages:
            self._publish(message, now_us)

    def _messages(
        self, tx: RegistryTransaction, due: Sequence[Sequence[Command]], now: dict[str, Command], now_us: int
    ) -> list[OutgoingMessage]:
        """Make the messages and count the attempts; what was answered meanwhile is left out."""
        to = device_addresses(tx, {c.asset_id for group in due for c in group}, self._root) if due else {}
        messages: list[OutgoingMessage] = []
        for group in due:
            fresh = [now[c.command_id] for c in group if self._still(now[c.command_id], now_us)]
            for command in fresh:
                if command.asset_id not in to and command.attempts == 0:
                    now[command.command_id] = lifecycle.mark_undeliverable(command, now_us, "no device is bound")
            bound = [c for c in fresh if c.asset_id in to]
            if len(group) > 1:
                messages += self._of_group(bound, to, now_us)
            else:
                messages += [self._to_device(c, to[c.asset_id], now_us) for c in bound]
        for message in messages:
            for command in message.commands:
                now[command.command_id] = lifecycle.count_attempt(command, message.next_us)
        return messages

    def _of_group(
        self, commands: Sequence[Command], to: Mapping[str, DeviceAddress], now_us: int
    ) -> list[OutgoingMessage]:
        """One message for those that hear their group, and each its own for those behind connectors."""
        hearing = [c for c in commands if not to[c.asset_id].through_connector]
        found = [self._to_group(hearing, now_us)] if hearing else []
        behind = [c for c in commands if to[c.asset_id].through_connector]
        awake = [c for c in behind if not send_plan.is_offline(self._status(c.asset_id, now_us))]
        return found + [self._to_device(c, to[c.asset_id], now_us) for c in awake[:PUBLISHES_PER_STEP]]

    def _to_group(self, members: Sequence[Command], now_us: int) -> OutgoingMessage:
        message = send_plan.to_group(members, now_us, self._root)
        for command in members:
            if self._status(command.asset_id, now_us) not in _AWAY:
                self._wakefulness.sent(command.command_id, message.next_us - FIRST_US)
        return message

    def _to_device(self, command: Command, to: DeviceAddress, now_us: int) -> OutgoingMessage:
        next_us = self._wakefulness.tried(command.command_id, command.asset_id, now_us)
        return send_plan.to_device(command, to, now_us, next_us)

    def _still(self, command: Command, now_us: int) -> bool:
        again = command.command_id in self._again
        status = self._status(command.asset_id, now_us)
        return self._misses_it(command, now_us) or send_plan.wants_sending(command, status, now_us, again=again)

    @staticmethod
    def _record(
        tx: RegistryTransaction, before: Mapping[str, Command], now: Mapping[str, Command], now_us: int
    ) -> None:
        changed = [c for i, c in now.items() if c is not before[i]]
        if changed:
            tx.get(CommandRepository).record(changed)
        told = [c for c in changed if c.history is not before[c.command_id].history]
        if told:
            tx.get(ChangeFeed).add(command_changes(told, now_us))

    def _publish(self, message: OutgoingMessage, now_us: int) -> None:
        command_ids = tuple(c.command_id for c in message.commands)
        self._again.difference_update(command_ids)
        token = self._publisher.publish(message.topic, message.payload, QOS, RETAINED)
        if token is None:
            self._again.update(command_ids)
            return
        listening = [c for c in message.commands if not send_plan.is_offline(self._status(c.asset_id, now_us))]
        self._in_flight[token] = tuple(c.command_id for c in listening)

    def _cancel(self, awake: Iterable[Command], now_us: int) -> None:
        wanted = [c for c in awake if send_plan.wants_cancelling(c, self._status(c.asset_id, now_us))]
        due = self._cancelling.due(wanted, now_us)
        if not due:
            return
        with self._registry.read() as tx:
            to = device_addresses(tx, {c.asset_id for c in due}, self._root)
        for topic, payload in self._cancelling.messages(due, self._view.commands.values(), to, now_us):
            self._publisher.publish(topic, payload, QOS, RETAINED)
