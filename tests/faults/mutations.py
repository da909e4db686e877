"""`python -m tests.faults.mutations`: breaks a rule of the program on purpose and sees the suite catch it.

Each mutation is made in a copy of the tree; it names the text it replaces, so that it fails loudly once the code has
moved on. A mutation that no test notices is an error: the suite would prove nothing.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.faults.access_mutations import ACCESS
from tests.faults.mutation import Mutation

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = (
    "api", "application", "benchmarks", "cli", "devices", "gateway", "runtime", "simulators", "storage", "tests",
)  # fmt: skip
ENDS_S: Final = 300


MUTATIONS: Final = (
    Mutation(
        "acknowledge before it is on disk",
        "gateway/mqtt/journal_ingest.py",
        "            self._writer.append(messages)\n",
        "            self._connection.acknowledge(batch for batch in batches if batch.epoch != _INJECTED)\n"
        "            self._writer.append(messages)\n",
        "tests/faults/test_kill_gateway.py::test_killed_at_each_point_each_message_is_stored_once[nats-sqlite]",
    ),
    Mutation(
        "acknowledge on whatever connection there is",
        "gateway/mqtt/connection.py",
        "            if epoch == self._epoch:\n",
        "            if epoch is not None:\n",
        "tests/faults/test_broker_away.py::test_no_old_acknowledgement_when_the_broker_forgot_its_sessions",
    ),
    Mutation(
        "drop what does not fit into the journal",
        "gateway/mqtt/journal_ingest.py",
        "            self._stopped(error)\n            return\n",
        "            self._stopped(error)\n",
        "tests/faults/test_journal_full.py::test_full_journal_stops_and_goes_on_without_loss[mosquitto]",
    ),
    Mutation(
        "swallow what the store refuses",
        "gateway/store_cursor.py",
        "            return error.refused\n",
        "            return {}\n",
        "tests/faults/test_store_answers.py::test_lines_that_the_store_never_takes_are_dead_letters_and_no_other",
    ),
    Mutation(
        "take any answer of the store for stored",
        "storage/telemetry/influx_http.py",
        "        if status != _STORED:\n",
        "        if status > 299:\n",
        "tests/faults/test_store_answers.py::test_whatever_the_store_answers_each_sample_is_stored_once",
    ),
    Mutation(
        "take each message for new",
        "gateway/deduplication.py",
        "    same = all(judgement.compare(claim) is DedupResult.DUPLICATE for claim in claims)\n",
        "    return Verdict(Outcome.ACCEPTED, asset_id)\n    same = True\n",
        "tests/faults/test_messages.py::test_ten_times_and_in_any_order",
    ),
    Mutation(
        "move the store's cursor before it has stored",
        "gateway/store_cursor.py",
        "        try:\n            refused = self._write(parcel.samples)\n        except StoreUnavailable:\n"
        "            self._away(away=True)\n            raise\n        self._away(away=False)\n"
        "        self._advance(parcel, refused)\n",
        "        self._advance(parcel, {})\n        refused = self._write(parcel.samples)\n",
        "tests/faults/test_kill_gateway.py::test_killed_at_each_point_each_message_is_stored_once[nats-sqlite]",
    ),
    Mutation(
        "give the journal's ids again after it lost its end",
        "storage/journal/sqlite_journal.py",
        "        return max(row[0] or 0, time.time_ns() // 1000)\n",
        "        return int(row[0] or 0)\n",
        "tests/contracts/test_journal.py::test_no_id_is_given_again_when_the_file_lost_its_end",
    ),
    *ACCESS,
)


def main(arguments: list[str]) -> int:
    """Make each mutation (those whose rule holds the argument) and print what noticed it; 1 when nothing did."""
    chosen = [m for m in MUTATIONS if all(word in m.rule for word in arguments)]
    table = Table(title="Rules broken on purpose")
    for column in ("rule", "in", "noticed by"):
        table.add_column(column)
    missed = 0
    for mutation in chosen:
        noticed = _noticed(mutation)
        missed += not noticed
        table.add_row(mutation.rule, mutation.file, mutation.test.rpartition("::")[2] if noticed else "[red]nothing[/]")
    Console(width=180).print(table)
    return 1 if missed else 0


def _noticed(mutation: Mutation) -> bool:
    """Whether the test fails on a copy of the tree with that rule broken."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in FOLDERS:
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", tree)
        path = tree / mutation.file
        text = path.read_text()
        if text.count(mutation.old) != 1:
            raise SystemExit(f"{mutation.file} no longer has once: {mutation.old!r}")
        path.write_text(text.replace(mutation.old, mutation.new))
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", mutation.test]
        given = {**os.environ, "PYTHONPATH": str(tree)}
        done = subprocess.run(command, cwd=tree, env=given, capture_output=True, text=True, timeout=ENDS_S, check=False)
        sys.stdout.write(f"{mutation.rule}: {done.stdout.strip().splitlines()[-1]}\n")
        return done.returncode == 1 and "failed" in done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
