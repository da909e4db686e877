"""Secrets sealed with a key outside the database."""

import pytest

from application.ports.secret_box import SecretUnreadable
from storage.secret_box import AesSecretBox

BOX = AesSecretBox(bytes(range(32)))


def test_what_was_sealed_opens_for_its_purpose_only() -> None:
    sealed = BOX.seal("totp/anna", b"secret")
    assert BOX.open("totp/anna", sealed) == b"secret"
    with pytest.raises(SecretUnreadable):
        BOX.open("totp/berta", sealed)


def test_the_same_secret_is_never_sealed_alike_and_not_in_clear() -> None:
    first, second = (BOX.seal("p", b"secret") for _ in range(2))
    assert first != second
    assert b"secret" not in first


@pytest.mark.parametrize("place", [0, 5, -1])
def test_an_altered_one_does_not_open(place: int) -> None:
    sealed = bytearray(BOX.seal("p", b"secret"))
    sealed[place] ^= 1
    with pytest.raises(SecretUnreadable):
        BOX.open("p", bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01short"])
def test_what_is_no_sealed_secret_does_not_open(sealed: bytes) -> None:
    with pytest.raises(SecretUnreadable):
        BOX.open("p", sealed)


def test_another_key_does_not_open() -> None:
    with pytest.raises(SecretUnreadable):
        AesSecretBox(bytes(32)).open("p", BOX.seal("p", b"secret"))
