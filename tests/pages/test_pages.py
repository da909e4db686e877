"""The pages' modules in Node.js' own runner: sentences, charts, live state, forms; each kind's beside its name."""

import os
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.pages import tools
from tests.real_parts import finding

FILES: Final = sorted([*tools.HERE.glob("*.test.js"), *tools.HERE.glob("kinds/*.test.js")])
RUN: Final = ["--no-warnings", "--test-reporter=tap", "--import", str(tools.HERE / "support" / "register.js")]
pytestmark = pytest.mark.timeout(tools.INSTALL_S + 60)


@pytest.fixture(scope="module")
def node(node_program: Path, npm_program: Path) -> str:
    try:
        return tools.ready()
    except tools.MissingTools as missing:
        return str(finding.require(None, "what checks the pages", str(missing)))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(tools.HERE)).removesuffix(".test.js"))
def test_modules_of_the_pages(node: str, file: Path) -> None:
    environment = os.environ | {"TZ": "Europe/Berlin", "NO_COLOR": "1"}
    done = subprocess.run([node, *RUN, str(file)], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) > 0


@pytest.mark.parametrize("lock", ["package-lock.json", "package.json", ".npmrc"])
def test_no_registry_is_named(lock: str) -> None:
    text = (tools.HERE / lock).read_text()
    assert '"resolved"' not in text
    assert not re.search(r"registry\s*[=:]|npmjs", text)
