"""Passwords of devices, and whose a client id is."""

import pytest

from application.device_credentials import device_password_matches, hash_device_password, is_own, new_password

LAMP = "kl/streetlight/L01"


def test_a_password_has_128_bits_and_opens_its_own_seal_only() -> None:
    password = new_password()
    assert len(bytes.fromhex(password)) * 8 == 128
    proof = hash_device_password(password)
    assert password not in proof
    assert device_password_matches(proof, password)
    assert not device_password_matches(proof, new_password())
    assert hash_device_password(password) != proof


def test_a_seal_of_mosquittos_own_opens() -> None:
    # mosquitto_passwd 2.0.11 made it.
    made = (
        "$7$101$t6vxGU5p95jfTfzH$084GLe6HeR7Qan2PKfWFPBQTiETuhWpz7fBl64eR2/xGcbcMSi0VBQ3DfgZ2pOXgAdufh79HyCDJcste8EUL"
        "gQ=="
    )
    assert device_password_matches(made, "a")
    assert not device_password_matches(made, "b")


@pytest.mark.parametrize("client_id", ["", "L01", LAMP, f"{LAMP}/modem-2"])
def test_a_device_may_call_itself_by_its_own_names(client_id: str) -> None:
    assert is_own(client_id, LAMP)


@pytest.mark.parametrize(
    "client_id", ["L02", "kl/streetlight/L02", "L01-b", f"{LAMP}2", "kl", "lautern-gateway-control-a8f3", "L01/x"]
)
def test_a_name_that_may_be_anothers_is_not_its_own(client_id: str) -> None:
    assert not is_own(client_id, LAMP)
