"""`lautern audit`: shows, exports and verifies the audit log, also where there is nothing but a file of it."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import typer

from api import csv_response
from api.audit_schemas import HEADER, audit_entry_cells
from api.time_parameters import parse_instant
from application.audit.chain_reader import read_entries, read_whole_chain
from application.audit.entry import AuditAnchor, AuditEntry
from application.audit.json_lines import LONGEST_LINE, entry_as_json, entry_as_line, parse_entry
from application.audit.signer import AuditSigner
from application.audit.verification import ChainVerdict, verify_chain, verify_each
from application.ports.audit import AuditFilter, AuditLog
from devices.errors import ConfigurationError, Invalid, LauternError
from devices.kind_catalog import discover_kinds
from devices.time_us import rfc3339
from runtime import audit_setup, exit_codes, program_support, settings
from runtime.registry_access import registry_of
from storage.audit_files import AnchorFile
from storage.key_files import read_key

app = program_support.new_app("Show, export and verify the audit log: who did what, on what, from where, when.")
JSON: Final = typer.Option("--json", help="As JSON.")


class AuditBroken(LauternError):
    """The audit log is not as it was recorded."""


class ExportFormat(StrEnum):
    """Forms of an export."""

    JSONL = "jsonl"
    CSV = "csv"


@app.command("list")
def list_entries(  # noqa: PLR0917 - typer takes options so
    actor: Annotated[str | None, typer.Option("--actor", help="Such as user:anna, key:brigade, machine:root.")] = None,
    action: Annotated[
        str | None, typer.Option("--action", help="Such as command.issue, or 'command.' for all.")
    ] = None,
    thing: Annotated[str | None, typer.Option("--object", help="And what belongs to it: streetlight/L01.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="RFC 3339, such as 2026-05-01T00:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Before this, RFC 3339.")] = None,
    count: Annotated[int, typer.Option("--count", help="At most so many, newest first.", min=1, max=10_000)] = 100,
    as_json: Annotated[bool, JSON] = False,  # noqa: FBT002
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
) -> None:
    """List entries, newest first; those of restricted kinds are left out: whoever may read them has the API.

    \b
    Examples:
      lautern audit list --actor user:anna --from 2026-11-01T00:00:00Z
      lautern audit list --object streetlight/L01 --action command. --json
    """  # noqa: D301 - typer keeps the lines after it
    which = AuditFilter(None, _restricted(), actor, action, thing, None, _instant(since), _instant(until))
    with registry_of(settings.load_settings(data_dir, config)) as registry, registry.read() as tx:
        found = tx.get(AuditLog).find(which, count).items
    for entry in found:
        typer.echo(json.dumps(entry_as_json(entry), ensure_ascii=False) if as_json else _told(entry))


@app.command()
def export(
    to: Annotated[Path | None, typer.Option("--to", help="New file; without it standard output.")] = None,
    form: Annotated[ExportFormat, typer.Option("--format", help="Only jsonl can be verified.")] = ExportFormat.JSONL,
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
) -> None:
    """Write the whole log, oldest first; of restricted kinds only the seals, so that the chain stays whole.

    \b
    Examples:
      lautern audit export --to audit-2026.jsonl
      lautern audit export --format csv > audit.csv
    """  # noqa: D301
    hidden = AuditFilter(hidden_subjects=_restricted())
    with registry_of(settings.load_settings(data_dir, config)) as registry, _opened(to) as file:
        if form is ExportFormat.CSV:
            file.writelines(csv_response.csv_chunks(HEADER, map(audit_entry_cells, read_entries(registry, hidden))))
        else:
            file.writelines(entry_as_line(entry) for entry in read_whole_chain(registry, hidden.shows))


@app.command("verify")
def verify_log(  # noqa: PLR0917
    file: Annotated[
        Path | None, typer.Argument(help="An export as jsonl; without it the installation's own log.")
    ] = None,
    key_file: Annotated[Path | None, typer.Option("--key-file", help="Default: the installation's.")] = None,
    anchor_file: Annotated[Path | None, typer.Option("--anchor-file", help="Default: the installation's.")] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="When it was exported; later anchors do not count.")
    ] = None,
    part: Annotated[bool, typer.Option("--part", help="A selection: each entry by itself.")] = False,  # noqa: FBT002
    as_json: Annotated[bool, JSON] = False,  # noqa: FBT002
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
) -> None:
    """Verify that nothing was changed, deleted, reordered, inserted, forged or cut off; names the first bad entry.

    Exit code 1 when something was, and when the installation's anchors are gone. A file needs neither the
    installation nor its database, only key and anchors.

    \b
    Examples:
      lautern audit verify --data-dir /srv/lautern
      lautern audit verify audit-2026.jsonl --key-file audit.key --anchor-file audit.anchors --json
    """  # noqa: D301
    chosen = settings.load_settings(data_dir, config)
    signer = AuditSigner(read_key(key_file or chosen.audit_key_file), audit_setup.now_us)
    anchors = _anchors(anchor_file, chosen.audit_anchor_file, _instant(until))
    if file is None:
        with registry_of(chosen, migrate=False) as registry:
            verdict = verify_chain(read_entries(registry), signer, anchors, anchored=True)
    else:
        read = _read(file)
        verdict = verify_each(read, signer) if part else verify_chain(read, signer, anchors)
    _tell(verdict, as_json=as_json)


def _tell(verdict: ChainVerdict, *, as_json: bool) -> None:
    """Say what was found. Raises AuditBroken."""
    found = verdict.finding
    if as_json:
        bad = {"seq": found.seq, "fault": found.fault, "sentence": found.sentence} if found else None
        told = {"ok": found is None, "entries": verdict.entries, "closed": verdict.closed, "anchors": verdict.anchors}
        typer.echo(json.dumps({**told, "first_bad": bad}))
        if found:
            raise typer.Exit(exit_codes.FAILED)
        return
    if found:
        raise AuditBroken(f"{found.sentence} ({found.fault}; {verdict.entries} good entries before it)")
    closed = f", {verdict.closed} of them closed" if verdict.closed else ""
    for entry in verdict.lost:
        when = rfc3339(entry.at_us or 0)
        typer.echo(
            f"the anchors were gone at entry {entry.seq}, {when}: what was cut off before cannot be told", err=True
        )
    met = f"{verdict.anchors} anchors agree" if verdict.anchors else "no anchor was met: a cut tail would not be found"
    typer.echo(f"{verdict.entries} entries are as they were recorded{closed}; {met}")


def _anchors(named: Path | None, own: Path, until_us: int | None) -> Iterator[AuditAnchor]:
    """Raises ConfigurationError for a named file that is not there."""
    if named is not None and not named.is_file():
        raise ConfigurationError(f"there is no {named} (--anchor-file)")
    return (a for a in AnchorFile(named or own).all() if until_us is None or a.at_us <= until_us)


def _read(path: Path) -> Iterator[AuditEntry]:
    """Raises Invalid for what is no export, ConfigurationError for what cannot be read."""
    try:
        with path.open("rb") as file:
            for number, text in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), 1):
                yield parse_entry(text, number)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error


@contextmanager
def _opened(to: Path | None) -> Iterator[BinaryIO]:
    if to is None:
        yield sys.stdout.buffer
        sys.stdout.flush()
        return
    try:
        with to.open("xb") as file:
            yield file
    except FileExistsError:
        raise ConfigurationError(f"{to} is there already (--to)") from None


def _restricted() -> frozenset[str]:
    return frozenset(kind.name for kind in discover_kinds().values() if kind.restricted)


def _instant(text: str | None) -> int | None:
    try:
        return None if text is None else parse_instant(text)
    except ValueError as error:
        raise Invalid("no_instant", text=text, why=str(error)) from error


def _told(entry: AuditEntry) -> str:
    deed = entry.deed
    if deed is None or entry.at_us is None:
        return str(entry.seq)
    detail = json.dumps(dict(deed.detail), ensure_ascii=False) if deed.detail else ""
    where = f"from {deed.address}" if deed.address else ""
    parts: Iterable[Any] = (
        *(entry.seq, rfc3339(entry.at_us), deed.actor or "nobody", deed.action, deed.object, deed.result),
        *(where, f"[{deed.tenant_id or 'all tenants'}]", detail),
    )
    return "  ".join(str(p) for p in parts if p)


if __name__ == "__main__":
    program_support.run_program("audit", app)
