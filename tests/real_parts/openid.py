"""A real OpenID provider, npm's certified oidc-provider, for tests of single sign-on."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.real_parts import finding, ports
from tests.real_parts.servers import Server, serving

HERE: Final = Path(__file__).parent / "openid_provider"
CLIENT_ID: Final = "lautern"
CLIENT_SECRET: Final = "a-secret-for-tests"
REMEDY: Final = "install Node.js 20 with npm; it fetches oidc-provider once"


@pytest.fixture(scope="module")
def openid_provider(node_program: Path, npm_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Issuer of a running provider that knows the client `lautern`."""
    node = finding.require_tool("node")
    modules = finding.require(_modules(), "npm's oidc-provider", REMEDY)
    port = ports.claim_port()
    command: list[str | Path] = [node, HERE / "provider.mjs", str(port), modules]
    folder = tmp_path_factory.mktemp("openid")
    with serving(Server("openid", command, folder=folder, ready=lambda: ports.answers(port))):
        yield f"http://127.0.0.1:{port}"


def _modules() -> Path | None:
    """Folder of the packages in the lock, installed once for each lock."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "lautern" / f"openid-{lock}"
    npm = finding.find_tool("npm")
    if not (folder / "complete").exists() and npm is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        done = subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit"], cwd=folder, check=False, timeout=300)
        if done.returncode == 0:
            (folder / "complete").touch()
    return folder / "node_modules" if (folder / "complete").exists() else None
