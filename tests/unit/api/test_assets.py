"""Vendored files are what their lists say."""

import hashlib
import re
from pathlib import Path

import pytest

from api.routes.docs import ASSETS
from api.web.files import STATIC

OURS = {"docs.html", "docs.js", "VENDORED.md", "leaflet.d.ts"}


FOLDERS = {"docs": ASSETS, "pages": STATIC / "vendor", "axe": Path("tests/browser/vendored")}


@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS)
def test_every_vendored_file_is_listed_with_its_hash(folder: Path) -> None:
    listed = dict(
        re.findall(r"^\| `([^`]+)` \| `([0-9a-f]{64})` \|$", (folder / "VENDORED.md").read_text(), re.MULTILINE)
    )
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir() if p.name not in OURS}
    assert listed == found
    assert any("LICENSE" in name for name in listed)
