"""Secrets of notification targets as they stand in the database: sealed, with the key elsewhere."""

import base64
from typing import Final

from sqlalchemy import Connection, select, update

from application.notifications.rules import NotificationChannel
from application.ports.secret_box import SecretBox, SecretUnreadable
from storage.registry.notification_tables import TARGETS

PREFIX: Final = "sealed:"
"""Before what is sealed; no address and no secret begins so."""
UNREADABLE: Final = "https://unreadable.invalid/"
"""Shown where an address was sealed with another key."""
FIELDS: Final = ("address", "secret")
"""Of a webhook: the path of its address often is its secret."""


def seal_secret(box: SecretBox, target_id: str, field: str, text: str) -> str:
    """Text for the database."""
    return PREFIX + base64.b64encode(box.seal(_purpose(target_id, field), text.encode())).decode()


def open_secret(box: SecretBox | None, target_id: str, field: str, stored: str | None) -> str | None:
    """What was sealed, or stands in clear from before. Raises SecretUnreadable."""
    if stored is None or not stored.startswith(PREFIX):
        return stored
    if box is None:
        raise SecretUnreadable(f"{_purpose(target_id, field)}: this process has no key for it")
    try:
        sealed = base64.b64decode(stored.removeprefix(PREFIX), validate=True)
    except ValueError:
        raise SecretUnreadable(_purpose(target_id, field)) from None
    return box.open(_purpose(target_id, field), sealed).decode()


def in_clear(connection: Connection) -> bool:
    """Whether a webhook's secret or address stands in the database as it is."""
    return connection.execute(select(TARGETS.c.target_id).where(_CLEAR).limit(1)).first() is not None


def seal_all(connection: Connection, box: SecretBox) -> int:
    """Seal what stands in clear from before; how many targets had some."""
    rows = list(connection.execute(select(TARGETS).where(_CLEAR)))
    for row in rows:
        values = {
            field: seal_secret(box, row.target_id, field, text)
            for field in FIELDS
            if (text := getattr(row, field)) and not text.startswith(PREFIX)
        }
        connection.execute(update(TARGETS).where(TARGETS.c.target_id == row.target_id).values(**values))
    return len(rows)


def _purpose(target_id: str, field: str) -> str:
    return f"webhook/{target_id}/{field}"


_CLEAR: Final = (TARGETS.c.channel == NotificationChannel.WEBHOOK.value) & (
    ~TARGETS.c.address.startswith(PREFIX) | (TARGETS.c.secret.is_not(None) & ~TARGETS.c.secret.startswith(PREFIX))
)
