"""The digest of a sample's content, across processes."""

import subprocess
import sys

from devices.samples import Value
from gateway.content_digest import digest_of

VALUES: dict[str, Value] = {"level_pct": 40.0, "on": True, "energy_wh": 2**64 - 1, "reason": "ok ü\ud800", "count": -3}


def test_a_digest_is_the_same_in_every_process() -> None:
    program = f"from gateway.content_digest import digest_of; print(digest_of({VALUES!r}))"
    seen = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("1", "2")
    }
    assert seen == {b"%d\n" % digest_of(VALUES)}
