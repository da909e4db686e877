"""Signs what goes to webhooks as "Standard Webhooks" 1.0 says, so that its libraries can verify it."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Final

PREFIX: Final = "whsec_"


def new_secret() -> str:
    """A secret of 256 random bits."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature_headers(secret: str, delivery_id: str, at_s: int, body: bytes) -> Mapping[str, str]:
    """Id, time (Unix seconds) and HMAC-SHA-256 of `id.time.body`; each attempt has its own time and the same id."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = b".".join((delivery_id.encode(), str(at_s).encode(), body))
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": delivery_id, "webhook-timestamp": str(at_s), "webhook-signature": f"v1,{signature}"}
