"""Users, their sessions in browsers, and links that work once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from application.access.roles import RoleGrant
from application.ports.paging import ResultPage


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who signs in. `user_id` is the sign-in name and never changes."""

    user_id: str
    name: str
    """As people read it; commands are signed with it."""
    created_us: int
    grants: tuple[RoleGrant, ...] = ()
    email: str | None = None
    language: str | None = None
    password_hash: str | None = None
    """Argon2id; None: nobody can sign in with a password."""
    subject: str | None = None
    """`issuer subject` of an OpenID provider."""
    disabled_us: int | None = None
    last_seen_us: int | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A browser that is signed in, in one town at a time."""

    secret_sha256: bytes
    user_id: str
    tenant_id: str | None
    created_us: int
    expires_us: int
    last_used_us: int
    address: str = ""
    agent: str = ""
    proved_by: str | None = None
    """Second factor that was shown; None: none yet."""
    proved_us: int | None = None
    challenge: bytes | None = None
    """What a passkey is to sign next."""
    challenge_until_us: int = 0


@dataclass(frozen=True, slots=True)
class OneTimeLink:
    """A link that signs in once; until then it stands for the user."""

    secret_sha256: bytes
    user_id: str
    created_us: int
    expires_us: int
    sets_password: bool
    """True: the user must choose a password before anything else."""


class UserRepository(Protocol):
    """Users and their roles."""

    def add(self, user: User) -> None:
        """Raises Conflict when the id, or the subject, exists."""

    def get(self, user_id: str) -> User:
        """Raises NotFound."""

    def by_subject(self, subject: str) -> User | None:
        """The user an OpenID provider means."""

    def by_email(self, email: str) -> Sequence[User]:
        """Users with this address, upper and lower case alike."""

    def find(self, tenant_id: str | None, limit: int = 100, cursor: str | None = None) -> ResultPage[User]:
        """Users with a role in the town (None: all users), in order of id."""

    def change(self, user: User) -> User:
        """Replace all but id, creation and last sight; returns it with the new version.

        Raises NotFound, VersionMismatch, Conflict when another has the subject.
        """

    def remove(self, user_id: str) -> None:
        """Forget with sessions and links. Raises NotFound."""

    def count(self) -> int:
        """How many there are."""

    def anybody_enters(self) -> bool:
        """Whether there is one who can sign in: with a password or at an OpenID provider, and not shut out."""


class SessionRepository(Protocol):
    """Sessions and one-time links."""

    def add(self, session: BrowserSession) -> None:
        """Open; the oldest of a user with more than 50 end."""

    def get(self, secret_sha256: bytes) -> BrowserSession | None:
        """The session, ended or not by its time."""

    def touch(self, used_us: Mapping[bytes, int]) -> None:
        """Record uses; those of the users too."""

    def move(self, secret_sha256: bytes, tenant_id: str | None) -> None:
        """Act for another town from now on."""

    def prove(self, secret_sha256: bytes, renewed_sha256: bytes, proved_by: str, at_us: int) -> None:
        """A second factor was shown: from now on the session goes by another secret."""

    def challenge(self, secret_sha256: bytes, challenge: bytes | None, until_us: int) -> None:
        """What a passkey is to sign next; None: nothing."""

    def end(self, secrets_sha256: Collection[bytes]) -> None:
        """End; what is not there stays so."""

    def end_of_user(self, user_id: str, but: bytes | None = None) -> None:
        """End all sessions and links of a user, but one session."""

    def of_user(self, user_id: str) -> Sequence[BrowserSession]:
        """Newest first."""

    def trim(self, idle_before_us: int, now_us: int) -> None:
        """Forget sessions idle since before, or over, and links over."""

    def put_link(self, link: OneTimeLink) -> None:
        """Store; earlier links of the user stop working."""

    def take_link(self, secret_sha256: bytes, now_us: int) -> OneTimeLink | None:
        """The link, which from now on does not work; None when there is none, or it is over."""
