"""A14: the audit log changed, cut, reordered, forged, or without its anchors: `lautern audit verify` finds each."""

from pathlib import Path

import pytest

from tests.faults.conftest import Report
from tests.system.test_audit_command import WAYS, Lines, exported, lautern, town, verify

__all__ = ["exported", "town"]


@pytest.mark.timeout(120)
def test_each_alteration_is_found(town: Path, tmp_path: Path, exported: Lines, report: Report) -> None:
    found = 0
    for alter, seq, fault in WAYS.values():
        code, _, err = verify(town, tmp_path, alter(exported))
        found += code == 1 and f"Entry {seq} " in err and f"({fault}; " in err
    (town / "audit.anchors").unlink()
    code, _, err = lautern("audit", "verify", "--data-dir", town)
    found += (code, "No anchor is left" in err) == (1, True)
    report("A14", f"audit log: {', '.join(WAYS)}, its anchors gone", "sqlite", None, found=found, of=len(WAYS) + 1)
    assert found == len(WAYS) + 1
