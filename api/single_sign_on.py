"""The seam to an OpenID provider where people sign in with the account they have there."""

from dataclasses import asdict, dataclass
from typing import Protocol

from devices.errors import LauternError


class ProviderUnavailable(LauternError):
    """The provider where you sign in does not answer; try again later."""


class ProviderRefused(LauternError):
    """The provider did not confirm who you are."""


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """A sign-in on its way; the browser keeps all but the address until it comes back."""

    url: str
    """Where the browser goes."""
    state: str
    nonce: str
    verifier: str

    def kept(self) -> dict[str, str]:
        """What the browser keeps."""
        return {name: value for name, value in asdict(self).items() if name != "url"}


@dataclass(frozen=True, slots=True)
class ProviderIdentity:
    """Who the provider says it is. `subject` is `{issuer} {subject}`; `email` only when the provider verified it."""

    subject: str
    email: str | None
    proved: bool = False
    """The provider says, in a way that the settings let count, that a second factor was shown there."""


class SingleSignOn(Protocol):
    """Blocking, thread-safe. Both methods raise ProviderUnavailable."""

    label: str
    """As the sign-in page names the provider."""
    trusts_email: bool
    """Whether a verified address leads to the user who has it."""

    def begin(self, redirect_uri: str) -> PendingSignIn:
        """Begin a sign-in that comes back to the given address."""

    def finish(self, redirect_uri: str, code: str, begun: PendingSignIn) -> ProviderIdentity:
        """Trade the code for who it is. Raises ProviderRefused."""
