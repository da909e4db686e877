"""A throwaway PostgreSQL cluster for a test run, and a fresh database for each test module."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.real_parts import finding, ports
from tests.real_parts.servers import Server, serving

OWNER = "lautern"


@dataclass(frozen=True, kw_only=True)
class PostgresCluster:
    """Where the cluster is; `server` can be killed and started again."""

    port: int
    password: str
    server: Server

    def url(self, database: str) -> str:
        """The address of a database as SQLAlchemy wants it."""
        return f"postgresql+psycopg://{OWNER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        """A connection in autocommit, to look at or disturb what the program does."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=OWNER, password=self.password, dbname=database, autocommit=True
        )


@pytest.fixture(scope="session")
def postgres(initdb_program: Path, postgres_program: Path) -> Iterator[PostgresCluster]:
    """A running cluster of its own."""
    with folder_for_others() as folder, cluster_in(folder) as cluster:
        yield cluster


@contextmanager
def folder_for_others() -> Iterator[Path]:
    """A folder that is there inside the block; pytest's own are closed to other users."""
    folder = Path(tempfile.mkdtemp(prefix="lautern-postgres-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def cluster_in(folder: Path, *options: str) -> Iterator[PostgresCluster]:
    """A cluster that runs inside the block; as another user where the tests run as root, since PostgreSQL refuses root.

    That user must be able to reach the folder, which becomes his.
    """
    initdb, program = finding.require_tool("initdb"), finding.require_tool("postgres")
    user = _unprivileged_user()
    password = secrets.token_urlsafe(16)
    _make_cluster(initdb, folder, password, user)
    port = ports.claim_port()
    arguments = ["-D", str(folder / "data"), "-k", str(folder), "-h", "127.0.0.1", "-p", str(port), "-F", *options]
    server = Server(
        "postgres",
        [program, *arguments],
        folder=folder,
        ready=lambda: _is_ready(cluster),
        user=user,
        stop_signal=signal.SIGINT,
    )
    cluster = PostgresCluster(port=port, password=password, server=server)
    with serving(server):
        yield cluster


@pytest.fixture(scope="module")
def postgres_url(postgres: PostgresCluster) -> Iterator[str]:
    """The URL of a fresh, empty database for this test module (postgresql+psycopg://…)."""
    name = f"t{secrets.token_hex(6)}"
    with postgres.connect() as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield postgres.url(name)
    postgres.server.start()
    with postgres.connect() as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _unprivileged_user() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _make_cluster(initdb: Path, folder: Path, password: str, user: str | None) -> None:
    password_file = folder / "password"
    password_file.write_text(password)
    password_file.chmod(0o600)
    command = [str(initdb), "-D", str(folder / "data"), "-U", OWNER, "--encoding=UTF8", "--locale=C"]
    command += ["--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync"]
    if user is not None:
        owner = pwd.getpwnam(user)
        for path in (folder, password_file):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        command = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups", *command]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _is_ready(cluster: PostgresCluster) -> bool:
    try:
        cluster.connect().close()
    except psycopg.OperationalError:
        return False
    return True
