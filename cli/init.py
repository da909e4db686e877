"""`lautern init`: settings file, secrets, tables, the first user and the first key of an installation."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from application.access.actor import Actor
from application.access.api_keys import KeyRequest, make_api_key
from application.access.roles import EVERYTHING
from application.access.sign_in_links import FIRST_USER, invite_first_user
from application.ports.registry import Registry
from application.tenants import take_in_first_tenant
from devices.errors import Conflict
from devices.kind_catalog import KindCatalog, discover_kinds
from runtime import influxdb_check, program_support, settings, settings_models
from runtime.audit_setup import now_us, operator
from runtime.bootstrap_settings import settings_text
from runtime.broker.service_passwords import INSIDE, ServicePasswords
from runtime.certificates import make_server_files
from runtime.file_modes import mend_modes, modes_sentence
from runtime.installation import sign_in_link
from runtime.private_file import replace_private_file
from runtime.registry_access import registry_of

ADMIN: Final = "admin"


class StoreKind(StrEnum):
    """Telemetry stores."""

    SQLITE = "sqlite"
    INFLUXDB = "influxdb"


def init(
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    tenant: Annotated[str, typer.Option("--tenant", help="The municipality.")] = "kaiserslautern",
    store: Annotated[StoreKind, typer.Option("--store", help="Where telemetry is kept.")] = StoreKind.SQLITE,
    public_host: Annotated[
        list[str] | None,
        typer.Option("--public-host", help="Name or address of this machine for others: listens for them."),
    ] = None,
) -> None:
    """Set up an installation; what is already there stays as it is.

    In the folder `tls` it makes an authority and a server's certificate, for a first try.

    Example:  lautern init --data-dir /srv/lautern --tenant kaiserslautern
    """
    folder = (data_dir or Path(os.environ.get("LAUTERN_DATA_DIR", settings.DEFAULT_DATA_DIR))).absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    make_server_files(folder / "tls", public_host or [])
    file = folder / settings.FILE_NAME
    if file.exists():
        typer.echo(f"{file} is kept")
    else:
        replace_private_file(file, settings_text(tenant, store, folder, public_host[0] if public_host else None))
        typer.echo(f"wrote {file}")
    chosen = settings.load_settings(folder)
    if open_to_others := modes_sentence(mend_modes(chosen)):
        typer.echo(open_to_others)
    if chosen.broker.mode == "embedded":
        logins = ServicePasswords(chosen.data_dir / "broker")
        for user in INSIDE:
            logins.password_file(user)
    _check_store(chosen.store)
    with registry_of(chosen, migrate=True, recording=True) as registry:
        typer.echo("the registry's tables are up to date")
        typer.echo(f"the audit log is sealed with {chosen.audit_key_file}: keep a copy of it elsewhere")
        catalog = discover_kinds()
        actor = operator(catalog)
        key = _first_key(registry, actor, catalog, folder)
        with registry.write() as tx:
            take_in_first_tenant(tx, actor, chosen.default_tenant, now_us())
            secret = invite_first_user(tx, actor, now_us())
    link = None if secret is None else sign_in_link(chosen.http.address, secret)
    typer.echo(_told(key, link, chosen.default_tenant, folder))


def _first_key(registry: Registry, actor: Actor, catalog: KindCatalog, folder: Path) -> str | None:
    try:
        with registry.write() as tx:
            return make_api_key(tx, actor, catalog, KeyRequest(ADMIN, frozenset({EVERYTHING})), now_us())[1]
    except Conflict:
        another = f"lautern key create NAME --scope '*' --data-dir {folder}"
        typer.echo(f"the key {ADMIN!r} exists; make another with: {another}")
        return None


def _told(key: str | None, link: str | None, tenant: str, folder: Path) -> str:
    parts = [
        f"""
Start with:

    lautern up --data-dir {folder}"""
    ]
    if link is not None:
        parts.append(f"""
Then choose the password of the first user, {FIRST_USER}, by this link. It works once, within a week; another is made
by running this again, as long as nobody can sign in:

    {link}""")
    else:
        parts.append("\nUsers are there; who lost a password gets a link by: lautern user link NAME")
    if key is not None:
        parts.append(f"""
The first key for programs, shown this once. Like that user it may do everything but see the fire brigade's data:

    {key}

The brigade's leader gives the brigade's roles; the first one is made here, and somebody else should get the link:

    lautern user add NAME --role drone_leader --tenant {tenant} --data-dir {folder}""")
    return "\n".join(parts)


def _check_store(store: settings_models.StoreSettings) -> None:
    if store.kind == "influxdb" and store.token is not None:
        there = influxdb_check.check_influxdb(store.url, store.org, store.token.get_secret_value(), store.bucket_prefix)
        typer.echo(f"InfluxDB answers; buckets of ours: {', '.join(there) or 'none yet, made at the first start'}")


if __name__ == "__main__":
    program_support.run_program("init", init)
