"""Watching and sending over a real registry, with a clock and a channel of the test's own."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import time
from pathlib import Path
from typing import Any

import pytest

from application.health.faults import SystemFault
from application.notifications.deliveries import NotificationDelivery, NotificationState
from application.notifications.duty_hours import DutyHours, WeeklySpan
from application.notifications.errors import NotDelivered, Undeliverable
from application.notifications.rules import NotificationChannel, NotificationRule, NotificationTarget
from application.notifications.trial_message import trial_message
from application.notifications.wording import MessageWording
from application.ports.alarms import AlarmRepository
from application.ports.inventory import Asset, AssetRepository
from application.ports.notifications import DeliveryQueue, NotificationMemory, NotificationRules, NotificationTargets
from devices.alarms import Alarm
from devices.errors import LauternError, RegistryUnavailable
from devices.kind_catalog import discover_kinds
from devices.messages import EventSeverity
from devices.time_us import DAY_US, MINUTE_US, SECOND_US
from gateway.notifications.alarm_watcher import AlarmWatcher
from gateway.notifications.delivery_attempts import DeliveryAttempts
from gateway.notifications.delivery_queue import NotificationSender
from gateway.notifications.service import NotificationService
from storage.registry.engine import SqlRegistry, open_registry
from tests.real_parts.waiting import wait_until

CATALOG = discover_kinds()
NOW_US = 1_795_000_000 * SECOND_US
AWAY = NotDelivered("the mail server does not answer", all_of_channel=True)


@dataclass
class Post:
    """A channel: what was handed to it, and the error it answers with."""

    sent: list[NotificationDelivery] = field(default_factory=list)
    error: LauternError | None = None

    def attempt(self, delivery: NotificationDelivery, target: NotificationTarget) -> "Post":
        self.sent.append(delivery)
        return self

    def run(self) -> None:
        if self.error is not None:
            raise self.error

    def cut(self) -> None:
        """Nothing waits here."""


class Flaky:
    """A registry whose writes fail while `away`."""

    def __init__(self, registry: SqlRegistry) -> None:
        self._registry = registry
        self.away = False
        self.read = registry.read

    @contextmanager
    def write(self) -> Iterator[Any]:
        if self.away:
            raise RegistryUnavailable
        with self._registry.write() as tx:
            yield tx


@dataclass
class Office:
    """The gateway's part as the tests drive it."""

    registry: SqlRegistry
    flaky: Flaky
    mail: Post = field(default_factory=Post)
    hooks: Post = field(default_factory=Post)
    now_us: int = NOW_US

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        wording = MessageWording()
        self.attempts = DeliveryAttempts()
        self.watching = AlarmWatcher(self.flaky, CATALOG, wording)
        channels = {NotificationChannel.EMAIL: self.mail.attempt, NotificationChannel.WEBHOOK: self.hooks.attempt}
        self.sending = NotificationSender(self.flaky, channels, self.attempts)

    def look(self) -> None:
        self.now_us += 2 * SECOND_US
        self.watching._rests_until = 0.0
        self.watching.queue_due(self.now_us)

    def send(self) -> None:
        """Begin what is due and see it end."""
        self.now_us += 2 * SECOND_US
        self.sending.send_due(self.now_us)
        wait_until(lambda: not any(r.thread and r.thread.is_alive() for r in self.attempts._running.values()))
        self.sending.send_due(self.now_us)

    def raise_alarm(self, alarm_id: str, asset_id: str, **values: Any) -> None:
        common: dict[str, Any] = {"tenant_id": "kl", "kind": "streetlight", "name": "lamp_failure", "part": ""}
        common |= {
            "severity": EventSeverity.MAJOR,
            "since_us": self.now_us,
            "raised_us": self.now_us,
            "cleared_us": None,
        }
        common |= {"acknowledged_us": None, "acknowledged_by": None, "comment": None, "details": {"lat": 49.44}}
        with self.registry.write() as tx:
            tx.get(AlarmRepository).add([Alarm(**common | values, alarm_id=alarm_id, asset_id=asset_id)])

    def rule(self, **values: Any) -> None:
        common: dict[str, Any] = {"tenant_id": "kl", "name": "Nachts", "kinds": frozenset({"streetlight"})}
        wanted = NotificationRule(**common | {"target_ids": ("mail",), "gather_us": 0} | values, rule_id="r-1")
        with self.registry.write() as tx:
            tx.get(NotificationRules).put(wanted)

    def queue(self, *target_ids: str) -> None:
        with self.registry.write() as tx:
            for target_id in target_ids:
                target = tx.get(NotificationTargets).get(target_id)
                number = len(tx.get(DeliveryQueue).find().items)
                tx.get(DeliveryQueue).add([trial_message(target, f"d{number}", self.now_us)])

    def fault(self) -> SystemFault | None:
        return self.sending.standing.fault

    def deliveries(self) -> list[NotificationDelivery]:
        with self.registry.read() as tx:
            return list(reversed(tx.get(DeliveryQueue).find().items))


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("registry") / "empty.db"
    open_registry(f"sqlite:///{path}", checkpoints=True).close()
    return path


@pytest.fixture
def office(tmp_path: Path, migrated: Path) -> Iterator[Office]:
    shutil.copy(migrated, tmp_path / "registry.db")
    registry = open_registry(f"sqlite:///{tmp_path / 'registry.db'}", migrate=False, checkpoints=True)
    with registry.write() as tx:
        for name, kind in (("L07", "streetlight"), ("L08", "streetlight"), ("Fritz", "fire_drone")):
            tx.get(AssetRepository).add(Asset(name, "kl", kind, name, 1))
        targets = tx.get(NotificationTargets)
        targets.put(NotificationTarget("mail", "kl", "Licht", NotificationChannel.EMAIL, "a@b.example"))
        targets.put(
            NotificationTarget("mail-2", "kl", "Wache", NotificationChannel.EMAIL, "c@b.example", language="en")
        )
        targets.put(
            NotificationTarget(
                "hook", "kl", "Ticket", NotificationChannel.WEBHOOK, "https://x.example/", secret="whsec_"
            )
        )
    yield Office(registry, Flaky(registry))
    registry.close()


def test_an_alarm_becomes_one_message_to_each_target_in_its_language(office: Office) -> None:
    office.rule(target_ids=("mail", "mail-2", "hook", "mail"))
    office.raise_alarm("a-1", "L07")
    for _ in range(3):
        office.look()
        office.restart()
    office.send()
    assert sorted(d.subject for d in office.mail.sent) == ["1 Alarm: L07 ausgefallen", "1 alarm: L07 has failed"]
    body = json.loads(office.hooks.sent[0].body)
    assert (body["type"], body["id"]) == ("alarm.new", office.hooks.sent[0].delivery_id)
    assert body["data"]["alarms"][0]["device"] == "L07"
    assert {d.state for d in office.deliveries()} == {NotificationState.SENT}


def test_nothing_is_queued_or_remembered_unless_both_are(office: Office) -> None:
    office.rule()
    office.raise_alarm("a-1", "L07")
    office.flaky.away = True
    with pytest.raises(RegistryUnavailable):
        office.look()
    assert office.deliveries() == []
    office.flaky.away = False
    office.look()
    office.look()
    assert len(office.deliveries()) == 1


def test_a_switched_off_target_hears_nothing_of_new_alarms(office: Office) -> None:
    office.rule(target_ids=("mail", "mail-2"))
    with office.registry.write() as tx:
        targets = tx.get(NotificationTargets)
        targets.put(replace(targets.get("mail"), enabled=False))
    office.raise_alarm("a-1", "L07")
    office.look()
    assert [d.target_id for d in office.deliveries()] == ["mail-2"]


def test_of_a_drone_nothing_but_its_name_leaves_the_house(office: Office) -> None:
    office.rule(kinds=frozenset({"fire_drone"}), target_ids=("mail", "hook"))
    office.raise_alarm("a-1", "Fritz", kind="fire_drone", name="telemetry_link_lost")
    office.look()
    office.send()
    for delivery in (*office.mail.sent, *office.hooks.sent):
        assert "Fritz" in delivery.subject
        assert not [word for word in ("telemetry", "49.44", "a-1", "fire_drone") if word in delivery.body]
        assert delivery.kind == "fire_drone"


def test_a_mail_server_that_is_away_is_asked_less_and_less_and_each_mail_arrives_once(office: Office) -> None:
    office.queue("mail", "mail-2", "mail")
    office.mail.error = AWAY
    for _ in range(60):
        office.send()
    tried = len(office.mail.sent)
    assert 3 <= tried <= 12
    assert office.fault() is SystemFault.MAIL_AWAY
    assert {d.reason for d in office.deliveries() if d.attempts} == {AWAY.detail}
    office.mail.error = None
    office.now_us += 10 * MINUTE_US
    office.send()
    office.send()
    assert office.fault() is None
    assert sorted(d.delivery_id for d in office.mail.sent[tried:]) == ["d0", "d1", "d2"]
    assert {d.state for d in office.deliveries()} == {NotificationState.SENT}


def test_one_webhook_that_fails_keeps_nobody_else_waiting(office: Office) -> None:
    office.queue("hook", "mail", "hook")
    office.hooks.error = NotDelivered("x.example answers HTTP 500")
    office.send()
    assert [d.state for d in office.deliveries()] == [
        NotificationState.QUEUED,
        NotificationState.SENT,
        NotificationState.QUEUED,
    ]
    assert office.fault() is None


def test_what_is_refused_for_good_is_said_until_something_arrives(office: Office) -> None:
    office.queue("hook")
    office.hooks.error = Undeliverable("x.example answers with a redirect")
    office.send()
    (failed,) = office.deliveries()
    assert (failed.state, failed.reason, failed.attempts) == (
        NotificationState.FAILED,
        "x.example answers with a redirect",
        1,
    )
    office.now_us += 10 * SECOND_US
    office.send()
    assert office.fault() is SystemFault.NOTIFICATION_FAILED
    office.hooks.error = None
    office.queue("hook")
    office.send()
    office.now_us += 10 * SECOND_US
    office.send()
    assert office.fault() is None


def test_after_a_day_it_gives_up_and_says_why(office: Office) -> None:
    office.queue("hook")
    office.hooks.error = NotDelivered("x.example answers HTTP 500")
    office.send()
    office.now_us += DAY_US
    office.send()
    (failed,) = office.deliveries()
    assert (failed.state, failed.reason) == (NotificationState.FAILED, "x.example answers HTTP 500")


def test_what_a_crash_cut_off_is_sent_again_with_the_same_id(office: Office) -> None:
    office.queue("hook")
    office.now_us += 2 * SECOND_US
    office.sending.send_due(office.now_us)
    wait_until(lambda: office.hooks.sent)
    office.restart()
    office.send()
    assert [d.delivery_id for d in office.hooks.sent] == ["d0", "d0"]
    assert office.deliveries()[0].state is NotificationState.SENT


def test_what_arrived_while_the_registry_was_away_is_not_sent_twice(office: Office) -> None:
    office.queue("hook")
    office.now_us += 2 * SECOND_US
    office.sending.send_due(office.now_us)
    wait_until(lambda: office.hooks.sent)
    office.flaky.away = True
    wait_until(lambda: not any(r.thread and r.thread.is_alive() for r in office.attempts._running.values()))
    for _ in range(3):
        office.now_us += 2 * SECOND_US
        with pytest.raises(RegistryUnavailable):
            office.sending.send_due(office.now_us)
    office.flaky.away = False
    office.send()
    office.send()
    assert len(office.hooks.sent) == 1
    assert office.deliveries()[0].state is NotificationState.SENT


def test_an_error_of_ours_in_one_message_ends_nothing(office: Office) -> None:
    office.queue("mail", "hook")
    office.hooks.run = lambda: 1 / 0  # type: ignore[method-assign,assignment]
    office.send()
    states = {d.target_id: (d.state, d.reason) for d in office.deliveries()}
    assert states == {
        "mail": (NotificationState.SENT, None),
        "hook": (NotificationState.QUEUED, "an error of ours: ZeroDivisionError"),
    }


def test_a_rule_that_changed_while_it_was_asked_is_asked_again(office: Office) -> None:
    office.rule()
    office.raise_alarm("a-1", "L07")
    commit = office.watching._commit

    def change_first(due: Any, now_us: int) -> None:
        office.rule(target_ids=("hook",), version=1)
        office.watching._commit = commit  # type: ignore[method-assign]
        commit(due, now_us)

    office.watching._commit = change_first  # type: ignore[method-assign]
    office.look()
    assert office.deliveries() == []
    office.look()
    assert [d.target_id for d in office.deliveries()] == ["hook"]
    with office.registry.read() as tx:
        assert set(tx.get(NotificationMemory).recall(["r-1"])["r-1"].told) == {"a-1"}


def test_a_rule_that_breaks_stops_no_other_and_is_a_fault(office: Office) -> None:
    office.rule()
    # A region and a zone that were known when the rules were made, and that a newer library has dropped.
    region = DutyHours(spans=(WeeklySpan(frozenset(range(7)), time(0), time(0)),), region="XX-YY")
    with office.registry.write() as tx:
        wanted = tx.get(NotificationRules).get("r-1")
        tx.get(NotificationRules).put(replace(wanted, rule_id="r-0", duty=region, version=0))
        tx.get(NotificationRules).put(replace(wanted, rule_id="r-2", duty=DutyHours("Mars/Olympus"), version=0))
    office.raise_alarm("a-1", "L07")
    office.look()
    assert [d.rule_id for d in office.deliveries()] == ["r-1"]
    assert NotificationService(office.watching, office.sending).said().fault is SystemFault.NOTIFICATION_FAILED
    with office.registry.write() as tx:
        for broken in (tx.get(NotificationRules).get(name) for name in ("r-0", "r-2")):
            tx.get(NotificationRules).put(replace(broken, duty=DutyHours()))
    office.look()
    assert sorted(str(d.rule_id) for d in office.deliveries()) == ["r-0", "r-1", "r-2"]
    assert NotificationService(office.watching, office.sending).said().fault is None


@pytest.mark.parametrize("runs", [1, 2])
def test_reminders_are_queued_once_however_often_or_late_the_job_runs(office: Office, runs: int) -> None:
    office.rule(repeat_us=60 * MINUTE_US)
    office.raise_alarm("a-1", "L07")
    office.look()
    assert len(office.deliveries()) == 1
    office.now_us += 100 * MINUTE_US
    office.look()
    assert len(office.deliveries()) == 1
    for _ in range(runs):
        office.watching._rests_until = 0.0
        office.watching.queue_reminders(office.now_us)
    assert len(office.deliveries()) == 2
