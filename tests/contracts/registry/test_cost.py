"""What is asked many times a second does not grow with the history."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import event, text

from application.ports.commands import CommandRepository
from application.ports.registry import Registry, RegistryTransaction
from devices.commands.command import Command
from tests.contracts.registry.making import command

MANY = 20_000
COLUMNS = (
    "command_id, wire_id, tenant_id, kind, asset_id, name, arguments, issuer, reason, issued_us, deliver_by_us,"
    " delivery, effect, attempts, history, is_open"
)
SERIES = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :many)
    INSERT INTO commands ({columns})
    SELECT 'done-' || i, 'w-' || i, 'kl', 'streetlight', 'lamp-' || (i % 100), 'dim', '{{}}', 'k', '', i, i, 'applied',
           'ended', 1, '[]', {false} FROM n
"""


def connection_of(tx: RegistryTransaction) -> Any:
    return tx._connection  # type: ignore[attr-defined]


@pytest.fixture
def long_history(registry: Registry) -> Registry:
    with registry.write() as tx:
        connection = connection_of(tx)
        false = "FALSE" if connection.dialect.name == "postgresql" else "0"
        connection.execute(text(SERIES.format(columns=COLUMNS, false=false)), {"many": MANY})
        tx.get(CommandRepository).add([command(f"open-{n}", issued_us=n) for n in range(3)])
        connection.execute(text("ANALYZE commands"))
    return registry


@pytest.mark.parametrize(
    ("ask", "count", "index"),
    [
        (lambda commands: commands.awaiting(), 3, "ix_commands_open"),
        (lambda commands: commands.in_force(["lamp-1"]), 0, "ix_commands_open_asset"),
        (
            lambda commands: commands.by_wire_ids_of([("w-7", "lamp-7"), ("w-8", "lamp-8")]),
            2,
            "ix_commands_wire_id_asset_id",
        ),
    ],
)
def test_the_gateways_questions_use_their_index(
    long_history: Registry, ask: Callable[[CommandRepository], Sequence[Command]], count: int, index: str
) -> None:
    with long_history.read() as tx:
        connection = connection_of(tx)
        asked: list[tuple[str, Any]] = []
        event.listen(connection, "before_cursor_execute", lambda *about: asked.append(about[2:4]))
        assert len(ask(tx.get(CommandRepository))) == count
        verb = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
        (question,) = asked
        plan = "\n".join(map(str, connection.exec_driver_sql(f"{verb} {question[0]}", question[1])))
    assert index in plan
    assert "SCAN commands'" not in plan
    assert "Seq Scan" not in plan
