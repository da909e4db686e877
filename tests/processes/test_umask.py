"""Each program of ours closes what it makes to other users of the machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.private_umask import UMASK


@pytest.mark.parametrize("module", ["cli", "runtime.gateway_role", "runtime.receiver_role", "cli.up"])
def test_each_program_keeps_its_files_to_itself(module: str, tmp_path: Path) -> None:
    """Seen at what it makes under a mask that lets everybody read."""
    program = (
        f"import os, sys, runpy; os.umask(0); sys.argv = ['x', '--help'];\n"
        f"try: runpy.run_module({module!r}, run_name='__main__')\n"
        f"except SystemExit: pass\n"
        f"sys.stderr.write(oct(os.umask(0)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"COLUMNS": "80"}, capture_output=True, text=True, check=True
    )
    assert done.stderr.endswith(oct(UMASK))
