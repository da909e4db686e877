"""The command line as people run it, from outside."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]


class Terminal:
    """One user of one machine; `home` keeps what his logins leave."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(
        self, *arguments: str, typed: str = "", environment: dict[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """What became of a command line, nothing of our own environment in it."""
        ours = {k: v for k, v in os.environ.items() if not k.startswith("LAUTERN_")}
        given = {**ours, "XDG_CONFIG_HOME": str(self.home), **(environment or {})}
        command = [sys.executable, "-m", "cli", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=given, input=typed, capture_output=True, text=True, timeout=50, check=False
        )

    def __call__(self, *arguments: str, typed: str = "", code: int = 0) -> str:
        """What it printed on standard output, or when it is to fail on standard error."""
        done = self.run(*arguments, typed=typed)
        assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def value(self, *arguments: str, code: int = 0) -> Any:
        """What it printed as JSON."""
        done = self.run(*arguments, "--json")
        assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout)
