"""The demo's users: one who sees everything, and one per audience."""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from api.passwords import hash_password
from application.access.roles import ADMIN, VIEWER, RoleGrant
from application.access.sign_in_links import new_link
from application.ports.registry import Registry
from application.ports.users import User, UserRepository
from cli.demo.demo_part import DemoPart
from devices.errors import Conflict
from runtime.private_file import replace_private_file

ALL: Final = "demo"


class DemoPeople:
    """Makes users in one town; their passwords are random and stand in a file for the user of this machine."""

    def __init__(self, registry: Registry, file: Path, tenant: str, now_us: int) -> None:
        self._registry = registry
        self._file = file
        self._tenant = tenant
        self._now_us = now_us

    def let_in(self, parts: Sequence[DemoPart]) -> None:
        """Make who is missing."""
        known: dict[str, str] = json.loads(self._file.read_text(encoding="utf-8")) if self._file.exists() else {}
        all_roles = (ADMIN, *dict.fromkeys(part.lead or part.role for part in parts))
        wanted = [
            (ALL, "Demo", [self._grant(role) for role in all_roles]),
            *((part.key, part.audience, [self._grant(part.role, part.limits)]) for part in parts),
            (VIEWER, "Viewer", [self._grant(VIEWER)]),
        ]
        missing = [(user_id, name, grants) for user_id, name, grants in wanted if user_id not in known]
        for user_id, name, grants in missing:
            known[user_id] = self._made(user_id, name, grants)
        if missing:
            replace_private_file(self._file, json.dumps(known, indent=1))

    def token(self) -> str:
        """A token that signs in as who sees everything, once."""
        with self._registry.write() as tx:
            return new_link(tx, ALL, self._now_us, sets_password=False)

    def _grant(self, role: str, limits: Sequence[str] = ()) -> RoleGrant:
        return RoleGrant(role, self._tenant, frozenset(limits))

    def _made(self, user_id: str, name: str, grants: Sequence[RoleGrant]) -> str:
        password = secrets.token_urlsafe(12)
        user = User(user_id, name, self._now_us, tuple(grants), password_hash=hash_password(password, user_id))
        with self._registry.write() as tx:
            users = tx.get(UserRepository)
            try:
                users.add(user)
            except Conflict:
                # Killed between this and the file, an earlier start made him.
                users.remove(user_id)
                users.add(user)
        return password
