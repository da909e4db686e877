"""The registry that dispatching works on: a SQLite file and a real PostgreSQL, empty for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from storage.registry.engine import SqlRegistry, open_registry
from storage.registry.metadata import METADATA
from tests.contracts.dispatch.town import Town


@pytest.fixture(params=["sqlite", "postgresql"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlRegistry]:
    if request.param == "sqlite":
        opened = open_registry(f"sqlite:///{tmp_path / 'registry.db'}", checkpoints=True)
    else:
        opened = _empty_postgres(request.getfixturevalue("postgres_url"))
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def town(registry: SqlRegistry) -> Town:
    return Town(registry)


def _empty_postgres(url: str) -> SqlRegistry:
    opened = open_registry(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(f"TRUNCATE {', '.join(METADATA.tables)} RESTART IDENTITY CASCADE"))
    engine.dispose()
    return opened
