"""Memory of a demo, process by process, from its first data on: PSS, so that what processes share counts once."""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.parts import cost
from runtime.tcp_ports import choose_port

ROLES = ("cli.demo.program", "nats-server", "auth_callout_role", "gateway_role", "receiver_role", "api_role")
DEVICES = "simulators"
EVERY_S = 60


def role_of(pid: int) -> str:
    """What a process is, by its command line."""
    line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return next((role for role in (*ROLES, DEVICES) if role in line), "other")


def look(pid: int) -> dict[str, float]:
    """MB of each role now."""
    found: dict[str, float] = {}
    for one in cost.tree(pid):
        role = role_of(one)
        found[role] = found.get(role, 0.0) + cost.pss_of_mb(one)
    return found


def main() -> int:
    """Run a demo for so many minutes and print a row for each fifth of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    options = parser.parse_args()
    table = Table(title="PSS of a demo in MB; the installation is all but the simulators")
    for column in ("after", *ROLES, DEVICES, "installation", "all"):
        table.add_column(column, justify="right")
    folder = tempfile.mkdtemp()
    port = choose_port("127.0.0.1", 8000, fixed=False, setting="", avoid=frozenset())
    command = [sys.executable, "-m", "cli", "demo", "--data-dir", f"{folder}/demo", "--port", str(port)]
    began = time.monotonic()
    demo = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for minute in sorted({max(1, round(options.minutes * n / 5)) for n in range(1, 6)}):
            time.sleep(max(0.0, began + minute * EVERY_S - time.monotonic()))
            found = look(demo.pid)
            whole = sum(found.values())
            shown = (found.get(role, 0.0) for role in (*ROLES, DEVICES))
            totals = (whole - found.get(DEVICES, 0.0), whole)
            table.add_row(f"{minute} min", *(f"{mb:.0f}" for mb in (*shown, *totals)))
    finally:
        demo.terminate()
        demo.wait(30)
        shutil.rmtree(folder)
    Console(width=140).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
