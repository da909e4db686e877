"""`python -m tests.faults.access_operators [FILE…]`: changes each decision about access and sees the suite catch it.

mutmut runs here, but leaves alone whatever has a decorator, which is each route, and what stands outside of functions,
which is each scope that a route needs. This one changes decisions only, and runs only tests that execute what was
changed: which do is recorded once (`--record`); those that noticed other changes come first, then the quickest.

A change is: a comparison turned round, `and` for `or` or one side left out, `not` left out, a condition that always or
never holds, a `raise` or a call left out, the scope of a route replaced by one that many have. What survives is listed
in `access_survivors.txt`, each with the reason why that is no hole; another survivor is an error.

What is done is kept until its file changes. After a new test: `FILE --again --record TEST`.
"""

import argparse
import ast
import hashlib
import itertools
import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock, local
from typing import Final

from tests.faults.choosing import Executed, record
from tests.faults.mutations import ROOT
from tests.faults.warm import ENDED, Tree

FILES: Final = (
    *(
        "api/authentication.py",
        "application/access/actor.py",
        "application/access/authorization.py",
        "application/access/api_keys.py",
        "api/sessions.py",
        "gateway/admission.py",
    ),
    *("application/lending.py", "application/access/roles.py", "application/access/second_factor.py"),
    *("application/privacy/small_counts.py", "devices/pii_filter.py", "application/privacy/processing_register.py"),
    *("api/device_credentials.py", "api/oidc.py", "api/routes/keys.py", "api/routes/users.py", "api/routes/stream.py"),
    *("api/routes/single_sign_on.py", "api/routes/login.py", "api/routes/second_factor.py", "api/routes/loans.py"),
    *("api/routes/credentials.py", "api/routes/memberships.py", "api/routes/my_sessions.py", "api/routes/personal.py"),
)
"""Code that decides, where a hole would be worst first."""
OTHER_SCOPE: Final = '"streetlight:read"'
"""Stands for the scope of a route: many have it."""
SURVIVORS: Final = Path(__file__).with_name("access_survivors.txt")
KEPT: Final = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "lautern" / "access_operators"
QUICK_S: Final = 4.0
MOST_S: Final = 60.0
"""Of tests for one change, by what they took when they were recorded; `--budget` gives survivors more."""
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
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "requires_scope":
        yield node.args[0], OTHER_SCOPE
    elif isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield node, "pass"


def _flat(text: str) -> str:
    return " ".join(text.split())


@dataclass(frozen=True)
class Done:
    """What came of a change: what noticed it (None: nothing), and how many tests ran of those that execute it."""

    key: str
    change: str
    file: str
    line: int
    noticed: str | None
    ran: int
    of: int


class Trial:
    """Tries changes, each on one of a few copies of the tree, and keeps what came out."""

    def __init__(self, kept: Path, budget_s: float) -> None:
        """`kept`: the folder with what was recorded; `budget_s`: of tests for one change."""
        self._budget_s = budget_s
        self._executed = Executed(kept)
        self._path = kept / "done.jsonl"
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        self.done: dict[str, Done] = {done.key: done for done in (Done(**json.loads(line)) for line in lines)}
        self._sound: set[str] = set()
        self._unsound: set[str] = set()
        self._noticed: dict[str, list[str]] = {}
        for done in self.done.values():
            self._remember(done)
        self._lock = Lock()

    def key(self, change: Change) -> str:
        """Names a change in what its file holds now."""
        whole = f"{change.file}{change.start}{change.new}{(ROOT / change.file).read_text()}"
        return hashlib.sha256(whole.encode()).hexdigest()[:20]

    def is_left(self, change: Change, *, again: bool) -> bool:
        """Whether a change is still to be tried; `again`: what survived too."""
        done = self.done.get(self.key(change))
        return done is None or (again and done.noticed is None)

    def tried(self, change: Change, tree: Tree) -> Done:
        """Make a change and run what executes it."""
        last = change.line + change.old.count("\n")
        all_of_it = self._executed.tests(change.file, change.line, last)
        noticed, ran = None, 0
        for batch in self._batches(change.file, all_of_it):
            ran += len(batch)
            noticed = self._noticed_by(change, batch, tree)
            if noticed is not None:
                break
        done = Done(self.key(change), str(change), change.file, change.line, noticed, ran, len(all_of_it))
        with self._lock:
            self.done[done.key] = done
            self._remember(done)
            with self._path.open("a") as file:
                file.write(json.dumps(asdict(done)) + "\n")
        return done

    def _remember(self, done: Done) -> None:
        """What noticed something comes first in the same file."""
        if done.noticed is not None and done.noticed in self._executed.took:
            others = [test for test in self._noticed.get(done.file, []) if test != done.noticed]
            self._noticed[done.file] = [done.noticed, *others]

    def _noticed_by(self, change: Change, tests: Sequence[str], tree: Tree) -> str | None:
        """What fails also without the change has noticed nothing, and is not asked again."""
        text = change.made((ROOT / change.file).read_text())
        while tests := [test for test in tests if test not in self._unsound]:
            failed = tree.fails(tests, change.file, text)
            if failed is not None and failed.startswith(ENDED) and tree.fails(tests):
                raise RuntimeError(failed, tests)
            if failed is None or failed not in tests or failed in self._sound:
                return failed
            if tree.fails([failed]) is None:
                self._sound.add(failed)
                return failed
            self._unsound.add(failed)
        return None

    def _batches(self, file: str, tests: Sequence[str]) -> Iterator[Sequence[str]]:
        """First what noticed other changes of this file, then quick ones, then the others as far as time allows."""
        known = [test for test in self._noticed.get(file, []) if test in tests]
        ordered = [*known, *(test for test in tests if test not in known)]
        spent = list(itertools.accumulate(self._executed.took[test] for test in ordered))
        quick = [test for test, s in zip(ordered, spent, strict=True) if s <= QUICK_S] or ordered[:1]
        rest = [test for test, s in zip(ordered, spent, strict=True) if s <= self._budget_s and test not in quick]
        for batch in (quick, rest):
            if batch:
                yield sorted(batch, key=lambda test: test.partition("::")[0])


def accepted() -> Mapping[str, str]:
    """Survivors that are no holes, each with its reason."""
    lines = SURVIVORS.read_text().splitlines() if SURVIVORS.exists() else []
    pairs = (line.partition("  # ") for line in lines if line.strip() and not line.startswith("#"))
    return {change.strip(): reason for change, _, reason in pairs}


def main(arguments: Sequence[str]) -> int:
    """Try the changes of some files, or of all; 1 when one survives that is not accepted."""
    parser = argparse.ArgumentParser(description="Changes each decision about access and sees the suite catch it.")
    parser.add_argument("files", nargs="*", default=FILES, metavar="FILE")
    parser.add_argument(
        "--record", nargs="*", metavar="TEST", help="record first what all tests execute, or some new ones besides"
    )
    parser.add_argument("--sample", type=int, metavar="N", help="only so many of the changes that are left, by chance")
    parser.add_argument("--again", action="store_true", help="try again what survived")
    parser.add_argument("--budget", type=float, default=MOST_S, metavar="S", help="tests for one change, in seconds")
    parser.add_argument("--at-once", type=int, default=1, metavar="N")
    parser.add_argument("--kept", type=Path, default=KEPT, metavar="FOLDER")
    given = parser.parse_args(arguments)
    if given.record is not None or not (given.kept / "lines").exists():
        record([str(ROOT / file) for file in FILES], given.kept, given.at_once, given.record or ())
    trial = Trial(given.kept, given.budget)
    known = accepted()
    wanted = [c for file in given.files for c in changes(file, (ROOT / file).read_text()) if str(c) not in known]
    left = [c for c in wanted if trial.is_left(c, again=given.again)]
    if given.sample is not None:
        left = random.SystemRandom().sample(left, min(given.sample, len(left)))
    _try(trial, left, given.at_once)
    done = [trial.done[key] for c in wanted if (key := trial.key(c)) in trial.done]
    survived = [one for one in done if one.noticed is None]
    for one in survived:
        sys.stdout.write(f"SURVIVED {one.change}  # line {one.line}, {one.ran} of {one.of} tests\n")
    sys.stdout.write(
        f"{len(wanted)} changes, {len(done)} tried, {len(survived)} survived, {len(known)} accepted before\n"
    )
    return 1 if survived else 0


def _try(trial: Trial, left: Sequence[Change], at_once: int) -> None:
    mine = local()
    trees: list[Tree] = []

    def tried(change: Change) -> None:
        if not hasattr(mine, "tree"):
            mine.tree = Tree(Path(tempfile.mkdtemp(dir=folder)))
            trees.append(mine.tree)
        done = trial.tried(change, mine.tree)
        sys.stdout.write(f"{done.change}  # line {done.line}: {done.noticed or 'SURVIVED'}\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(tried, left))
        for tree in trees:
            tree.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
