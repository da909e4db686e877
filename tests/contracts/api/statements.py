"""Counts what a request asks of the registry's database: the same on every machine, however busy."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from storage.registry.engine import SqlRegistry


@contextmanager
def statements(registry: SqlRegistry) -> Iterator[list[str]]:
    """Statements that are sent to the database within the block."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        sent.append(statement)

    engines = {registry._reader, registry._writer}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
