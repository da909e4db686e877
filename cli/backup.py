"""`lautern backup`: everything of an installation in one file, while it runs."""

import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from devices.errors import ConfigurationError
from devices.kind_catalog import discover_kinds
from devices.time_us import from_us, rfc3339
from runtime import program_support, settings
from runtime.backup_archive import encryption
from runtime.backup_archive.archive_writer import write_archive
from runtime.backup_archive.cleanup import sigterm_ends_in_good_order
from runtime.backup_archive.encryption import SUFFIX
from runtime.backup_archive.installation_backup import BackupFailed, BackupWriter
from runtime.backup_archive.manifest import FORMAT, ArchiveHeader, ArchiveManifest
from runtime.backup_archive.progress import readable_size, say_line
from runtime.backup_archive.snapshot import take_snapshot
from runtime.settings import Settings
from runtime.version import VERSION

NEVER_INCLUDED: Final = (
    "secrets that the environment gives (LAUTERN_…, …_FILE), and certificates that the settings name",
    "messages that the broker has acknowledged to devices and not yet delivered to the gateway",
    "what the broker retains: the gateway publishes configurations again, devices say the rest again",
    "logs, and files of the journal that were set aside as damaged",
)


def backup(
    to: Annotated[
        Path | None,
        typer.Option("--to", help="Folder that is there, or a new file (.tar.gz, .tar).", show_default=False),
    ] = None,
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
    without_telemetry: Annotated[  # noqa: FBT002 - typer takes options so
        bool, typer.Option("--without-telemetry", help="Leave the stored samples out; the rest is small and quick.")
    ] = False,
    new_key: Annotated[
        Path | None, typer.Option("--new-key", help="Make a secret key to open backups with, and nothing else.")
    ] = None,
) -> None:
    """Put everything of an installation into one file, while it runs; all that was acknowledged before is in it.

    Databases and journals, settings, ids and logins; telemetry from SQLite or InfluxDB. The file holds secrets: keep it
    where only you can read it. It appears under its name when it is whole; its name is printed on standard output.

    \b
    Examples:
      lautern backup --data-dir /srv/lautern --to /backups
      lautern backup --data-dir /srv/lautern --to /backups/before-the-upgrade.tar.gz
      lautern restore --check /backups/before-the-upgrade.tar.gz
      lautern backup --new-key /media/stick/brigade.key
    """  # noqa: D301 - typer keeps the lines after it
    if new_key is not None:
        _make_key(new_key)
        return
    if to is None:
        raise ConfigurationError("say where it goes (--to)")
    chosen = settings.load_settings(data_dir, config)
    if not chosen.data_dir.is_dir():
        raise BackupFailed(f"there is no {chosen.data_dir} (--data-dir)")
    now_us = time.time_ns() // 1000
    target = _target(to, now_us, sealed=bool(chosen.backup.recipients))
    with sigterm_ends_in_good_order():
        try:
            _make(chosen, config, target, now_us, telemetry=not without_telemetry)
        except OSError as problem:
            raise BackupFailed(f"{problem.filename or target}: {problem.strerror or problem}") from None
    say_line(
        f"done in {time.time() - now_us / 1e6:.0f} s: {readable_size(target.stat().st_size)}, SHA-256 {_sha256(target)}"
    )
    typer.echo(str(target))


def _make(chosen: Settings, config: Path | None, target: Path, now_us: int, *, telemetry: bool) -> None:
    header = ArchiveHeader(format=FORMAT, program=VERSION, created_at=rfc3339(now_us))
    say_line(f"copying {chosen.data_dir} to {target}")
    if not chosen.backup.recipients:
        say_line("  not sealed: whoever has the file reads all of it, the brigade's data too; see backup.recipients")
    with _stage(target) as stage, write_archive(target, header, chosen.backup.recipients) as archive:
        taking = BackupWriter(chosen, discover_kinds(), archive, stage, list(NEVER_INCLUDED))
        taking.plain_files(config)
        with take_snapshot(chosen, telemetry=telemetry and chosen.store.kind == "sqlite") as state:
            say_line(f"  all databases as of one moment; the registry waited {state.stopped_ms:.0f} ms")
            registry = taking.databases(state)
        kept = taking.telemetry(now_us, wanted=telemetry)
        archive.finish(
            ArchiveManifest(
                **header.model_dump(),
                registry=registry,
                telemetry=kept,
                members=archive.members,
                not_included=taking.not_included,
            )
        )


def _target(to: Path, now_us: int, *, sealed: bool) -> Path:
    """File to write: in the folder `to` one with the time in its name, or `to`, named as what it is.

    Raises BackupFailed, also for a name that does not end as an archive's: it was meant as a folder, such as that of a
    disk that is not there.
    """
    target = to.absolute()
    endings = [ending + (SUFFIX if sealed else "") for ending in (".tar.gz", ".tar")]
    if target.is_dir():
        target /= f"lautern-{from_us(now_us):%Y-%m-%dT%H%M%SZ}.tar.gz{SUFFIX if sealed else ''}"
    if target.exists():
        raise BackupFailed(f"{target} is there already, and no backup is overwritten")
    if not target.name.endswith(tuple(endings)):
        raise BackupFailed(f"there is no folder {target} (--to): make it, or name a new file {' or '.join(endings)}")
    if not target.parent.is_dir():
        raise BackupFailed(f"there is no folder {target.parent} for {target.name} (--to): make it first")
    return target


@contextmanager
def _stage(target: Path) -> Iterator[Path]:
    """A folder beside the target that goes with the block; also the sign that nobody else writes the same file."""
    stage = target.with_name(f".{target.name}.stage")
    stage.mkdir(mode=0o700)
    try:
        yield stage
    finally:
        shutil.rmtree(stage)


def _make_key(path: Path) -> None:
    try:
        public = encryption.new_key(path)
    except OSError as problem:
        raise BackupFailed(f"{path}: {problem.strerror}") from None
    say_line(f"wrote {path}: who has it opens backups; keep it twice, never where the backups are. In lautern.toml:")
    typer.echo(f'[backup]\nrecipients = ["{public}"]')


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    program_support.run_program("backup", backup)
