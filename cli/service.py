"""`lautern service`: Lautern as a service of systemd, started at boot."""

import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.service_unit import NAME, ServiceUnit
from devices.errors import ConfigurationError, LauternError
from runtime import program_support, settings
from runtime.backup_archive.snapshot import REGISTRY, places_of

app = program_support.new_app("Run Lautern as a service of systemd: start at boot, restart, limits, hardening.")
UNITS: Final = Path("/etc/systemd/system")
RUNNING: Final = Path("/run/systemd/system")
"""There where systemd runs the machine."""
_PRIVILEGED_BELOW: Final = 1024
_UNIT_DIR: Final = typer.Option("--unit-dir", help="Where units are kept.")


class NotInstalled(LauternError):
    """The service was not set up."""


@app.command()
def install(  # noqa: PLR0917
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
    user: Annotated[str, typer.Option("--user", help="System user that it runs as; made when not there.")] = "lautern",
    memory_max: Annotated[str, typer.Option("--memory-max", help="Such as 4G or 80%.")] = "80%",
    show: Annotated[bool, typer.Option("--print", help="Only print the unit.")] = False,  # noqa: FBT002
    unit_dir: Annotated[Path, _UNIT_DIR] = UNITS,
) -> None:
    """Write the unit, make the user, give him the data directory, start now and at each boot. Needs root.

    \b
    Examples:
      lautern service install --data-dir /srv/lautern
      lautern service install --data-dir /srv/lautern --print | less
    """  # noqa: D301
    if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,30}", user) or not re.fullmatch(r"[1-9][0-9]*[KMGT%]?", memory_max):
        raise ConfigurationError("--user is a name of small letters, --memory-max a number with K, M, G, T or %")
    chosen = settings.load_settings(data_dir, config)
    text = _unit(chosen, config, user, memory_max).text()
    if show:
        typer.echo(text)
        return
    _require_root()
    if not unit_dir.is_dir():
        raise NotInstalled(f"there is no folder {unit_dir}: name the one where systemd looks for units (--unit-dir)")
    _make_user(user, chosen.data_dir)
    unit = unit_dir / NAME
    unit.write_text(text, encoding="utf-8")
    unit.chmod(0o644)
    typer.echo(f"wrote {unit}")
    if not RUNNING.exists():
        typer.echo("systemd does not run this machine, so it is not started (else: systemctl enable --now lautern)")
        return
    _systemctl("daemon-reload")
    _systemctl("enable", "--now", NAME)
    typer.echo("started, now and at each boot; its log: journalctl -u lautern -f")


@app.command()
def uninstall(unit_dir: Annotated[Path, _UNIT_DIR] = UNITS) -> None:
    """End it and take the unit away; data, settings and the user stay."""
    _require_root()
    unit = unit_dir / NAME
    if not unit.exists():
        raise NotInstalled(f"there is no {unit}")
    if RUNNING.exists():
        _systemctl("disable", "--now", NAME)
    unit.unlink()
    if RUNNING.exists():
        _systemctl("daemon-reload")
    typer.echo(f"removed {unit}; data, settings and the user are as they were")


@app.command()
def status(unit_dir: Annotated[Path, _UNIT_DIR] = UNITS) -> None:
    """Say whether it is installed and runs; exit code 1 when it does not."""
    if not (unit_dir / NAME).exists():
        raise NotInstalled("lautern service install")
    if not RUNNING.exists():
        raise NotInstalled(f"{unit_dir / NAME} is there, but systemd does not run this machine")
    _systemctl("status", "--no-pager", "--lines", "10", NAME)


def _unit(chosen: settings.Settings, config: Path | None, user: str, memory_max: str) -> ServiceUnit:
    ports = (chosen.http.port, chosen.gateway.metrics_port, chosen.broker.port)
    return ServiceUnit(
        data_dir=chosen.data_dir,
        user=user,
        program=Path(sys.executable),
        config=None if config is None else config.absolute(),
        writable=_writable(chosen),
        low_ports=any(0 < port < _PRIVILEGED_BELOW for port in ports),
        memory_max=memory_max,
    )


def _writable(chosen: settings.Settings) -> list[Path]:
    """Folders that settings name for writing, outside the data directory."""
    files = [chosen.audit_key_file, chosen.audit_anchor_file, chosen.secrets_key_file, places_of(chosen).get(REGISTRY)]
    folders = {file.absolute().parent for file in files if file is not None}
    return sorted(folder for folder in folders if not folder.is_relative_to(chosen.data_dir))


def _require_root() -> None:
    if os.geteuid() != 0:
        raise NotInstalled("this changes the system: run it as root (sudo), or look at it with --print")


def _make_user(user: str, data_dir: Path) -> None:
    """Make a user without a login, and give him the data directory and what is in it."""
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        _run("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", user)
        found = pwd.getpwnam(user)
        typer.echo(f"made the user {user}")
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder, _, files in os.walk(data_dir):
        for path in (folder, *(os.path.join(folder, name) for name in files)):  # noqa: PTH118 - as os.walk has it
            os.chown(path, found.pw_uid, found.pw_gid, follow_symlinks=False)
    if not all(_reaches(found, program) for program in (Path(sys.executable), Path(sys.executable).resolve())):
        typer.echo(f"note: {user} must be able to run {sys.executable}: install Lautern where everybody may read it")


def _reaches(user: pwd.struct_passwd, program: Path) -> bool:
    """Whether the folders on the way are open to everybody; a rough look, without groups."""
    return all(folder.stat().st_uid == user.pw_uid or folder.stat().st_mode & 0o001 for folder in program.parents)


def _systemctl(*arguments: str) -> None:
    _run("systemctl", *arguments)


def _run(name: str, *arguments: str) -> None:
    """Raises NotInstalled."""
    program = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        raise NotInstalled(f"there is no {name} on this machine")
    done = subprocess.run([program, *arguments], check=False)
    if done.returncode != 0:
        raise NotInstalled(f"{name} {' '.join(arguments)}: exit code {done.returncode}")


if __name__ == "__main__":
    program_support.run_program("service", app)
