"""Whatever bytes come on whatever topic: heard or refused with a known reason, never an error, never more than fits."""

import random
import sys

from hypothesis import example, given, settings
from hypothesis import strategies as st

from devices.samples import RawMessage
from gateway.decode import MAX_BATCH, MAX_PAYLOAD_BYTES, DecodedMessage, MessageDecoder, RefusedMessage
from tests.fuzz.claims import examine, message
from tests.fuzz.corpus import as_message, kept
from tests.fuzz.hostile import BAD_VALUES, CATALOG, RECORDED, TOPICS, ZOO, deranged, text_of, zoo_of

DECODER = MessageDecoder(CATALOG)
CALLS = 2_000
CALLS_PER_BYTE = 20
"""Half as much again as the worst of them takes."""
_ANY_TOPIC = st.sampled_from([one.topic for one in RECORDED])
_NAMES = st.sampled_from(sorted({name for one in RECORDED for name, _ in one.pairs} | {"batch", "part", ""}))
_NUMBERS = st.integers().map(str) | st.floats().map(repr) | st.integers(0, 5000).map(lambda digits: "7" * digits)
_VALUES = st.sampled_from(BAD_VALUES) | _NUMBERS | st.text(max_size=30).map(lambda text: f'"{text}"')


@st.composite
def changed(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A recorded message with fields replaced, left out, twice, or unknown; some as items of a batch."""
    one = draw(st.sampled_from(RECORDED))
    pairs = list(one.pairs)
    for name, value in draw(st.lists(st.tuples(_NAMES, _VALUES), max_size=3)):
        pairs.append((name, value))
    left_out = draw(st.sets(_NAMES, max_size=2))
    whole = _text([(name, value) for name, value in pairs if name not in left_out])
    if draw(st.booleans()):
        whole = _text([*one.pairs[:4], ("batch", f"[{','.join([whole] * draw(st.integers(0, 3)))}]")])
    return one.topic, whole.encode(errors="surrogatepass")


def _text(pairs: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f'"{name}":{value}' for name, value in pairs) + "}"


@st.composite
def damaged(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A recorded message cut off, or with other bytes in its midst."""
    one = draw(st.sampled_from(RECORDED))
    whole = text_of(one.pairs)
    start, length = draw(st.integers(0, len(whole))), draw(st.integers(0, 40))
    odd = st.sampled_from([b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\\ud800"])
    middle = draw(st.binary(max_size=8) | odd)
    return one.topic, whole[:start] + middle + draw(st.sampled_from([b"", whole[start + length :]]))


@given(changed() | damaged() | st.tuples(_ANY_TOPIC, st.binary(max_size=300)), st.booleans())
@settings(max_examples=1000)
def test_any_message_is_heard_or_refused(sent: tuple[bytes, bytes], retained: bool) -> None:  # noqa: FBT001
    examine(DECODER, message(*sent, retained=retained))


@given(
    st.binary(max_size=200)
    | st.lists(st.text(max_size=70) | _NAMES, max_size=8).map(lambda levels: "/".join(levels).encode(errors="replace"))
    | st.tuples(_ANY_TOPIC, st.binary(max_size=3)).map(b"".join)
)
@example(b"city/v1/kl/streetlight/L01/telemetry\n")
@settings(max_examples=300)
def test_any_topic_is_heard_or_refused(topic: bytes) -> None:
    examine(DECODER, message(topic, text_of(RECORDED[0].pairs)))


def test_hostile_topics_are_refused() -> None:
    for topic in TOPICS:
        answer = examine(DECODER, message(topic, text_of(RECORDED[0].pairs)))
        assert isinstance(answer, RefusedMessage), topic
        assert answer.reason in {"bad_topic", "unknown_kind", "unknown_event", "wrong_device", "missing_field"}, topic


def test_the_zoo_is_refused_on_every_topic_but_for_a_few() -> None:
    for one in RECORDED:
        assert isinstance(examine(DECODER, message(one.topic, text_of(one.pairs))), DecodedMessage), (
            "so much for the good one"
        )
        answers = [examine(DECODER, message(one.topic, payload)) for payload in zoo_of(one)]
        assert sum(isinstance(answer, RefusedMessage) for answer in answers) >= len(ZOO) - 12


def test_each_bad_value_in_each_field_is_heard_or_refused() -> None:
    refused = 0
    for one in RECORDED:
        for place, (name, _) in enumerate(one.pairs):
            for bad in BAD_VALUES:
                whole = text_of([*one.pairs[:place], (name, bad), *one.pairs[place + 1 :]])
                refused += isinstance(examine(DECODER, message(one.topic, whole)), RefusedMessage)
    assert refused > 0


def test_batches_end_at_their_bound() -> None:
    one = next(one for one in RECORDED if (one.kind, one.channel) == ("streetlight", "telemetry"))
    head = [pair for pair in one.pairs if pair[0] in {"v", "device_id", "boot_id", "ts"}]
    for number in (1, MAX_BATCH, MAX_BATCH + 1):
        items = ",".join(f'{{"seq":{seq},"level_pct":1}}' for seq in range(number))
        payload = _text([*head, ("batch", f"[{items}]")]).encode()
        assert len(payload) < MAX_PAYLOAD_BYTES
        answer = examine(DECODER, message(one.topic, payload))
        assert isinstance(answer, DecodedMessage) == (number <= MAX_BATCH)


def test_every_kept_input_is_still_heard_or_refused() -> None:
    inputs = kept()
    answers = [examine(DECODER, as_message(data)) for data in inputs]
    reasons = {answer.reason for answer in answers if isinstance(answer, RefusedMessage)}
    assert len(reasons) >= 12, "they lead everywhere"
    assert any(isinstance(answer, DecodedMessage) for answer in answers)


def test_a_hostile_message_makes_no_more_work_than_its_length_asks_for() -> None:
    chance = random.Random(1)
    sent = [(one.topic, payload) for one in RECORDED for payload in zoo_of(one)]
    sent += [(one.topic, deranged(one, chance)) for one in chance.choices(RECORDED, k=1_000)]
    beyond = [
        (topic, payload[:200], calls)
        for topic, payload in sent
        if (calls := _calls(message(topic, payload))) > CALLS + CALLS_PER_BYTE * len(payload)
    ]
    assert beyond == []


def _calls(raw: RawMessage) -> int:
    """Calls into Python and C that decoding takes: the same on every machine, however busy."""
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(note)
    try:
        DECODER.decode(raw)
    finally:
        sys.setprofile(None)
    return count
