"""OpenID Connect: authorization code with PKCE, by authlib; needs the extra `oidc`."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from httpx2 import (
    BaseTransport,
    HTTPError,
    HTTPTransport,
    InvalidURL,
    Request,
    Response,
    SyncByteStream,
    TransportError,
)
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from api.single_sign_on import PendingSignIn, ProviderIdentity, ProviderRefused, ProviderUnavailable
from devices.errors import ConfigurationError

KEPT_S: Final = 3600.0
"""What the provider says of itself, and its keys, are read anew after this."""
ALGORITHMS: Final = ("RS256", "ES256", "PS256", "EdDSA")
LEEWAY_S: Final = 60
MOST_BYTES: Final = 1 << 20
"""Of one answer; what is longer is no answer."""
EXCHANGE_S: Final = 15.0
"""After this a provider that goes on answering slowly has not answered."""
AT_ONCE: Final = 4
"""So many sign-ins ask the provider at the same time; more are told that it is unavailable."""
_LONGEST_SUBJECT: Final = 255
_WRONG: Final = (OAuthError, JoseError, KeyError, ValueError, TypeError, AttributeError, RecursionError)
"""What comes of answers that are none."""


class OpenIdProvider:
    """SingleSignOn over a provider that is found at `{issuer}/.well-known/openid-configuration`."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        client_secret: str | None,
        label: str,
        trusts_email: bool = False,
        proving: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset()),
    ) -> None:
        self.label = label
        self.trusts_email = trusts_email
        self._proving = proving
        self._issuer = issuer.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._known: tuple[float, dict[str, Any], KeySet] | None = None

    def begin(self, redirect_uri: str) -> PendingSignIn:
        """Begin a sign-in that comes back to the given address. Raises ProviderUnavailable."""
        about, _ = self._about()
        nonce, verifier = generate_token(43), generate_token(64)
        with self._client(redirect_uri) as client:
            url, state = client.create_authorization_url(
                self._address(about, "authorization_endpoint"),
                state=generate_token(43),
                nonce=nonce,
                code_verifier=verifier,
            )
        return PendingSignIn(url, state, nonce, verifier)

    def finish(self, redirect_uri: str, code: str, begun: PendingSignIn) -> ProviderIdentity:
        """Trade the code for who it is. Raises ProviderRefused, ProviderUnavailable."""
        about, keys = self._about()
        try:
            with self._turn(), self._client(redirect_uri) as client, _bounded(client):
                address = self._address(about, "token_endpoint")
                token = client.fetch_token(address, code=code, code_verifier=begun.verifier)
            return self._identity(self._claims(token, keys, begun))
        except (HTTPError, InvalidURL) as error:
            raise ProviderUnavailable from error
        except _WRONG as error:
            raise ProviderRefused(type(error).__name__) from error

    def _claims(self, token: dict[str, Any], keys: KeySet, begun: PendingSignIn) -> CodeIDToken:
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

    def _identity(self, claims: CodeIDToken) -> ProviderIdentity:
        subject, email = claims["sub"], claims.get("email")
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
            raise ProviderRefused("the provider names nobody")
        verified = isinstance(email, str) and claims.get("email_verified") is True
        amr, acr = claims.get("amr"), claims.get("acr")
        methods, classes = self._proving
        shown = isinstance(amr, list) and any(isinstance(each, str) and each in methods for each in amr)
        proved = shown or (isinstance(acr, str) and acr in classes)
        return ProviderIdentity(f"{self._issuer} {subject}", email if verified else None, proved)

    def _about(self) -> tuple[dict[str, Any], KeySet]:
        known = self._known
        if known is not None and time.monotonic() - known[0] <= KEPT_S:
            return known[1:]
        # One asks for all; the others do not stand in line for a provider that lets them wait.
        if not self._lock.acquire(timeout=1):
            raise ProviderUnavailable("it is being asked already")
        try:
            if self._known is None or time.monotonic() - self._known[0] > KEPT_S:
                self._known = (time.monotonic(), *self._read())
            return self._known[1:]
        finally:
            self._lock.release()

    def _read(self) -> tuple[dict[str, Any], KeySet]:
        try:
            with self._client("") as client, _bounded(client):
                about = client.request("GET", f"{self._issuer}/.well-known/openid-configuration", withhold_token=True)
                about.raise_for_status()
                found: dict[str, Any] = about.json()
                keys = client.request("GET", self._address(found, "jwks_uri"), withhold_token=True)
                keys.raise_for_status()
                read = KeySet.import_key_set(keys.json())
                calls_itself = str(found.get("issuer", "")).rstrip("/")
        except (HTTPError, InvalidURL, *_WRONG) as error:
            raise ProviderUnavailable from error
        if calls_itself != self._issuer:
            raise ConfigurationError(f"oidc.issuer is {self._issuer}, the provider calls itself {calls_itself[:200]!r}")
        return found, read

    def _address(self, about: dict[str, Any], name: str) -> str:
        """An address that the provider names: https where its own is. Raises ProviderUnavailable."""
        address = about.get(name)
        if not isinstance(address, str) or not address.startswith(("https://", f"{self._issuer.partition(':')[0]}://")):
            raise ProviderUnavailable(f"its {name} is no address")
        return address

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Raises ProviderUnavailable when it is asked too often at once."""
        if not self._turns.acquire(blocking=False):
            raise ProviderUnavailable("too many sign-ins at once")
        try:
            yield
        finally:
            self._turns.release()

    def _client(self, redirect_uri: str) -> OAuth2Client:
        return OAuth2Client(
            client_id=self._client_id,
            client_secret=self._client_secret,
            token_endpoint_auth_method="client_secret_basic" if self._client_secret else "none",
            scope="openid email profile",
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=5,
            follow_redirects=False,
            trust_env=False,
            headers={"Accept-Encoding": "identity"},
            transport=_Bounded(),
        )


class _Bounded(BaseTransport):
    """Reads an answer to its end, up to MOST_BYTES, as it was sent."""

    def __init__(self) -> None:
        self._inner = HTTPTransport()

    def handle_request(self, request: Request) -> Response:
        """Raises TransportError for an answer that is too long or packed."""
        answer = self._inner.handle_request(request)
        try:
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise TransportError("packed, though that was not asked for")
            content = bytearray()
            for chunk in cast("SyncByteStream", answer.stream):
                content += chunk
                if len(content) > MOST_BYTES:
                    raise TransportError(f"longer than {MOST_BYTES} bytes")
        finally:
            answer.close()
        return Response(answer.status_code, headers=answer.headers, content=bytes(content), request=request)

    def close(self) -> None:
        """Ends its connections."""
        self._inner.close()


@contextmanager
def _bounded(client: OAuth2Client) -> Iterator[None]:
    """Cut what has not ended in time: each piece of a slow answer would begin the usual timeout anew."""
    timer = threading.Timer(EXCHANGE_S, client.close)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
