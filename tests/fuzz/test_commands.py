"""Commands on the wire and the answers to them, whatever either side says."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.commands.command import Command
from devices.commands.device_contract import CommandAnswer, DeviceAction, DeviceContract
from devices.commands.lifecycle import on_ack, on_clock
from devices.commands.wire import HEAD, encode_cancel, encode_command
from devices.messages import AckMessage, AckStatus
from devices.time_us import HOUR_US, SECOND_US
from gateway.decode import DecodedMessage, MessageDecoder
from tests.fuzz.claims import examine, message
from tests.fuzz.hostile import CATALOG, NOW_US

DECODER = MessageDecoder(CATALOG)
TOPIC = b"city/v1/kl/streetlight/L01/ack"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
INSTANTS = st.integers(NOW_US - HOUR_US, NOW_US + HOUR_US)


def command(**fields: Any) -> Command:
    whole: dict[str, Any] = {
        "command_id": "c1", "wire_id": "w1", "tenant_id": "kl", "kind": "streetlight", "asset_id": "a1",
        "group_id": None,
        "name": "dim", "arguments": {"level_pct": 40}, "issuer": "test", "reason": "", "issued_us": NOW_US,
        "deliver_by_us": NOW_US + 10 * SECOND_US, "attempts": 1,
    }  # fmt: skip
    return Command(**(whole | fields))


@given(st.dictionaries(st.text(max_size=8), st.integers() | st.text(), max_size=4), st.text(), INSTANTS, INSTANTS)
def test_no_argument_and_no_issuer_can_forge_a_head(
    arguments: dict[str, Any], issuer: str, issued_us: int, until_us: int
) -> None:
    arguments |= dict.fromkeys(HEAD, "forged")
    sent = command(arguments=arguments, issuer=issuer, issued_us=issued_us, until_us=until_us)
    read = json.loads(encode_command(sent))
    assert (read["v"], read["command_id"], read["name"], read["issuer"]) == (1, "w1", "dim", issuer)
    assert {name: read[name] for name in arguments if name not in HEAD} == {
        name: value for name, value in arguments.items() if name not in HEAD
    }
    assert json.loads(encode_cancel(sent)) == {"v": 1, "command_id": "w1"}


BODIES = st.dictionaries(st.sampled_from(["v", "command_id", "deliver_by", "level_pct"]), JSON)


@given(BODIES | BODIES.map(lambda body: {"v": 1, "command_id": "w1"} | body), st.booleans(), INSTANTS)
@settings(max_examples=300)
def test_a_device_acts_once_at_most_and_never_on_what_is_retained(
    body: dict[str, Any],
    retained: bool,  # noqa: FBT001 - drawn
    now_us: int,
) -> None:
    contract = DeviceContract()
    acted = 0
    for _ in range(3):
        verdict = contract.judge("dim", body, retained=retained, now_us=now_us)
        if verdict.do is DeviceAction.EXECUTE:
            acted += 1
            assert verdict.command_id == body["command_id"]
            contract.remember(_done(verdict.command_id))
    assert acted <= (0 if retained else 1)


def _done(command_id: str) -> CommandAnswer:
    return CommandAnswer(command_id, AckStatus.APPLIED)


ACKS = st.fixed_dictionaries(
    {"v": st.just(1), "device_id": st.just("L01"), "boot_id": st.just("b1"), "seq": st.integers(-1, 2**64)},
    optional={"command_id": JSON, "status": st.sampled_from([*AckStatus]) | JSON, "reason": JSON, "ts": JSON},
)


@given(ACKS)
@settings(max_examples=300)
def test_any_ack_is_heard_or_refused(body: dict[str, Any]) -> None:
    examine(DECODER, message(TOPIC, json.dumps(body).encode()))


ANSWERS = st.lists(
    st.tuples(st.sampled_from(AckStatus), st.none() | st.text(max_size=20), st.none() | INSTANTS), max_size=6
)


@given(ANSWERS, st.integers(0, 3))
@settings(max_examples=300)
def test_whatever_a_device_answers_its_command_is_final_in_time(
    answers: list[tuple[AckStatus, str | None, int | None]], attempts: int
) -> None:
    now = command(attempts=attempts, until_us=NOW_US + HOUR_US)
    for number, (status, reason, ts_us) in enumerate(answers):
        final = now.delivery.final
        now = on_ack(now, status, reason, ts_us, NOW_US + number)
        assert now.delivery.final >= final, "nothing final begins anew"
    assert on_clock(now, now.deliver_by_us + 60 * SECOND_US, "online").delivery.final


def test_an_answer_that_is_heard_is_an_ack() -> None:
    body = {"v": 1, "device_id": "L01", "boot_id": "b1", "seq": 1, "command_id": "w1", "status": "applied"}
    answer = examine(DECODER, message(TOPIC, json.dumps(body).encode()))
    assert isinstance(answer, DecodedMessage)
    assert isinstance(answer.model, AckMessage)
