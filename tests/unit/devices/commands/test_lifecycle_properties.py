"""Random lives of a command: whatever comes in whatever order, the promises hold."""

from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from devices.commands import lifecycle
from devices.commands.command import Command, DeliveryState, EffectState
from devices.messages import AckStatus
from devices.time_us import SECOND_US
from tests.unit.devices.commands.toy import T0, report, shine

OPEN = {DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.ACCEPTED}
CORRIGIBLE = {DeliveryState.UNKNOWN, DeliveryState.UNDELIVERABLE}
OVER = {EffectState.ENDED, EffectState.SUPERSEDED, EffectState.CANCELLED}
LASTING = {EffectState.PENDING, EffectState.IN_FORCE}
RANK = {DeliveryState.QUEUED: 0, DeliveryState.SENT: 1, DeliveryState.ACCEPTED: 2}
STATUSES = st.sampled_from(["online", "offline", "sleeping", "unknown"])
REASONS = st.sampled_from([None, "expired", "cancelled", "invalidLevel"])
GROUPS = st.sampled_from([None, "g"])
SKEWS = st.sampled_from([None, 0, -SECOND_US, 3600 * SECOND_US])


class Life(RuleBasedStateMachine):
    """Acks, states, broker confirmations, cancellations and time, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.command = shine()
        self.now_us = T0
        self.device_said_applied = False

    @initialize(make=st.sampled_from([shine, report]), start_s=st.one_of(st.none(), st.integers(1, 300)), group=GROUPS)
    def begin(self, make: Callable[..., Command], start_s: int | None, group: str | None) -> None:
        start_us = None if start_s is None else T0 + start_s * SECOND_US
        self.command = make(start_us=start_us, deliver_by_us=(start_us or T0) + 10 * SECOND_US, group_id=group)

    def take(self, after: Command) -> None:
        """Check the step from the command as it was."""
        before = self.command
        self.command = after
        if after is before:
            return
        moved = before.delivery is not after.delivery or before.effect is not after.effect
        assert not moved or after.history[: len(before.history)] == before.history
        assert not moved or len(after.history) > len(before.history)
        if before.delivery in OPEN and after.delivery in OPEN:
            assert RANK[after.delivery] >= RANK[before.delivery]
        if before.delivery.final:
            assert after.delivery.final
            assert after.delivery is before.delivery or before.delivery in CORRIGIBLE
        if before.effect in OVER:
            assert after.effect is before.effect

    @rule(status=st.sampled_from(list(AckStatus)), reason=REASONS, skew=SKEWS)
    def ack(self, status: AckStatus, reason: str | None, skew: int | None) -> None:
        self.device_said_applied |= status is AckStatus.APPLIED
        ts_us = None if skew is None else self.now_us + skew
        after = lifecycle.on_ack(self.command, status, reason, ts_us, self.now_us)
        again = lifecycle.on_ack(after, status, reason, ts_us, self.now_us)
        assert again is after, "the same answer twice acts once"
        self.take(after)

    @rule(named=st.sampled_from([None, "c1", "c9"]), skew=SKEWS)
    def state(self, named: str | None, skew: int | None) -> None:
        self.device_said_applied |= named == self.command.wire_id
        ts_us = None if skew is None else self.now_us + skew
        after = lifecycle.on_state(self.command, named, ts_us, self.now_us)
        self.take(after)

    @rule()
    def attempt(self) -> None:
        self.take(lifecycle.count_attempt(self.command, self.now_us + 2 * SECOND_US))

    @precondition(lambda self: self.command.attempts > 0)
    @rule()
    def broker_confirms(self) -> None:
        self.take(lifecycle.mark_sent(self.command, self.now_us))

    @rule()
    def accepted(self) -> None:
        self.take(lifecycle.on_ack(self.command, AckStatus.ACCEPTED, None, None, self.now_us))

    @rule()
    def superseded(self) -> None:
        self.take(lifecycle.mark_superseded(self.command, "c2", self.now_us))

    @rule(seconds=st.one_of(st.integers(0, 40), st.integers(0, 8000)), status=STATUSES)
    def time(self, seconds: int, status: str) -> None:
        self.now_us += seconds * SECOND_US
        after = lifecycle.on_clock(self.command, self.now_us, status)
        assert lifecycle.on_clock(after, self.now_us, status) is after
        deadline = lifecycle.deadline_us(self.command)
        assert (after is not self.command) == (deadline is not None and self.now_us > deadline)
        self.take(after)

    @invariant()
    def final_in_time(self) -> None:
        limit = max(self.command.deliver_by_us, self.command.start_us or 0) + 60 * SECOND_US
        ends_us = lifecycle.deadline_us(self.command)
        assert self.command.delivery.final or (ends_us is not None and ends_us <= limit)
        assert lifecycle.on_clock(self.command, limit + 1, "online").delivery.final

    @invariant()
    def nobody_but_the_device_makes_it_applied(self) -> None:
        if self.command.delivery is DeliveryState.APPLIED or self.command.effect is EffectState.IN_FORCE:
            assert self.device_said_applied

    @invariant()
    def final_has_its_instant_and_no_further_attempt(self) -> None:
        assert self.command.delivery.final == (self.command.final_us is not None)

    @invariant()
    def no_effect_outlives_its_end(self) -> None:
        settled = lifecycle.on_clock(self.command, self.now_us, "online")
        if settled.until_us is not None and self.now_us > settled.until_us + 60 * SECOND_US:
            assert settled.effect not in LASTING

    @invariant()
    def history_tells_the_present(self) -> None:
        deliveries = [h["delivery"] for h in self.command.history if "delivery" in h]
        assert deliveries[-1] == self.command.delivery.value


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=200, stateful_step_count=30)
