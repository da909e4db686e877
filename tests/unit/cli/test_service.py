"""The unit of systemd: what it says, and how it is installed."""

from pathlib import Path

import pytest

from cli import service
from cli.service import NotInstalled, install, status, uninstall
from cli.service_unit import NAME, OPEN_FILES, ServiceUnit
from devices.errors import ConfigurationError

HOME = Path("/srv/lautern")
UNIT = ServiceUnit(HOME, "lautern", Path("/opt/lautern/.venv/bin/python"))


def test_it_says_what_it_should() -> None:
    text = UNIT.text()
    for line in (
        "ExecStart=/opt/lautern/.venv/bin/python -m cli.up --data-dir /srv/lautern",
        "User=lautern", "Restart=always", "StartLimitIntervalSec=0", f"LimitNOFILE={OPEN_FILES}", "UMask=0077",
        "ReadWritePaths=/srv/lautern", "ProtectSystem=strict", "NoNewPrivileges=yes", "CapabilityBoundingSet=",
        "ProtectHome=yes", "WantedBy=multi-user.target", "PrivateUsers=yes",
    ):  # fmt: skip
        assert line in text.splitlines()


def test_low_ports_homes_and_other_folders_are_seen_to() -> None:
    unit = ServiceUnit(Path("/home/city/data"), "x", UNIT.program, low_ports=True, writable=[Path("/mnt/worm")])
    lines = unit.text().splitlines()
    assert {"ProtectHome=read-only", "AmbientCapabilities=CAP_NET_BIND_SERVICE", "PrivateUsers=no"} <= set(lines)
    assert "ReadWritePaths=/home/city/data /mnt/worm" in lines


def test_what_it_runs_is_not_hidden_from_it(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.symlink_to("/root/.pyenv/versions/3.11/bin/python")
    assert "ProtectHome=read-only" in ServiceUnit(HOME, "x", program).text().splitlines()
    assert "PrivateTmp=no" in ServiceUnit(Path("/tmp/town"), "x", UNIT.program).text().splitlines()
    assert "PrivateTmp=yes" in UNIT.text().splitlines()


def test_paths_are_paths_whatever_is_in_them() -> None:
    strange = ServiceUnit(Path('/srv/a b%h$HOME"'), "x", UNIT.program).text()
    assert '--data-dir "/srv/a b%%h$$HOME\\""' in strange
    with pytest.raises(ValueError, match="line break"):
        ServiceUnit(Path("/srv/x\nExecStartPre=/bin/evil"), "x", UNIT.program).text()


def test_who_is_not_root_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(NotInstalled, match="root"):
        install(data_dir=tmp_path, unit_dir=tmp_path)
    with pytest.raises(ConfigurationError):
        install(data_dir=tmp_path, user="x y", unit_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_units_that_is_not_there_is_told_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(service, "_make_user", lambda *_: pytest.fail("gave the data away first"))
    with pytest.raises(NotInstalled, match="no folder"):
        install(data_dir=tmp_path, unit_dir=tmp_path / "none")


def test_installed_shown_and_taken_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without systemd as the first process, as in a container."""
    said: list[str] = []
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(service, "RUNNING", tmp_path / "none")
    monkeypatch.setattr(service, "_make_user", lambda *_: None)
    monkeypatch.setattr("typer.echo", lambda text, **_: said.append(text))
    install(data_dir=tmp_path / "data", unit_dir=tmp_path)
    assert "does not run this machine" in said[-1]
    assert f"--data-dir {tmp_path / 'data'}" in (tmp_path / NAME).read_text()
    with pytest.raises(NotInstalled, match="does not run this machine"):
        status(unit_dir=tmp_path)
    uninstall(unit_dir=tmp_path)
    assert not (tmp_path / NAME).exists()
    for verb in (uninstall, status):
        with pytest.raises(NotInstalled):
            verb(unit_dir=tmp_path)
