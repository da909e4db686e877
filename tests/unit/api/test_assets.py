"""Vendored files are what their list says."""

import hashlib
import re

from api.routes.docs import ASSETS

OURS = {"docs.html", "docs.js", "VENDORED.md"}


def test_every_vendored_file_is_listed_with_its_hash() -> None:
    listed = dict(
        re.findall(r"^\| `([^`]+)` \| `([0-9a-f]{64})` \|$", (ASSETS / "VENDORED.md").read_text(), re.MULTILINE)
    )
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in ASSETS.iterdir() if p.name not in OURS}
    assert listed == found
