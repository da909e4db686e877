"""The source of the program as the architecture tests read it."""

import ast
import gc
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("api", "application", "cli", "devices", "gateway", "runtime", "simulators", "storage")
SCRIPTS = ("start.py", "check", "test")


@dataclass(frozen=True)
class Source:
    """One source file: its path below the root, its text, its syntax tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        """Length in lines."""
        return len(self.text.splitlines())

    @property
    def module(self) -> tuple[str, ...]:
        """Dotted name in parts: ("devices", "streetlight", "rules")."""
        parts = self.path.with_suffix("").parts
        return parts[:-1] if parts[-1] == "__init__" else parts

    def functions(self) -> Iterator[tuple[str, int]]:
        """Place and length in lines of each function, from `def` to its last line."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{self.path}:{node.lineno} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def parse(path: Path, text: str) -> Source:
    """Read one file."""
    return Source(path, text, ast.parse(text))


@cache
def program() -> tuple[Source, ...]:
    """All files of the packages and the scripts; database migrations are history and not among them."""
    found = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "versions" not in path.parts]
    return _parsed(found + [ROOT / script for script in SCRIPTS])


@cache
def tests() -> tuple[Source, ...]:
    """All files of the tests and benchmarks."""
    found = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    return _parsed([path for path in found if "node_modules" not in path.parts])


def _parsed(paths: list[Path]) -> tuple[Source, ...]:
    parsed = tuple(parse(path.relative_to(ROOT), path.read_text()) for path in sorted(paths) if path.exists())
    gc.freeze()  # millions of nodes, which the collection after each test would walk through
    return parsed
