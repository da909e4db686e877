"""A16: what a release is made of: each part pinned with its hashes, and on a bill that names all of them."""

import json
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.faults.conftest import Report
from tests.faults.publishing import LONG
from tests.system.installation import ROOT

PIN: Final = re.compile(
    r"^([a-z0-9-]+)(?:\[[^]]*])?==([^ ;]+)(?: ;[^\n\\]*)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
    re.MULTILINE,
)


def _pins() -> dict[str, str]:
    return {name: version for name, version, _ in PIN.findall((ROOT / "requirements" / "run.lock").read_text())}


def test_each_part_is_pinned_with_its_hashes(report: Report) -> None:
    lines = re.findall(r"^[a-z0-9].*==", (ROOT / "requirements" / "run.lock").read_text(), re.MULTILINE)
    pins = _pins()
    report("A16", "parts of a release without a version or a hash of theirs", "run.lock", pinned=len(pins),
           unhashed=len(lines) - len(pins))  # fmt: skip
    assert len(pins) == len(lines)


@pytest.mark.skipif(not LONG, reason="installs the tool that writes the bill: the long form")
@pytest.mark.timeout(180)
def test_the_bill_names_all_parts(tmp_path: Path, report: Report) -> None:
    file = tmp_path / "lautern.cdx.json"
    subprocess.run([ROOT / "requirements" / "sbom", file], check=True)
    bill = json.loads(file.read_text())
    named = {part["name"]: part["version"] for part in bill["components"]}
    report("A16", "bill of materials of a release", f"CycloneDX {bill['specVersion']}", named=len(named), missing=0)
    assert named == _pins()
