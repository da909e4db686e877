"""What an entry may hold, and how it travels."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from application.audit.json_lines import anchor_line, entry_as_line, parse_entry, parsed_anchor
from application.audit.redaction import LONGEST_DETAIL, REDACTED
from devices.errors import Invalid
from tests.unit.application.audit.making import SIGNER, anchor, chain_of, deed

CANARY = "c4n4ry-S3cret"
KEY = "lk0123456789." + "A" * 43


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "new_password",
        "newPassword",
        "current",
        "new",
        "secret",
        "client_secret",
        "token",
        "access_token",
        "api_key",
        "key",
        "private_key",
        "Authorization",
        "cookie",
        "session",
        "passphrase",
        "credentials",
        "psk",
    ],
)
def test_a_field_named_like_a_secret_is_redacted(name: str) -> None:
    kept = SIGNER.seal(None, deed(detail={"a": {"b": [{name: CANARY}]}, name: {"c": CANARY}})).deed
    assert kept is not None
    assert CANARY not in json.dumps(dict(kept.detail))
    assert kept.detail[name] == REDACTED


@pytest.mark.parametrize(
    "text",
    [
        f"key {KEY} was used",
        f"Bearer {CANARY}xyz",
        f"https://x.example/sign-in#token={CANARY}",
        f"postgresql://lautern:{CANARY}@localhost/x",
        f"$argon2id$v=19$m=65536${CANARY}",
        f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n",
    ],
)
def test_text_with_a_secret_is_redacted_wherever_it_stands(text: str) -> None:
    kept = SIGNER.seal(None, deed(name=text, object=text, address=text, detail={"note": text, "list": [text]})).deed
    assert CANARY not in repr(kept)
    assert KEY not in repr(kept)


def test_what_names_a_secret_without_being_one_stays() -> None:
    detail: dict[str, JsonValue] = {"key_id": "k1", "token_count": 2, "password_changed_at": "today", "level_pct": 4}
    kept = SIGNER.seal(None, deed(detail=detail)).deed
    assert kept is not None
    assert kept.detail == detail


def test_a_detail_is_bounded() -> None:
    kept = SIGNER.seal(None, deed(detail={f"f{n}": "x" * 10_000 for n in range(1000)}, name="n" * 10_000)).deed
    assert kept is not None
    assert len(json.dumps(dict(kept.detail))) < LONGEST_DETAIL
    assert len(kept.name) < 1000


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(st.text(), VALUES, max_size=4), st.text(), st.text())
def test_what_is_written_as_a_line_is_read_again(detail: dict[str, JsonValue], name: str, thing: str) -> None:
    entry = SIGNER.seal(None, deed(detail=detail, name=name, object=thing))
    again = parse_entry(entry_as_line(entry), 1)
    assert again == entry
    assert SIGNER.says(again)
    assert entry_as_line(again) == entry_as_line(entry)


def test_a_closed_entry_says_nothing() -> None:
    entry = chain_of(1)[0]
    closed = parse_entry(entry_as_line(entry.closed), 1)
    assert (closed.deed, closed.at_us, closed.seal.mac) == (None, None, entry.seal.mac)
    assert b"anna" not in entry_as_line(entry.closed)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b"{", b'{"seq":1}', b'{"seq":"1","content":"","previous":"","mac":""}']
)
def test_a_line_that_is_no_entry_is_named(text: bytes) -> None:
    with pytest.raises(Invalid, match="line 7"):
        parse_entry(text, 7)


def test_an_anchor_is_read_again_and_a_torn_one_passed_over() -> None:
    kept = anchor(chain_of(1)[0])
    assert parsed_anchor(anchor_line(kept)) == kept
    assert parsed_anchor(anchor_line(kept)[:50]) is None
