"""What systemd's own judges say of our unit."""

import re
import subprocess
from pathlib import Path
from typing import Final

from cli.service_unit import NAME, ServiceUnit

EXPOSURE_MOST: Final = 2.0
"""systemd calls below 2 "OK" and best; 10 is a service without any of it."""


def test_systemd_understands_it(systemd_analyze_program: Path, tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / NAME
    unit.write_text(ServiceUnit(tmp_path, "root", program).text())
    done = subprocess.run([systemd_analyze_program, "verify", unit], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if NAME in line]
    assert (done.returncode, ours) == (0, [])


def test_systemd_finds_little_exposed(systemd_analyze_program: Path, tmp_path: Path) -> None:
    unit = tmp_path / NAME
    unit.write_text(ServiceUnit(Path("/srv/lautern"), "lautern", Path("/opt/lautern/.venv/bin/python")).text())
    done = subprocess.run(
        [systemd_analyze_program, "security", "--offline=true", "--no-pager", unit],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    print(f"\nexposure {found[1]}")  # noqa: T201 - the figure is the point
    assert float(found[1]) <= EXPOSURE_MOST
