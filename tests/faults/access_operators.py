"""`python -m tests.faults.access_operators [FILE…]`: changes each decision about access and sees the suite catch it.

mutmut runs here, but leaves alone whatever has a decorator, which is each route, and what stands outside of functions,
which is each scope that a route needs. This one changes decisions only, and runs what tests them, quickest first.

A change is: a comparison turned round, `and` for `or` or one side left out, `not` left out, a condition that always or
never holds, a `raise` or a call left out, the scope of a route replaced by one that many have. What survives is listed
in `access_survivors.txt`, each with the reason why that is no hole; another survivor is an error.
"""

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.mutations import ENDS_S, FOLDERS, ROOT

_MATRIX: Final = "tests/contracts/api/test_matrix.py"
_PEOPLE: Final = ("tests/contracts/api/test_people.py", "tests/contracts/api/test_key_makers.py")
_LENT: Final = ("tests/unit/devices/test_lending.py", "tests/contracts/api/event_network/test_lending.py")
WHERE: Final[Mapping[str, Sequence[str]]] = {
    "devices/people/roles.py": ("tests/unit/api/test_access.py", *_PEOPLE, _MATRIX),
    "devices/lending.py": (*_LENT,),
    "api/access.py": ("tests/unit/api/test_access.py", "tests/contracts/api/test_stream.py", *_PEOPLE, _MATRIX),
    "api/authentication.py": (
        *("tests/unit/api/test_access.py", "tests/contracts/api/test_access.py", "tests/contracts/api/test_stream.py"),
        *(*_PEOPLE, _MATRIX),
    ),
    "api/seeing.py": (*_LENT, "tests/contracts/api/test_visibility.py", _MATRIX),
    "api/sessions.py": (*_PEOPLE, "tests/contracts/api/test_towns.py", _MATRIX),
    "api/oidc.py": ("tests/contracts/api/test_hostile_provider.py",),
    "api/letting_in.py": ("tests/contracts/api/test_credentials.py", _MATRIX),
    "api/routes/single_sign_on.py": (
        *("tests/contracts/api/test_hostile_provider.py", "tests/contracts/api/test_single_sign_on.py"),
    ),
    "api/routes/stream.py": ("tests/contracts/api/test_stream.py",),
    "api/routes/users.py": (*_PEOPLE, "tests/contracts/api/test_privacy.py", _MATRIX),
    "api/routes/keys.py": ("tests/contracts/api/test_access.py", *_PEOPLE, _MATRIX),
    "devices/privacy/small_counts.py": ("tests/unit/devices/privacy/test_small_counts.py",),
}
"""Code that decides, and the tests that must notice, quickest first."""
SURVIVORS: Final = Path(__file__).with_name("access_survivors.txt")
WORKERS: Final = int(os.environ.get("LAUTERN_TEST_WORKERS", "2"))
_TURNED: Final = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """A place in a file, what stands there and what is put there."""

    file: str
    line: int
    start: int
    end: int
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.file}: {_flat(self.old)} -> {_flat(self.new)}"

    def made(self, text: str) -> str:
        """The file with the change."""
        raw = text.encode()
        return (raw[: self.start] + self.new.encode() + raw[self.end :]).decode()


def changes(file: str, text: str) -> Iterator[Change]:
    """All that can be changed in a file, in order of its lines."""
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    seen: set[tuple[int, int, str]] = set()
    for node in ast.walk(ast.parse(text)):
        for target, new in _of(node):
            start = starts[target.lineno - 1] + target.col_offset
            end = starts[(target.end_lineno or target.lineno) - 1] + (target.end_col_offset or 0)
            if (start, end, new) not in seen:
                seen.add((start, end, new))
                yield Change(file, target.lineno, start, end, text.encode()[start:end].decode(), new)


def _of(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        turned = _TURNED[type(node.ops[0])]()
        yield node, f"({ast.unparse(ast.Compare(node.left, [turned], node.comparators))})"
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield node, f"({ast.unparse(ast.BoolOp(other, node.values))})"
        for value in node.values:
            rest = [v for v in node.values if v is not value]
            yield node, f"({ast.unparse(rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest))})"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node, f"({ast.unparse(node.operand)})"
    elif isinstance(node, ast.If | ast.IfExp):
        yield node.test, "True"
        yield node.test, "False"
    elif isinstance(node, ast.comprehension):
        for test in node.ifs:
            yield test, "True"
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "needs":
        yield node.args[0], '"streetlight:read"'
    elif isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield node, "pass"


def _flat(text: str) -> str:
    return " ".join(text.split())


def noticed(change: Change) -> bool:
    """Whether a test fails on a copy of the tree with the change."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in FOLDERS:
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", tree)
        (tree / change.file).write_text(change.made((ROOT / change.file).read_text()))
        given = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
        for test in WHERE[change.file]:
            command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--tb=no", test]
            try:
                done = subprocess.run(command, cwd=tree, env=given, capture_output=True, timeout=ENDS_S, check=False)
            except subprocess.TimeoutExpired:
                return True
            if done.returncode in {1, 2, 3}:
                return True
    return False


def accepted() -> Mapping[str, str]:
    """Survivors that are no holes, each with its reason."""
    lines = SURVIVORS.read_text().splitlines() if SURVIVORS.exists() else []
    pairs = (line.partition("  # ") for line in lines if line.strip() and not line.startswith("#"))
    return {change.strip(): reason for change, _, reason in pairs}


def main(files: Sequence[str]) -> int:
    """Try the changes of some files, or of all; 1 when one survives that is not accepted."""
    known = accepted()
    wanted = [c for file in files or WHERE for c in changes(file, (ROOT / file).read_text()) if str(c) not in known]
    survived = 0
    with ThreadPoolExecutor(WORKERS) as pool:
        for change, found in zip(wanted, pool.map(noticed, wanted), strict=True):
            survived += not found
            if not found:
                sys.stdout.write(f"SURVIVED {change}  # line {change.line}\n")
                sys.stdout.flush()
    sys.stdout.write(f"{len(wanted)} changes, {survived} survived, {len(known)} accepted before\n")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
