"""Users and their roles."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, func, select, update
from sqlalchemy.exc import IntegrityError

from application.access.roles import RoleGrant
from application.ports.paging import ResultPage
from application.ports.users import User
from devices.errors import IdUnavailable, NotFound, VersionMismatch
from storage.registry.access_tables import GRANTS, USERS
from storage.registry.paging import in_order
from storage.registry.row_statements import in_chunks, insert_new


class SqlUserRepository:
    """Users."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, user: User) -> None:
        """Raises Conflict when the id, or the subject, exists."""
        row = {"user_id": user.user_id, "created_us": user.created_us, "last_seen_us": None, "version": 1}
        if not insert_new(self._connection, USERS, [row | _changing(user)]):
            raise IdUnavailable("id")
        self._put_grants(user)

    def get(self, user_id: str) -> User:
        """Raises NotFound."""
        for user in self._users(self._connection.execute(select(USERS).where(USERS.c.user_id == user_id)).all()):
            return user
        raise NotFound(user_id)

    def by_subject(self, subject: str) -> User | None:
        """The user an OpenID provider means."""
        rows = self._connection.execute(select(USERS).where(USERS.c.subject == subject)).all()
        return next(iter(self._users(rows)), None)

    def by_email(self, email: str) -> Sequence[User]:
        """Users with this address, upper and lower case alike."""
        query = select(USERS).where(func.lower(USERS.c.email) == email.lower())
        return self._users(self._connection.execute(query).all())

    def find(self, tenant_id: str | None, limit: int = 100, cursor: str | None = None) -> ResultPage[User]:
        """Users with a role in the town (None: all users), in order of id."""
        query = select(USERS)
        if tenant_id is not None:
            query = query.where(exists().where(GRANTS.c.user_id == USERS.c.user_id, GRANTS.c.tenant_id == tenant_id))
        rows, following = in_order(self._connection, query, USERS.c.user_id, limit, cursor)
        return ResultPage(self._users(rows), following)

    def change(self, user: User) -> User:
        """Replace all but id, creation and last sight. Raises NotFound, VersionMismatch, Conflict."""
        read = (USERS.c.user_id == user.user_id) & (USERS.c.version == user.version)
        change = update(USERS).where(read).values(_changing(user) | {"version": user.version + 1})
        try:
            with self._connection.begin_nested():
                changed = self._connection.execute(change).rowcount
        except IntegrityError:
            raise IdUnavailable("subject") from None
        if not changed:
            raise VersionMismatch("has_version", name=user.user_id, version=self.get(user.user_id).version)
        self._put_grants(user)
        return self.get(user.user_id)

    def remove(self, user_id: str) -> None:
        """Forget with sessions and links. Raises NotFound."""
        if not self._connection.execute(delete(USERS).where(USERS.c.user_id == user_id)).rowcount:
            raise NotFound(user_id)

    def count(self) -> int:
        """How many there are."""
        return self._connection.execute(select(func.count()).select_from(USERS)).scalar_one()

    def anybody_enters(self) -> bool:
        """Whether there is one who can sign in: with a password or at an OpenID provider, and not shut out."""
        way = USERS.c.password_hash.is_not(None) | USERS.c.subject.is_not(None)
        query = select(exists().where(way, USERS.c.disabled_us.is_(None)))
        return bool(self._connection.execute(query).scalar_one())

    def _put_grants(self, user: User) -> None:
        self._connection.execute(delete(GRANTS).where(GRANTS.c.user_id == user.user_id))
        rows = [
            {
                "user_id": user.user_id,
                "number": number,
                "role": grant.role,
                "tenant_id": grant.tenant_id,
                "limits": sorted(grant.limits),
            }
            for number, grant in enumerate(user.grants)
        ]
        if rows:
            self._connection.execute(GRANTS.insert(), rows)

    def _users(self, rows: Sequence[Row[Any]]) -> list[User]:
        grants = self._grants([row.user_id for row in rows])
        return [_user(row, grants.get(row.user_id, ())) for row in rows]

    def _grants(self, user_ids: Collection[str]) -> Mapping[str, Sequence[RoleGrant]]:
        found: defaultdict[str, list[RoleGrant]] = defaultdict(list)
        for some in in_chunks(user_ids):
            query = select(GRANTS).where(GRANTS.c.user_id.in_(some)).order_by(GRANTS.c.user_id, GRANTS.c.number)
            for row in self._connection.execute(query):
                found[row.user_id].append(RoleGrant(row.role, row.tenant_id, frozenset(row.limits)))
        return found


def _changing(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "email": user.email,
        "language": user.language,
        "password_hash": user.password_hash,
        "subject": user.subject,
        "disabled_us": user.disabled_us,
    }


def _user(row: Row[Any], grants: Sequence[RoleGrant]) -> User:
    return User(
        user_id=row.user_id,
        name=row.name,
        created_us=row.created_us,
        grants=tuple(grants),
        email=row.email,
        language=row.language,
        password_hash=row.password_hash,
        subject=row.subject,
        disabled_us=row.disabled_us,
        last_seen_us=row.last_seen_us,
        version=row.version,
    )
