"""A kind's folder is found: its ports, its tables, its steps."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import storage.kinds
from devices.errors import ConfigurationError
from storage.registry.engine import open_registry
from storage.registry.kinds import repositories_of_kinds
from storage.registry.metadata import METADATA

INIT = """
from storage.kinds.toaster_{n}.toasts import SqlToasts, Toasts

REPOSITORIES = {{Toasts: SqlToasts}}
"""
TOASTS = """
from typing import Protocol

from sqlalchemy import Column, ForeignKey, Table, Text, select

from storage.registry.metadata import METADATA, Json
from storage.registry.row_statements import upsert_rows

TOASTS = Table(
    "toasts_{n}",
    METADATA,
    Column("toast_id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("details", Json, nullable=False),
    Column("kept", Text),
)


class Toasts(Protocol):
    pass


class SqlToasts:
    def __init__(self, connection):
        self._connection = connection

    def put(self, toast_id, details, kept):
        row = dict(toast_id=toast_id, tenant_id="kl", details=details, kept=kept)
        upsert_rows(self._connection, TOASTS, [row], keep={{"kept"}})

    def get(self, toast_id):
        row = self._connection.execute(select(TOASTS).where(TOASTS.c.toast_id == toast_id)).one()
        return row.details, row.kept
"""
STEP = """
import sqlalchemy as sa
from alembic import op

revision = "toaster_{n}_0001"
down_revision = None
branch_labels = ("toaster_{n}",)
depends_on = ("registry_0001",)


def upgrade():
    op.create_table(
        "toasts_{n}",
        sa.Column("toast_id", sa.Text(), primary_key=True),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("kept", sa.Text()),
    )
"""


@pytest.fixture
def toaster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unique_id: str) -> Iterator[ModuleType]:
    """A kind that no other test has seen; its tables leave the shared metadata with it."""
    folder = tmp_path / "kinds" / f"toaster_{unique_id}"
    (folder / "migrations").mkdir(parents=True)
    (folder / "__init__.py").write_text(INIT.format(n=unique_id))
    (folder / "toasts.py").write_text(TOASTS.format(n=unique_id))
    (folder / "migrations" / "v0001_toaster.py").write_text(STEP.format(n=unique_id))
    monkeypatch.setattr(storage.kinds, "__path__", [*storage.kinds.__path__, str(tmp_path / "kinds")])
    importlib.invalidate_caches()
    name = f"storage.kinds.toaster_{unique_id}"
    yield importlib.import_module(f"{name}.toasts")
    METADATA.remove(METADATA.tables[f"toasts_{unique_id}"])
    for module in [module for module in sys.modules if module.startswith(name)]:
        del sys.modules[module]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_new_kind_joins_a_registry_that_exists(
    database: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'r.db'}" if database == "sqlite" else str(request.getfixturevalue("postgres_url"))
    open_registry(url).close()
    toasts: Any = request.getfixturevalue("toaster")
    registry = open_registry(url)
    with registry.write() as tx:
        repository = tx.get(toasts.Toasts)
        repository.put("t", {"brown": 0.5}, "first")
        repository.put("t", {"brown": 0.9}, "second")
    with registry.read() as tx:
        assert tx.get(toasts.Toasts).get("t") == ({"brown": 0.9}, "first")
    registry.close()


def test_two_kinds_must_not_implement_one_port(toaster: Any, tmp_path: Path) -> None:
    double = tmp_path / "kinds" / "toaster_double"
    double.mkdir()
    (double / "__init__.py").write_text(f"from {toaster.__name__} import *\nREPOSITORIES = {{Toasts: SqlToasts}}\n")
    importlib.invalidate_caches()
    with pytest.raises(ConfigurationError, match="Toasts"):
        repositories_of_kinds()
    del sys.modules["storage.kinds.toaster_double"]
