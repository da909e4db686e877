"""The signed answers by which nats-server lets a user in: JWTs under an Ed25519 key, in NATS' own notation (nkeys)."""

import base64
import binascii
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from runtime.broker.mqtt_sessions import SUBSCRIPTIONS
from runtime.private_file import replace_private_file

_ACCOUNT: Final = 0
"""Prefix byte of an account's key; https://docs.nats.io: nkeys."""
_HEADER: Final = b'{"typ":"JWT","alg":"ed25519-nkey"}'


@dataclass(frozen=True, slots=True)
class JwtSigner:
    """Holds the key that the broker's configuration names as issuer."""

    key: Ed25519PrivateKey

    @classmethod
    def of(cls, folder: Path) -> Self:
        """The key of this folder, made when first asked for."""
        path = folder / "callout.key"
        if not path.exists():
            replace_private_file(path, Ed25519PrivateKey.generate().private_bytes_raw().hex())
        return cls(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text(encoding="ascii").strip())))

    @property
    def issuer(self) -> str:
        """The public key as nats-server writes it: `A…`."""
        body = bytes([_ACCOUNT]) + self.key.public_key().public_bytes_raw()
        return _base32(body + binascii.crc_hqx(body, 0).to_bytes(2, "little"))

    def admit(self, request: "AuthRequest", account: str, publish: Sequence[str], subscribe: Sequence[str]) -> bytes:
        """An answer that lets the user in, with these subjects and no others."""
        rights = {
            "pub": {"allow": list(publish)},
            "sub": {"allow": list(subscribe)},
            "subs": SUBSCRIPTIONS,
            "data": -1,
            "payload": -1,
            "allowed_connection_types": ["MQTT"],
            "type": "user",
            "version": 2,
        }
        user = self._sign({"aud": account, "sub": request.user_key, "name": request.user, "nats": rights})
        return self._answer(request, {"jwt": user})

    def refuse(self, request: "AuthRequest", reason: str) -> bytes:
        """An answer that lets nobody in."""
        return self._answer(request, {"error": reason})

    def _answer(self, request: "AuthRequest", said: Mapping[str, str]) -> bytes:
        body = {**said, "type": "authorization_response", "version": 2}
        return self._sign({"aud": request.server, "sub": request.user_key, "nats": body}).encode()

    def _sign(self, claims: Mapping[str, Any]) -> str:
        whole = {**claims, "iss": self.issuer, "iat": int(time.time())}
        whole["jti"] = _base32(hashlib.sha256(json.dumps(whole).encode()).digest())
        text = f"{_base64(_HEADER)}.{_base64(json.dumps(whole).encode())}"
        return f"{text}.{_base64(self.key.sign(text.encode()))}"


@dataclass(frozen=True, slots=True)
class AuthRequest:
    """What nats-server asks when somebody wants to connect."""

    server: str
    user_key: str
    connection: int
    address: str
    mqtt: bool
    client_id: str
    user: str
    password: str
    certificate: str | None
    """PEM of the client's certificate, where the listener asked for one; the broker verified it."""

    @classmethod
    def read(cls, token: bytes) -> Self:
        """Parse; the broker alone can publish where it came from. Raises ValueError, KeyError, TypeError."""
        body = token.decode().split(".")[1]
        asked = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["nats"]
        client, options = asked["client_info"], asked["connect_opts"]
        chains = asked.get("client_tls", {}).get("verified_chains") or [[]]
        return cls(
            server=asked["server_id"]["id"],
            user_key=asked["user_nkey"],
            connection=int(client["id"]),
            address=client.get("host", ""),
            mqtt=client.get("type") == "mqtt",
            client_id=client.get("mqtt_id", ""),
            user=options.get("user", ""),
            password=options.get("pass", ""),
            certificate=next(iter(chains[0]), None),
        )


def _base32(value: bytes) -> str:
    return base64.b32encode(value).decode().rstrip("=")


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
