"""The bytes of a journal batch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.samples import RawMessage
from storage.journal.encoding import decode_messages, encode_messages

MESSAGES = st.builds(
    RawMessage,
    topic=st.binary(max_size=100),
    payload=st.binary(max_size=300),
    qos=st.integers(0, 2),
    retained=st.booleans(),
    duplicate=st.booleans(),
    received_us=st.integers(0, 2**62),
)


@given(st.lists(MESSAGES, max_size=20), st.lists(MESSAGES, max_size=20))
def test_batches_put_together_are_one_batch(some: list[RawMessage], more: list[RawMessage]) -> None:
    assert decode_messages(encode_messages(some) + encode_messages(more)) == some + more


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 300 * 1024])
def test_longest_topic_and_large_payloads_survive(size: int) -> None:
    message = RawMessage(b"t" * 65_535, b"\xff\x00" * (size // 2), 1, False, True, 1)  # noqa: FBT003 - as received
    assert decode_messages(encode_messages([message])) == [message]
