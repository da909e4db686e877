"""`lautern keys`: makes, lists and revokes API keys, for whoever has the machine; the API does it for others."""

import re
import time
import uuid
from pathlib import Path
from typing import Annotated

import typer

from api.authentication import new_key
from api.sessions import secret_digest
from application.ports.api_keys import ApiKey, ApiKeys
from application.ports.registry import Registry
from application.tenants import must_be_served
from devices.errors import Conflict, Invalid
from devices.time_us import DAY_US, rfc3339
from runtime import program_support, settings
from runtime.audit_setup import by_machine, machine_actor
from runtime.registry_access import registry_of

_SCOPE = re.compile(r"\*|[a-z][a-z0-9_]{0,63}:(\*|[a-z][a-z0-9_]{0,63})")
app = program_support.new_app("Make, list and revoke API keys.")


def make_key(registry: Registry, name: str, scopes: list[str], tenant: str | None, days: int | None = None) -> str:
    """Store a new key and return it, the only time. Raises Invalid, Conflict."""
    wrong = [scope for scope in scopes if not _SCOPE.fullmatch(scope)]
    if wrong or not scopes:
        raise Invalid(f"{', '.join(wrong) or 'no scope'}: a scope is '*', 'subject:verb' or 'subject:*'", field="scope")
    prefix, secret = new_key()
    now_us = time.time_ns() // 1000
    key = ApiKey(
        key_id=uuid.uuid4().hex,
        prefix=prefix,
        secret_sha256=secret_digest(secret),
        name=name,
        tenant_id=tenant,
        scopes=frozenset(scopes),
        created_us=now_us,
        expires_us=now_us + days * DAY_US if days else None,
        created_by=machine_actor(),
    )
    with registry.write() as tx:
        if tenant is not None:
            must_be_served(tx, tenant, "tenant")
        keys = tx.get(ApiKeys)
        if any(other.name == name and other.revoked_us is None for other in keys.all()):
            raise Conflict(f"a key named {name!r} exists: commands and alarms are signed with it", field="name")
        keys.add(key)
        by_machine(tx, "api_key.create", f"api_key/{key.key_id}", tenant, {"name": name, "scopes": sorted(key.scopes)})
    return f"{prefix}.{secret}"


@app.command()
def create(  # noqa: PLR0917 - typer takes options so
    name: Annotated[str, typer.Argument(help="Who holds it; commands and alarms are signed with it.")],
    scope: Annotated[list[str], typer.Option("--scope", help="What it may do; may be given several times.")],
    tenant: Annotated[str | None, typer.Option("--tenant", help="Only this municipality's; default: all.")] = None,
    days: Annotated[int | None, typer.Option("--days", help="Ends after so many days.", min=1)] = None,
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
) -> None:
    """Make a key and show it this once.

    '*' is everything but restricted kinds: the fire brigade's data need 'fire_drone:*'.

    Example:  lautern keys create brigade --scope 'fire_drone:*' --tenant kaiserslautern
    """
    with registry_of(settings.load_settings(data_dir, config), recording=True) as registry:
        typer.echo(make_key(registry, name, scope, tenant, days))


@app.command("list")
def list_keys(
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
) -> None:
    """List the keys, without their secrets."""
    with registry_of(settings.load_settings(data_dir, config)) as registry, registry.read() as tx:
        for key in tx.get(ApiKeys).all():
            state = "revoked" if key.revoked_us else f"until {rfc3339(key.expires_us)}" if key.expires_us else "valid"
            scopes = " ".join(sorted(key.scopes))
            whose = f"{key.tenant_id or 'all tenants'}  by {key.created_by or 'nobody known'}"
            typer.echo(f"{key.key_id}  {key.prefix}  {key.name}  [{scopes}]  {whose}  {state}")


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="As `lautern keys list` shows it.")],
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
) -> None:
    """Revoke a key; it fails from its next use on."""
    with registry_of(settings.load_settings(data_dir, config), recording=True) as registry, registry.write() as tx:
        keys = tx.get(ApiKeys)
        keys.revoke(key_id, time.time_ns() // 1000)
        tenant = next(key.tenant_id for key in keys.all() if key.key_id == key_id)
        by_machine(tx, "api_key.revoke", f"api_key/{key_id}", tenant)


if __name__ == "__main__":
    program_support.run_program("keys", app)
