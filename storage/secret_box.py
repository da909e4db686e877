"""Secrets sealed with AES-256-GCM under a key from a file."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from application.ports.secret_box import SecretUnreadable

_NONCE_BYTES: Final = 12
_VERSION: Final = b"\x01"
"""First byte: how the rest is sealed."""


class AesSecretBox:
    """SecretBox; the purpose is authenticated with the secret, so that no row can be moved to another place."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, purpose: str, secret: bytes) -> bytes:
        """Seal for one purpose; no two are alike."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, secret, purpose.encode())

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """What was sealed for the purpose. Raises SecretUnreadable."""
        begin = len(_VERSION) + _NONCE_BYTES
        if not sealed.startswith(_VERSION):
            raise SecretUnreadable(purpose)
        try:
            return self._cipher.decrypt(sealed[len(_VERSION) : begin], sealed[begin:], purpose.encode())
        except (InvalidTag, ValueError):
            raise SecretUnreadable(purpose) from None
