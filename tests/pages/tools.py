"""What checks the pages' code: Node.js, and the tools that package-lock.json names, installed on first use."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
MODULES: Final = HERE / "node_modules"
API: Final = ROOT / "docs" / "reference" / "openapi.json"
API_TYPES: Final = HERE / "types" / "made" / "api.d.ts"
OLDEST: Final = 20
INSTALL_S: Final = 300


class MissingTools(Exception):
    """Node.js or the tools are not here; the text says what to do."""


def ready() -> str:
    """Return the path of node, with the locked tools installed. Raises MissingTools."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise MissingTools(f"the pages' code is checked by Node.js {OLDEST} or newer and npm: apt install nodejs npm")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST:
        raise MissingTools(f"the pages' code is checked by Node.js {OLDEST} or newer; this is {version}")
    with _alone():
        _unless_made_of(HERE / "package-lock.json", MODULES / ".made-of", lambda: _install(npm))
    return node


def checks() -> Mapping[str, list[str]]:
    """Commands that check the pages' code, by what they check. Raises MissingTools."""
    node = ready()
    with _alone():
        _unless_made_of(API, API_TYPES.with_suffix(".made-of"), lambda: _describe(node))
    return {
        "pages' style": [*_eslint(node), "--max-warnings=0"],
        "pages' format": [*_prettier(node), "--check"],
        "pages' types": [node, f"{MODULES}/typescript/bin/tsc", "--project", str(HERE)],
    }


def repairs() -> list[list[str]]:
    """Commands that repair and format what they can. Raises MissingTools."""
    node = ready()
    return [[*_eslint(node), "--fix", "--quiet"], [*_prettier(node), "--write"]]


def _eslint(node: str) -> list[str]:
    cache = ["--cache", "--cache-location", f"{MODULES}/.cache/eslint/"]
    program = [node, f"{MODULES}/eslint/bin/eslint.js", "--config", f"{HERE}/eslint.config.js"]
    return [*program, *cache, "api/web/static", "api/kinds", "tests/pages"]


def _prettier(node: str) -> list[str]:
    cache = ["--cache", "--cache-location", f"{MODULES}/.cache/prettier", "--log-level=warn"]
    program = [node, f"{MODULES}/prettier/bin/prettier.cjs", "--config", f"{HERE}/prettier.config.js"]
    served = ["api/web/static/**/*.{js,css}", "!**/vendor/**", "api/kinds/*/web/*.{js,css}"]
    return [*program, *cache, *served, "tests/pages/*.js", "tests/pages/{support,kinds}/*.js", "tests/pages/types/*.ts"]


def _install(npm: str) -> None:
    sys.stderr.write("lautern: installing the tools that check the pages, from tests/pages/package-lock.json\n")
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False, timeout=INSTALL_S)
    except subprocess.TimeoutExpired as late:
        raise MissingTools(f"npm did not install the tools that check the pages within {INSTALL_S} s") from late
    if done.returncode != 0:
        said = "\n".join(done.stderr.strip().splitlines()[:4])
        raise MissingTools(f"npm could not install the tools that check the pages; with a network try again:\n{said}")


def _describe(node: str) -> None:
    """Write the types of what the API answers."""
    API_TYPES.parent.mkdir(exist_ok=True)
    command = [node, f"{MODULES}/openapi-typescript/bin/cli.js", str(API), "--output", str(API_TYPES)]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MissingTools(f"{API.name} could not be read: {done.stderr[-500:]}")


def _unless_made_of(source: Path, stamp: Path, make: Callable[[], None]) -> None:
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    make()
    stamp.write_text(digest)


@contextmanager
def _alone() -> Iterator[None]:
    """Two runs at once wait for each other."""
    folder = os.open(HERE, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
