"""Nothing that looks like a secret is in the repository (A16, the part that needs no service)."""

import re
import subprocess
from typing import Final

import pytest

from tests.architecture.source import ROOT

LOOKS_SECRET: Final = {
    "a private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40,}",
    "an age key": r"AGE-SECRET-KEY-1[0-9A-Z]{50,}",
    "a key of ours": r"\blk[0-9a-f]{10}\.[A-Za-z0-9_-]{43}\b",
    "a cloud's key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a token of a forge": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|glpat-[A-Za-z0-9_-]{20})\b",
    "a signed token": r"\beyJhbGciOi[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}\b",
    "a webhook's secret": r"\bwhsec_[A-Za-z0-9+/]{32,}",
}


def _files() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    return listed.stdout.splitlines()


@pytest.mark.parametrize("what", LOOKS_SECRET)
def test_nothing_committed_looks_like_a_secret(what: str) -> None:
    files = _files()
    if not files:
        pytest.skip("no git here")
    pattern = re.compile(LOOKS_SECRET[what])
    found = [f for f in files if (ROOT / f).is_file() and pattern.search((ROOT / f).read_text(errors="ignore"))]
    assert found == [], f"{what} is committed: take it out of the history, and make it worthless"
    assert pattern.search(_example(what)), "the pattern finds what it is for"


def _example(what: str) -> str:
    """Put together here, so that this file holds none."""
    return {
        "a private key": "-----BEGIN PRIVATE" + " KEY-----\n" + "A" * 64,
        "an age key": "AGE-SECRET-" + "KEY-1" + "Q" * 58,
        "a key of ours": "lk" + "0" * 10 + "." + "a" * 43,
        "a cloud's key": "AKIA" + "A" * 16,
        "a token of a forge": "ghp_" + "a" * 36,
        "a signed token": "eyJhbGci" + "OiJIUzI1NiJ9AAA" + "." + "a" * 30 + "." + "b" * 30,
        "a webhook's secret": "whsec" + "_" + "a" * 32,
    }[what]
