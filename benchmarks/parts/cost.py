"""What processes cost: CPU seconds and memory by /proc, children included."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu_s(pid: int) -> float:
    """User and system time of the tree so far."""
    total = 0
    for one in tree(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def pss_mb(pid: int) -> float:
    """Proportional memory of the tree now, MB."""
    return sum(pss_of_mb(one) for one in tree(pid))


def pss_of_mb(pid: int) -> float:
    """That of one process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000


def open_things(pid: int) -> tuple[int, int]:
    """File descriptors and threads of the tree now."""
    pids = tree(pid)
    descriptors = sum(len(list(Path(f"/proc/{one}/fd").iterdir())) for one in pids)
    return descriptors, sum(len(list(Path(f"/proc/{one}/task").iterdir())) for one in pids)
