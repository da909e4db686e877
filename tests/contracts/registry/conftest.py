"""The registry on a SQLite file and on a real PostgreSQL, empty for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from storage.registry.engine import SqlRegistry, open_registry
from storage.registry.metadata import METADATA


@pytest.fixture(params=["sqlite", "postgresql"])
def registry_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a migrated registry without rows."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'registry.db'}"
        open_registry(url).close()
        return url
    url = str(request.getfixturevalue("postgres_url"))
    open_registry(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        names = ", ".join(METADATA.tables)
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    engine.dispose()
    return url


@pytest.fixture
def registry(registry_url: str) -> Iterator[SqlRegistry]:
    """The open registry."""
    opened = open_registry(registry_url, checkpoints=True)
    yield opened
    opened.close()
