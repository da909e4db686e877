"""Logins of devices: random passwords kept as hashes, and which client ids are a device's own."""

import base64
import hashlib
import hmac
import secrets
from contextlib import suppress
from typing import Final

from application.ports.credentials import CredentialRepository, CredentialType, DeviceCredential
from devices.errors import Invalid, NotFound
from devices.topics import is_id

ROUNDS: Final = 101
"""Of PBKDF2: a random password of 128 bits needs no more, and 5,000 lamps come back at once after a power cut."""
_SALT_BYTES: Final = 12


def user_of(tenant_id: str, kind: str, device_id: str) -> str:
    """User name of a device at the broker."""
    return f"{tenant_id}/{kind}/{device_id}"


def parts_of(user: str) -> tuple[str, str, str]:
    """Tenant, kind and device of a user name. Raises Invalid."""
    parts = user.split("/")
    if len(parts) != 3 or not all(map(is_id, parts)):
        raise Invalid("no_device_user", user=repr(user), field="user")
    return parts[0], parts[1], parts[2]


def issue_passwords(credentials: CredentialRepository, users: list[str], by: str, now_us: int) -> dict[str, str]:
    """Give each device a new password, which ends its earlier credential; returned this once. Raises Invalid."""
    passwords = {user: new_password() for user in users}
    made = [with_password(user, password, by, now_us) for user, password in passwords.items()]
    if made:
        credentials.put(made)
    return passwords


def with_password(user: str, password: str, by: str, now_us: int) -> DeviceCredential:
    """A credential for a password that the device has. Raises Invalid."""
    return DeviceCredential(
        *parts_of(user), CredentialType.PASSWORD, hash_device_password(password), now_us, now_us, by
    )


def new_password() -> str:
    """A random password of 128 bits, fit for shells and URLs."""
    return secrets.token_hex(16)


def hash_device_password(password: str) -> str:
    """PBKDF2-SHA512 of a password, as mosquitto 2 writes it: `$7$rounds$salt$hash`."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"$7${ROUNDS}${_text(salt)}${_text(_hash(password, salt, ROUNDS))}"


def device_password_matches(proof: str, password: str) -> bool:
    """Tell whether this password was sealed so."""
    _, _, rounds, salt, expected = proof.split("$")
    found = _hash(password, base64.b64decode(salt), int(rounds))
    return hmac.compare_digest(found, base64.b64decode(expected))


def is_own(client_id: str, user: str) -> bool:
    """Tell whether a client id is this device's: its device id, its user name, or what begins with `user name/`.

    No two devices share one, because ids have no slash: so nobody takes another's session. Empty: the broker makes one.
    """
    return client_id in {"", user, user.rpartition("/")[2]} or client_id.startswith(f"{user}/")


def revoke_if_any(credentials: CredentialRepository, user: str, now_us: int) -> None:
    """Revoke a device's login, where it has one."""
    with suppress(NotFound):
        credentials.revoke(user, now_us)


def _hash(password: str, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
