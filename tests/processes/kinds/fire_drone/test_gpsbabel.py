"""The GPX of a flight, read back by a program that nobody here wrote."""

import csv
import io
import subprocess
from pathlib import Path

import pytest

from tests.unit.api.kinds.fire_drone.golden import PLACED
from tests.unit.api.kinds.fire_drone.test_exports import as_gpx


def test_gpsbabel_reads_as_many_points(gpsbabel_program: Path) -> None:
    read = subprocess.run(
        [gpsbabel_program, "-t", "-i", "gpx", "-f", "-", "-o", "unicsv,utc=0", "-F", "-"],
        input=as_gpx().encode(),
        capture_output=True,
        check=True,
    )
    found = list(csv.DictReader(io.StringIO(read.stdout.decode())))
    assert len(found) == len(PLACED)
    assert float(found[0]["Latitude"]) == pytest.approx(49.4447, abs=1e-6)
