"""`python -m tests.fuzz.decode [--runs N]`: coverage-guided inputs for the decoder, on all kinds and channels.

Needs atheris, which is in no lock of ours: it is large and comes for few systems. Where there is a wheel of it:
`.venv/bin/pip install atheris`. It begins with what the corpus keeps; `--keep` adds to it what found something new.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NoReturn

from gateway.decode import MessageDecoder, RefusedMessage
from tests.fuzz.claims import examine
from tests.fuzz.corpus import KEPT, as_input, as_message, keep, kept, seeds
from tests.fuzz.hostile import CATALOG, RECORDED, deranged


class Target:
    """Decodes each input; a failed claim is a crash, and libFuzzer writes the input to a file."""

    def __init__(self, runs: int, done: Callable[[], None]) -> None:
        self._runs = runs
        self._done = done
        self._decoder = MessageDecoder(CATALOG)
        self.answers: Counter[str] = Counter()
        self.took_s: list[float] = []

    def __call__(self, data: bytes) -> None:
        """One input."""
        message = as_message(data)
        began = time.perf_counter()
        answer = examine(self._decoder, message)
        self.took_s.append(time.perf_counter() - began)
        self.answers[answer.reason if isinstance(answer, RefusedMessage) else "heard"] += 1
        if len(self.took_s) == self._runs:
            self._done()

    def report(self) -> str:
        """How many inputs there were, what became of them, and how long one took with its checks."""
        number = len(self.took_s)
        times = f"median {median(self.took_s) * 1e6:.0f} us, at most {max(self.took_s) * 1e3:.1f} ms"
        return f"{number} inputs, {times}: {dict(self.answers.most_common())}"


def main(arguments: list[str]) -> None:
    """Fuzz; ends by itself only after a crash or the runs."""
    parser = argparse.ArgumentParser(prog="tests.fuzz.decode", description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0, help="0: another each time")
    parser.add_argument("--keep", action="store_true", help=f"write what found something new to {KEPT.name}")
    given = parser.parse_args(arguments)
    try:
        import atheris  # noqa: PLC0415 - the only user of a package that need not be there
    except ImportError:
        sys.exit("atheris is missing: .venv/bin/pip install atheris (Linux on x86-64, Python 3.11 to 3.13)")
    _run(atheris, given, Path(tempfile.mkdtemp()))


def _run(atheris: Any, given: argparse.Namespace, folder: Path) -> NoReturn:
    for number, data in enumerate([*kept(), *seeds()]):
        (folder / f"kept-{number:04}").write_bytes(data)

    def done() -> NoReturn:
        """LibFuzzer never returns: this is the end."""
        print(target.report(), flush=True)  # noqa: T201 - what it is for
        if given.keep:
            keep(path.read_bytes() for path in folder.iterdir())
        shutil.rmtree(folder)
        os._exit(0)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        """Half of the time another recorded message with something wrong, for what bytes alone would hardly find."""
        chance = random.Random(seed)
        if chance.random() < 0.5:
            one = chance.choice(RECORDED)
            return as_input(one.topic, deranged(one, chance))[:most]
        return bytes(atheris.Mutate(data, min(len(data) + 64, most)))

    target = Target(given.runs, done)
    options = ["-max_len=8192", "-timeout=10", "-rss_limit_mb=2048", f"-seed={given.seed}", "-verbosity=0"]
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *options, str(folder)], target, custom_mutator=mutate)
    atheris.Fuzz()
    raise AssertionError("libFuzzer returned")


if __name__ == "__main__":
    main(sys.argv[1:])
