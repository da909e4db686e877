"""OpenID Connect: authorization code with PKCE, by authlib; needs the extra `oidc`."""

import threading
import time
from typing import Any, Final

from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from httpx2 import HTTPError, InvalidURL
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from api.single_sign_on import Begun, Identity, ProviderRefused, ProviderUnavailable
from devices.errors import ConfigurationError

KEPT_S: Final = 3600.0
"""What the provider says of itself, and its keys, are read anew after this."""
ALGORITHMS: Final = ("RS256", "ES256", "PS256", "EdDSA")
LEEWAY_S: Final = 60


class OpenIdProvider:
    """SingleSignOn over a provider that is found at `{issuer}/.well-known/openid-configuration`."""

    def __init__(
        self, *, issuer: str, client_id: str, client_secret: str | None, label: str, trusts_email: bool = False
    ) -> None:
        self.label = label
        self.trusts_email = trusts_email
        self._issuer = issuer.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        self._lock = threading.Lock()
        self._known: tuple[float, dict[str, Any], KeySet] | None = None

    def begin(self, redirect_uri: str) -> Begun:
        """Begin a sign-in that comes back to the given address. Raises ProviderUnavailable."""
        about, _ = self._about()
        nonce, verifier = generate_token(43), generate_token(64)
        with self._client(redirect_uri) as client:
            url, state = client.create_authorization_url(
                about["authorization_endpoint"], state=generate_token(43), nonce=nonce, code_verifier=verifier
            )
        return Begun(url, state, nonce, verifier)

    def finish(self, redirect_uri: str, code: str, begun: Begun) -> Identity:
        """Trade the code for who it is. Raises ProviderRefused, ProviderUnavailable."""
        about, keys = self._about()
        try:
            with self._client(redirect_uri) as client:
                token = client.fetch_token(about["token_endpoint"], code=code, code_verifier=begun.verifier)
            return self._identity(self._claims(token, keys, begun))
        except (HTTPError, InvalidURL) as error:
            raise ProviderUnavailable from error
        except (OAuthError, JoseError, KeyError, ValueError) as error:
            raise ProviderRefused(type(error).__name__) from error

    def _claims(self, token: dict[str, Any], keys: KeySet, begun: Begun) -> CodeIDToken:
        decoded = jwt.decode(token["id_token"], keys, algorithms=list(ALGORITHMS))
        wanted = {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": self._client_id},
            "nonce": {"essential": True, "value": begun.nonce},
        }
        params = {"nonce": begun.nonce, "client_id": self._client_id}
        claims = CodeIDToken(decoded.claims, decoded.header, wanted, params)
        claims.validate(leeway=LEEWAY_S)
        return claims

    def _identity(self, claims: CodeIDToken) -> Identity:
        email = claims.get("email") if claims.get("email_verified") is True else None
        return Identity(f"{self._issuer} {claims['sub']}", email)

    def _about(self) -> tuple[dict[str, Any], KeySet]:
        with self._lock:
            if self._known is None or time.monotonic() - self._known[0] > KEPT_S:
                self._known = (time.monotonic(), *self._read())
            return self._known[1:]

    def _read(self) -> tuple[dict[str, Any], KeySet]:
        try:
            with self._client("") as client:
                about = client.request("GET", f"{self._issuer}/.well-known/openid-configuration", withhold_token=True)
                about.raise_for_status()
                found: dict[str, Any] = about.json()
                keys = client.request("GET", found["jwks_uri"], withhold_token=True)
                keys.raise_for_status()
                read = KeySet.import_key_set(keys.json())
        except (HTTPError, InvalidURL, KeyError, ValueError, JoseError) as error:
            raise ProviderUnavailable from error
        if found.get("issuer", "").rstrip("/") != self._issuer:
            raise ConfigurationError(f"oidc.issuer is {self._issuer}, the provider calls itself {found.get('issuer')}")
        return found, read

    def _client(self, redirect_uri: str) -> OAuth2Client:
        return OAuth2Client(
            client_id=self._client_id,
            client_secret=self._client_secret,
            token_endpoint_auth_method="client_secret_basic" if self._client_secret else "none",
            scope="openid email profile",
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=10,
            follow_redirects=False,
        )
