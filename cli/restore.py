"""`lautern restore`: an archive of `lautern backup` into an empty installation."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from devices.errors import ConfigurationError
from runtime import program_support, settings
from runtime.backup_archive import targets
from runtime.backup_archive.archive_reader import VerifiedArchive, verify_archive
from runtime.backup_archive.cleanup import sigterm_ends_in_good_order
from runtime.backup_archive.encryption import read_identities
from runtime.backup_archive.foreign_settings import (
    find_foreign_settings,
    parse_archived_settings,
    replace_settings,
    require_confirmed,
)
from runtime.backup_archive.installation_restore import ArchiveRestorer, RestoreFailed
from runtime.backup_archive.manifest import ArchiveManifest
from runtime.backup_archive.progress import ArchiveProgress, readable_size, say_line
from runtime.installation import exclusive_data_dir
from runtime.private_file import replace_private_file
from runtime.settings import FILE_NAME, Settings

STAGE: Final = ".restoring"


def restore(
    archive: Annotated[Path, typer.Argument(help="As `lautern backup` wrote it.")],
    *,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Where it goes: empty, or not there yet.", show_default=False)
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings to take instead of the archive's.", show_default=False)
    ] = None,
    identity: Annotated[
        Path | None, typer.Option("--identity", help="File with the secret key of a sealed one.", show_default=False)
    ] = None,
    trust_settings: Annotated[
        bool, typer.Option("--trust-settings", help="Follow the archive's settings outside the data directory, too.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only verify the archive and say what is in it.")] = False,
) -> None:
    """Restore a backup into an empty data directory, an empty InfluxDB, an empty PostgreSQL database; or check it.

    Every byte is verified first, and what is there afterwards is counted and compared. What the archive's settings name
    outside the data directory (hosts, files, who may open backups) is shown, and followed only when you give it again
    by the environment, give other settings (--config), or say that it is yours (--trust-settings).

    \b
    Examples:
      lautern restore --check /backups/lautern-2026-11-25T210000Z.tar.gz
      lautern restore /backups/lautern-2026-11-25T210000Z.tar.gz --data-dir /srv/lautern
      lautern restore /backups/lautern-2026-11-25T210000Z.tar.gz --data-dir /srv/lautern --trust-settings
      LAUTERN_STORE__URL=http://new:8086 LAUTERN_STORE__TOKEN_FILE=token lautern restore FILE --data-dir /srv/lautern
    """  # noqa: D301 - typer keeps the lines after it
    if not check and data_dir is None:
        raise ConfigurationError("say where it goes (--data-dir), or --check")
    folder = data_dir.absolute() if data_dir else None
    if folder is not None and not check:
        targets.require_empty_folder(folder)
    say_line(f"verifying {archive}")
    verified = verify_archive(archive, ArchiveProgress("verifying"), read_identities(identity) if identity else ())
    targets.require_known(verified.manifest)
    _describe(verified.manifest)
    found = (
        [] if config else find_foreign_settings(parse_archived_settings(verified.settings), folder or Path("/nowhere"))
    )
    if check or folder is None:
        for one in found:
            say_line(f"  its settings name: {one.key} = {one.shown}")
        return
    given = settings.given_by_environment()
    if not trust_settings:
        require_confirmed(found, given)
    again = [one.key for one in found if one.key in given]
    with sigterm_ends_in_good_order(), exclusive_data_dir(folder):
        targets.require_empty_folder(folder)
        try:
            _restore(verified, folder, config, again)
        except OSError as problem:
            raise RestoreFailed(f"{problem.filename or folder}: {problem.strerror or problem}") from None
    say_line(f"restored; start it with: lautern up --data-dir {data_dir}")
    named = sorted(name for name in os.environ if name.startswith(("LAUTERN_STORE_", "LAUTERN_REGISTRY_")))
    if named:
        say_line(f"with {', '.join(named)} as now, or write them into {folder / FILE_NAME}")


def _restore(verified: VerifiedArchive, folder: Path, config: Path | None, again: Sequence[str]) -> None:
    with _stage(folder) as stage:
        chosen = _settings(verified, folder, stage, config)
        # What was given again stands in the file, too: without the environment the archive's would be followed.
        values = {key: settings.plain_value(chosen, key) for key in again}
        rewritten = replace_settings(verified.settings.decode(), values) if values else None
        targets.require_empty_registry(chosen, verified.manifest)
        targets.require_empty_store(chosen, verified.manifest)
        returning = ArchiveRestorer(chosen, verified, stage)
        returning.require_room()
        say_line("restoring")
        try:
            returning.unpack()
            returning.compare_databases()
            returning.compare_buckets()
            returning.fill_registry()
            returning.make_registry_ready()
        except BaseException:
            _say_what_is_left(chosen, verified.manifest)
            raise
        if config is not None:
            replace_private_file(stage / FILE_NAME, config.read_text(encoding="utf-8").rstrip("\n"))
        elif rewritten is not None:
            replace_private_file(stage / FILE_NAME, rewritten)
        returning.settle()


def _say_what_is_left(chosen: Settings, manifest: ArchiveManifest) -> None:
    """Buckets are not deleted by us: who runs InfluxDB does that."""
    filled = [targets.bucket_name(chosen, bucket) for bucket in manifest.telemetry.buckets]
    if filled:
        say_line(f"broken off: delete these buckets before you try again: {', '.join(filled)}")


def _settings(verified: VerifiedArchive, folder: Path, stage: Path, config: Path | None) -> Settings:
    """Settings of the restored installation. Raises ConfigurationError."""
    if config is None and verified.settings:
        look = stage / "settings"
        replace_private_file(look, verified.settings.decode(errors="replace"))
        try:
            return settings.load_settings(folder, look)
        finally:
            look.unlink()
    return settings.load_settings(folder, config)


@contextmanager
def _stage(folder: Path) -> Iterator[Path]:
    """A folder inside the data directory for what is not yet whole; gone after the block, whatever came of it."""
    stage = folder / STAGE
    stage.mkdir(mode=0o700)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _describe(manifest: ArchiveManifest) -> None:
    telemetry = manifest.telemetry
    say_line(
        f"  made by Lautern {manifest.program}, begun {manifest.created_at}: {readable_size(manifest.bytes)} unpacked"
    )
    say_line(f"  registry: {manifest.registry.kind}; telemetry: {telemetry.kind}")
    for member, counted in sorted(manifest.rows().items()):
        say_line(f"  {member}: {sum(counted.values()):,} rows")
    for bucket in telemetry.buckets:
        say_line(f"  InfluxDB, {bucket.kind}{', rollups' if bucket.rollups else ''}: {bucket.values:,} values")
    for missing in manifest.not_included:
        say_line(f"  not included: {missing}")
    say_line("every byte is as it was written")


if __name__ == "__main__":
    program_support.run_program("restore", restore)
