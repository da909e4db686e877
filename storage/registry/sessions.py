"""Sessions of browsers and one-time links."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from application.ports.users import BrowserSession, OneTimeLink
from storage.registry.access_tables import ONE_TIME_LINKS, SESSIONS, USERS

MOST_OF_ONE_USER: Final = 50


class SqlSessionRepository:
    """Sessions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, session: BrowserSession) -> None:
        """Open; the oldest of a user with more than 50 end."""
        self._connection.execute(
            SESSIONS.insert().values(
                secret_sha256=session.secret_sha256,
                user_id=session.user_id,
                tenant_id=session.tenant_id,
                created_us=session.created_us,
                expires_us=session.expires_us,
                last_used_us=session.last_used_us,
                address=session.address,
                agent=session.agent,
                proved_by=session.proved_by,
                proved_us=session.proved_us,
            )
        )
        self.end([old.secret_sha256 for old in self.of_user(session.user_id)[MOST_OF_ONE_USER:]])
        seen = {session.secret_sha256: session.created_us}
        self.touch(seen)

    def get(self, secret_sha256: bytes) -> BrowserSession | None:
        """The session, ended or not by its time."""
        query = select(SESSIONS).where(SESSIONS.c.secret_sha256 == secret_sha256)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _session(row)

    def touch(self, used_us: Mapping[bytes, int]) -> None:
        """Record uses; those of the users too."""
        if not used_us:
            return
        own = SESSIONS.c.secret_sha256 == bindparam("secret")
        rows = [{"secret": secret, "at": at_us} for secret, at_us in used_us.items()]
        self._connection.execute(update(SESSIONS).where(own).values(last_used_us=bindparam("at")), rows)
        user = select(SESSIONS.c.user_id).where(own).scalar_subquery()
        self._connection.execute(
            update(USERS).where(USERS.c.user_id == user).values(last_seen_us=bindparam("at")), rows
        )

    def move(self, secret_sha256: bytes, tenant_id: str | None) -> None:
        """Act for another town from now on."""
        own = SESSIONS.c.secret_sha256 == secret_sha256
        self._connection.execute(update(SESSIONS).where(own).values(tenant_id=tenant_id))

    def prove(self, secret_sha256: bytes, renewed_sha256: bytes, proved_by: str, at_us: int) -> None:
        """A second factor was shown: from now on the session goes by another secret."""
        own = SESSIONS.c.secret_sha256 == secret_sha256
        values = {"secret_sha256": renewed_sha256, "proved_by": proved_by, "proved_us": at_us, "challenge": None}
        self._connection.execute(update(SESSIONS).where(own).values(values))

    def challenge(self, secret_sha256: bytes, challenge: bytes | None, until_us: int) -> None:
        """What a passkey is to sign next; None: nothing."""
        own = SESSIONS.c.secret_sha256 == secret_sha256
        values = {"challenge": challenge, "challenge_until_us": until_us}
        self._connection.execute(update(SESSIONS).where(own).values(values))

    def end(self, secrets_sha256: Collection[bytes]) -> None:
        """End; what is not there stays so."""
        if secrets_sha256:
            self._connection.execute(delete(SESSIONS).where(SESSIONS.c.secret_sha256.in_(secrets_sha256)))

    def end_of_user(self, user_id: str, but: bytes | None = None) -> None:
        """End all sessions and links of a user, but one session."""
        mine = SESSIONS.c.user_id == user_id
        if but is not None:
            mine &= SESSIONS.c.secret_sha256 != but
        self._connection.execute(delete(SESSIONS).where(mine))
        self._connection.execute(delete(ONE_TIME_LINKS).where(ONE_TIME_LINKS.c.user_id == user_id))

    def of_user(self, user_id: str) -> Sequence[BrowserSession]:
        """Newest first."""
        query = select(SESSIONS).where(SESSIONS.c.user_id == user_id).order_by(SESSIONS.c.created_us.desc())
        return [_session(row) for row in self._connection.execute(query)]

    def trim(self, idle_before_us: int, now_us: int) -> None:
        """Forget sessions idle since before, or over, and links over."""
        over = (SESSIONS.c.last_used_us < idle_before_us) | (SESSIONS.c.expires_us <= now_us)
        self._connection.execute(delete(SESSIONS).where(over))
        self._connection.execute(delete(ONE_TIME_LINKS).where(ONE_TIME_LINKS.c.expires_us <= now_us))

    def put_link(self, link: OneTimeLink) -> None:
        """Store; earlier links of the user stop working."""
        self._connection.execute(delete(ONE_TIME_LINKS).where(ONE_TIME_LINKS.c.user_id == link.user_id))
        self._connection.execute(
            ONE_TIME_LINKS.insert().values(
                secret_sha256=link.secret_sha256,
                user_id=link.user_id,
                created_us=link.created_us,
                expires_us=link.expires_us,
                sets_password=link.sets_password,
            )
        )

    def take_link(self, secret_sha256: bytes, now_us: int) -> OneTimeLink | None:
        """The link, which from now on does not work; None when there is none, or it is over."""
        own = ONE_TIME_LINKS.c.secret_sha256 == secret_sha256
        row = self._connection.execute(select(ONE_TIME_LINKS).where(own)).one_or_none()
        # Of two that take it at once only one deletes it.
        if row is None or not self._connection.execute(delete(ONE_TIME_LINKS).where(own)).rowcount:
            return None
        if row.expires_us <= now_us:
            return None
        return OneTimeLink(row.secret_sha256, row.user_id, row.created_us, row.expires_us, row.sets_password)


def _session(row: Row[Any]) -> BrowserSession:
    return BrowserSession(
        secret_sha256=row.secret_sha256,
        user_id=row.user_id,
        tenant_id=row.tenant_id,
        created_us=row.created_us,
        expires_us=row.expires_us,
        last_used_us=row.last_used_us,
        address=row.address,
        agent=row.agent,
        proved_by=row.proved_by,
        proved_us=row.proved_us,
        challenge=row.challenge,
        challenge_until_us=row.challenge_until_us or 0,
    )
