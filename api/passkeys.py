"""Passkeys (WebAuthn Level 3) by py_webauthn: what the browser is asked, and what it answers."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from fastapi import Request

from api import sessions
from application.access.api_keys import secret_digest
from application.ports.users import User
from devices.deferred_module import DeferredModule
from devices.errors import Conflict, Invalid
from devices.time_us import MINUTE_US

if TYPE_CHECKING:
    import webauthn
    from webauthn.helpers import exceptions, structs
else:
    webauthn = DeferredModule("webauthn")
    exceptions = DeferredModule("webauthn.helpers.exceptions")
    structs = DeferredModule("webauthn.helpers.structs")

ISSUER: Final = "Lautern"
CHALLENGE_US: Final = 5 * MINUTE_US
FIELD: Final = "passkey"
LOCALHOST: Final = "localhost"


class PasskeysNeedAName(Conflict):
    """Passkeys need a name, not an address of numbers, in the setting http.public_url."""


class PasskeysNeedPublicUrl(Conflict):
    """Passkeys need the setting http.public_url: without it they are for localhost alone."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """What passkeys are made for: the origin as the browser knows it, and its host."""

    origin: str
    host: str

    @classmethod
    def of(cls, request: Request, public_url: str | None) -> "RelyingParty":
        """The public address; without one localhost. Raises PasskeysNeedAName, PasskeysNeedPublicUrl.

        Any other host that a request names is its sender's choice, and a passkey is bound to what is taken here.
        """
        parts = urlsplit(public_url or sessions.base_url(request))
        host = parts.hostname or ""
        if public_url is None and host != LOCALHOST:
            raise PasskeysNeedPublicUrl
        if not host or _is_address(host):
            raise PasskeysNeedAName
        return cls(f"{parts.scheme}://{parts.netloc}", host)

    def ask_for_new(self, user: User, known: Sequence[bytes], challenge: bytes) -> dict[str, Any]:
        """What `navigator.credentials.create` wants, as JSON; keys that are `known` are not taken twice."""
        options = webauthn.generate_registration_options(
            rp_id=self.host,
            rp_name=ISSUER,
            user_id=secret_digest(user.user_id),
            user_name=user.user_id,
            user_display_name=user.name,
            challenge=challenge,
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.DISCOURAGED,
                user_verification=structs.UserVerificationRequirement.PREFERRED,
            ),
            exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=each) for each in known],
        )
        return _json(webauthn.options_to_json(options))

    def ask_for_proof(self, known: Sequence[bytes], challenge: bytes) -> dict[str, Any]:
        """What `navigator.credentials.get` wants, as JSON."""
        options = webauthn.generate_authentication_options(
            rp_id=self.host,
            challenge=challenge,
            allow_credentials=[structs.PublicKeyCredentialDescriptor(id=each) for each in known],
            user_verification=structs.UserVerificationRequirement.PREFERRED,
        )
        return _json(webauthn.options_to_json(options))

    def made(self, answer: Mapping[str, Any], challenge: bytes) -> tuple[bytes, bytes, int]:
        """Credential id, public key and signature count of a new one. Raises Invalid."""
        try:
            found = webauthn.verify_registration_response(
                credential=dict(answer),
                expected_challenge=challenge,
                expected_rp_id=self.host,
                expected_origin=self.origin,
            )
        except (exceptions.WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise Invalid("passkey_does_not_answer", field=FIELD) from error
        return found.credential_id, found.credential_public_key, found.sign_count

    def signed(self, answer: Mapping[str, Any], challenge: bytes, public_key: bytes, count: int) -> int | None:
        """The new signature count; None when it was not signed with the key, or the count tells of a copy."""
        try:
            found = webauthn.verify_authentication_response(
                credential=dict(answer),
                expected_challenge=challenge,
                expected_rp_id=self.host,
                expected_origin=self.origin,
                credential_public_key=public_key,
                credential_current_sign_count=count,
            )
        except (exceptions.WebAuthnException, ValueError, KeyError, TypeError):
            return None
        return found.new_sign_count


def new_challenge() -> bytes:
    """What is to be signed, once."""
    return secrets.token_bytes(32)


def credential_id_of(answer: Mapping[str, Any]) -> bytes:
    """Which key the browser says it used."""
    try:
        return webauthn.base64url_to_bytes(str(answer.get("rawId", "")))
    except ValueError:
        return b""


def _json(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
