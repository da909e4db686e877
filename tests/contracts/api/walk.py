"""Calls routes one after another and looks at what each leaves in the audit log; breaks each in the middle if asked."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text

from api.refusal_audit import RefusalCounter
from application.audit.entry import AuditEntry
from application.ports.audit import AuditLog
from tests.contracts.api.conftest import City

NO_CHANGE: Final = frozenset({"audit", "sqlite_sequence", "revisions"})
"""Tables of which a change alone is none."""
USED: Final = frozenset({"api_keys", "sessions"})


def tables(city: City) -> list[str]:
    """Of the registry."""
    with city.registry._reader.connect() as connection:
        found = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
        return [row.name for row in found if row.name not in {"alembic_version", "heartbeats", "sqlite_sequence"}]


@contextmanager
def away(city: City, names: Sequence[str]) -> Iterator[None]:
    """Tables that nothing can be written to for a while."""
    engine = create_engine(f"sqlite:///{database(city)}")
    actions = ("INSERT", "UPDATE", "DELETE")
    with engine.begin() as connection:
        for name, action in itertools.product(names, actions):
            refused = "SELECT RAISE(ABORT, 'no room')"
            # The application notes uses of keys and sessions by itself now and then; that is no change of anybody's.
            when = "WHEN NEW.last_used_us IS OLD.last_used_us" if action == "UPDATE" and name in USED else ""
            event = f'BEFORE {action} ON "{name}" {when}'
            connection.execute(text(f'CREATE TRIGGER "{name}_{action}" {event} BEGIN {refused}; END'))
    try:
        yield
    finally:
        with engine.begin() as connection:
            for name, action in itertools.product(names, actions):
                connection.execute(text(f'DROP TRIGGER "{name}_{action}"'))
        engine.dispose()


def entries(city: City) -> list[AuditEntry]:
    with city.registry.read() as tx:
        return list(tx.get(AuditLog).after(0))


class Walk:
    """Calls one route after another as an operator with all rights, and looks at what it leaves."""

    def __init__(self, city: City, *, breaks: bool = False) -> None:
        self.city = city
        self.breaks = breaks
        """Try each change before with the audit log away, and with all but the audit log away."""
        self.called: set[str] = set()
        self.found: dict[str, str] = {}
        self._key = city.key("*", "fire_drone:*", tenant_id="kl", name="all")
        if breaks:
            # That somebody was refused goes on record by itself, a little later: here it would look like a change.
            city.client.app.state.refusals = RefusalCounter()  # type: ignore[attr-defined]

    def __call__(self, route: str, body: Any = None, *, browser: TestClient | None = None, **ids: str) -> Any:
        method, path = route.split(" ")
        headers = dict(self._key) if browser is None else {}
        client = browser or self.city.client
        if method in {"PATCH", "PUT"} and "{" in path:
            headers["If-Match"] = self._tag(path.format(**ids))
        sent: dict[str, Any] = {"content": body} if isinstance(body, str) else {"json": body}
        if isinstance(body, str):
            headers["Content-Type"] = "text/csv"
        if self.breaks:
            self._broken(route, lambda: client.request(method, "/api/v1" + path.format(**ids), headers=headers, **sent))
        before = len(entries(self.city))
        answer = client.request(method, "/api/v1" + path.format(**ids), headers=headers, **sent)
        assert answer.status_code < 300, (route, answer.text)
        new = entries(self.city)[before:]
        assert new, f"{route} leaves no entry in the audit log: call audit_trail.record_action in its transaction"
        for entry in new:
            assert entry.deed is not None
            assert entry.deed.actor
            assert entry.deed.request_id == answer.headers["x-request-id"]
            assert entry.deed.address == "testclient"
            self.found[entry.deed.action] = entry.deed.object
        self.called.add(route)
        return answer.json() if answer.content else None

    def _broken(self, route: str, call: Callable[[], Any]) -> None:
        """Nothing is changed without its entry, and nothing entered without its change."""
        before = self.state()
        with away(self.city, ["audit"]):
            answer = call()
        assert answer.status_code == 503, f"{route} answers {answer.status_code} although it cannot be put on record"
        assert self.state() == before, (
            f"{route} changes something in another transaction than the one it is recorded in"
        )
        with away(self.city, [name for name in tables(self.city) if name not in NO_CHANGE]):
            answer = call()
        changed = {name for name, rows in self.state().items() if rows != before[name]}
        if changed:
            assert "audit" not in changed, f"{route} is on record although nothing of it happened"
            assert changed <= NO_CHANGE, (route, changed)
        else:
            assert answer.status_code >= 300, f"{route} answers {answer.status_code}, and nothing changed"

    def state(self) -> dict[str, list[Any]]:
        """All that is in the registry."""
        found = {}
        with self.city.registry._reader.connect() as connection:
            for name in tables(self.city):
                rows = connection.execute(text(f'SELECT * FROM "{name}"')).mappings()
                found[name] = sorted(repr({k: v for k, v in row.items() if k != "last_used_us"}) for row in rows)
        return found

    def _tag(self, path: str) -> str:
        """The ETag that is there, or that of what was just made and has no page of its own."""
        return self.city.client.get("/api/v1" + path, headers=self._key).headers.get("etag", '"1"')


def database(city: City) -> str:
    return str(city.registry._reader.url.database)
