"""`lautern audit` as somebody types it: an export altered in six ways, and the installation's own log."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from application.audit.entry import AuditAnchor
from application.ports.audit import AuditLog
from runtime.audit_setup import anchors_of
from runtime.registry_access import registry_of
from runtime.settings import load_settings
from tests.unit.application.audit.making import STRANGER, deed

Lines = list[str]
pytestmark = pytest.mark.timeout(240)


def lautern(*arguments: object) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a log of nine entries, of which three are the brigade's, anchored."""
    folder = tmp_path_factory.mktemp("town")
    chosen = load_settings(folder)
    with registry_of(chosen, recording=True) as registry, registry.write() as tx:
        names = {n: f"fire_drone/flight/{n}" if n % 3 == 0 else f"streetlight/L{n}" for n in range(1, 10)}
        entry = [tx.get(AuditLog).append(deed(number, object=name)) for number, name in names.items()][-1]
    anchors_of(chosen).add(AuditAnchor(entry.seq, entry.seal.mac, entry.at_us or 0))
    return folder


@pytest.fixture(scope="module")
def exported(town: Path) -> Lines:
    code, out, _ = lautern("audit", "export", "--data-dir", town)
    assert code == 0
    return out.splitlines()


def verify(town: Path, tmp_path: Path, lines: Lines, *options: str) -> tuple[int, str, str]:
    file = tmp_path / "export.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines))
    key, anchors = town / "audit.key", town / "audit.anchors"
    elsewhere = tmp_path / "no-installation"
    where = ("--data-dir", elsewhere, "--key-file", key, "--anchor-file", anchors)
    return lautern("audit", "verify", file, *where, *options)


def test_an_untouched_export_is_good_and_tells_nothing_of_the_brigade(
    town: Path, tmp_path: Path, exported: Lines
) -> None:
    code, out, _ = verify(town, tmp_path, exported)
    assert code == 0
    assert "9 entries are as they were recorded, 3 of them closed; 1 anchors agree" in out
    assert len(exported) == 9
    assert not any("drone" in line for line in exported)
    assert not (tmp_path / "no-installation").exists()


def changed(line: str, **values: Any) -> str:
    return json.dumps(json.loads(line) | values)


def invented(lines: Lines) -> str:
    entry = STRANGER.seal(None, deed()).seal
    return changed(lines[4], previous=json.loads(lines[3])["mac"], content=entry.content, mac=entry.mac, seq=5)


WAYS: dict[str, tuple[Callable[[Lines], Lines], int, str]] = {
    "changed": (lambda f: [*f[:4], changed(f[4], actor="user:somebody-else"), *f[5:]], 5, "changed"),
    "deleted": (lambda f: f[:4] + f[5:], 5, "deleted"),
    "reordered": (lambda f: [*f[:3], f[4], f[3], *f[5:]], 5, "reordered"),
    "tail cut": (lambda f: f[:7], 8, "cut"),
    "inserted": (lambda f: [*f[:4], invented(f), *f[4:]], 5, "inserted"),
    "forged": (lambda f: [*f[:4], invented(f), *f[5:]], 5, "forged"),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_altered_export_names_the_first_bad_entry(town: Path, tmp_path: Path, exported: Lines, way: str) -> None:
    alter, seq, fault = WAYS[way]
    code, out, err = verify(town, tmp_path, alter(exported))
    assert (code, out) == (1, "")
    assert f"Entry {seq} " in err
    assert f"({fault}; " in err


def test_an_older_export_and_a_selection_are_told_apart_from_altered_ones(
    town: Path, tmp_path: Path, exported: Lines
) -> None:
    assert verify(town, tmp_path, exported[:7], "--until", "2020-01-01T00:00:00Z")[0] == 0
    some = [exported[1], exported[6]]
    assert verify(town, tmp_path, some)[0] == 1
    assert verify(town, tmp_path, some, "--part")[0] == 0
    code, out, _ = verify(town, tmp_path, [changed(some[0], result="no"), some[1]], "--part", "--json")
    bad = json.loads(out)["first_bad"]
    assert (code, bad["seq"], bad["fault"]) == (1, 2, "changed")
    assert verify(town, tmp_path, [*exported[:2], "{"])[0] == 1


def test_the_installation_verifies_and_shows_its_own_log(town: Path, tmp_path: Path) -> None:
    code, out, err = lautern("audit", "verify", "--data-dir", town)
    assert (code, err) == (0, "")
    assert "9 entries" in out
    code, out, _ = lautern("audit", "list", "--data-dir", town, "--object", "streetlight/L4", "--json")
    assert [json.loads(line)["seq"] for line in out.splitlines()] == [4]
    assert "drone" not in lautern("audit", "list", "--data-dir", town)[1]
    code, out, _ = lautern("audit", "export", "--data-dir", town, "--format", "csv")
    assert (code, len(out.splitlines())) == (0, 7)
    assert "drone" not in out


def test_keys_made_at_the_command_line_are_on_record_without_their_secret(tmp_path: Path) -> None:
    assert lautern("init", "--data-dir", tmp_path)[0] == 0
    assert (tmp_path / "audit.key").stat().st_mode & 0o777 == 0o600
    code, key, _ = lautern("key", "create", "ops", "--scope", "*", "--data-dir", tmp_path)
    assert code == 0
    code, out, _ = lautern("audit", "list", "--json", "--data-dir", tmp_path)
    newest = json.loads(out.splitlines()[0])
    assert (newest["action"], newest["detail"]["name"]) == ("api_key.create", "ops")
    assert newest["actor"].startswith("machine:")
    assert key.strip().partition(".")[2] not in out


def test_a_key_that_is_not_the_chains_is_refused_before_it_seals_anything(town: Path, tmp_path: Path) -> None:
    (tmp_path / "registry.db").write_bytes((town / "registry.db").read_bytes())
    code, _, err = lautern("key", "create", "ops", "--scope", "*", "--data-dir", tmp_path)
    assert code == 2
    assert "is not the key of this registry's audit log" in err
    assert not (tmp_path / "audit.key").exists()


def test_the_installations_own_log_fails_without_its_anchors(tmp_path: Path) -> None:
    """What the command line records is anchored, too; anchors that are gone do not come back unseen."""
    home = tmp_path / "home"
    assert lautern("init", "--data-dir", home)[0] == 0
    assert "anchors agree" in lautern("audit", "verify", "--data-dir", home)[1]
    (home / "audit.anchors").rename(tmp_path / "aside")
    code, _, err = lautern("audit", "verify", "--data-dir", home)
    assert (code, "No anchor is left" in err) == (1, True)
    assert lautern("key", "create", "x", "--scope", "streetlight:read", "--data-dir", home)[0] == 0
    code, out, _ = lautern("audit", "verify", "--json", "--data-dir", home)
    assert (code, json.loads(out)["first_bad"]["fault"]) == (1, "unanchored")
