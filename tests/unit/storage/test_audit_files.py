"""The audit log's key and anchors on disk."""

from dataclasses import replace
from pathlib import Path

import pytest

from devices.errors import ConfigurationError
from storage.audit_files import AnchorFile
from storage.key_files import make_key, read_key
from tests.unit.application.audit.making import anchor, chain_of

ANCHORS = [anchor(entry) for entry in chain_of(5)]


def test_a_key_is_made_once_for_us_alone(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    assert make_key(path) is True
    key = read_key(path)
    assert (len(key), path.stat().st_mode & 0o777) == (32, 0o600)
    assert make_key(path) is False
    assert read_key(path) == key
    assert [p.name for p in tmp_path.iterdir()] == ["audit.key"]


@pytest.mark.parametrize("text", ["", "00", "no hex", "é", "00" * 31])
def test_a_file_without_a_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "audit.key"
    with pytest.raises(ConfigurationError, match=r"audit\.key"):
        read_key(path)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"audit\.key"):
        read_key(path)


def test_anchors_rise_and_are_only_appended(tmp_path: Path) -> None:
    file = AnchorFile(tmp_path / "audit.anchors")
    assert list(file.all()) == []
    for number in (0, 2, 1, 2, 4):
        file.add(ANCHORS[number])
    file.add(replace(ANCHORS[3], mac="0" * 64))
    assert list(file.all()) == [ANCHORS[0], ANCHORS[2], ANCHORS[4]]


def test_a_line_torn_by_a_power_cut_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "audit.anchors"
    file = AnchorFile(path)
    file.add(ANCHORS[0])
    file.add(ANCHORS[1])
    path.write_bytes(path.read_bytes()[:-20])
    file.add(ANCHORS[2])
    assert list(file.all()) == [ANCHORS[0], ANCHORS[2]]
