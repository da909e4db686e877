"""`lautern tenant`: takes in, lists and renames towns, for whoever has the machine; the API does it for others."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from application.ports.tenants import TenantRepository
from application.tenants import add_tenant
from devices.errors import Conflict, Invalid
from devices.time_us import rfc3339
from devices.topics import is_id
from runtime import program_support, settings
from runtime.audit_setup import by_machine
from runtime.registry_access import registry_of

app = program_support.new_app("Take in, list and rename towns.")
Id = Annotated[str, typer.Argument(help="As it stands in topics, such as kaiserslautern.")]
Name = Annotated[str, typer.Argument(help="As people read it, such as 'Stadt Kaiserslautern'.")]


@app.command()
def add(
    tenant_id: Id,
    name: Name,
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
) -> None:
    """Take in a town; devices, groups, events, keys and people may belong to it from now on.

    Example:  lautern tenant add speyer 'Stadt Speyer'
    """
    if not is_id(tenant_id):
        raise Invalid(f"{tenant_id!r} must be 1 to 64 letters, digits, _ or -", field="tenant_id")
    with registry_of(settings.load_settings(data_dir, config), recording=True) as registry, registry.write() as tx:
        if not add_tenant(tx, tenant_id, _printable(name), time.time_ns() // 1000):
            raise Conflict(f"{tenant_id} is here already", field="tenant_id")
        by_machine(tx, "tenant.create", f"tenant/{tenant_id}", tenant_id, {"name": name})


@app.command("list")
def list_tenants(
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
) -> None:
    """List the towns."""
    with registry_of(settings.load_settings(data_dir, config)) as registry, registry.read() as tx:
        for town in tx.get(TenantRepository).all():
            typer.echo(f"{town.tenant_id}  {town.name}  since {rfc3339(town.created_us)}")


@app.command()
def rename(
    tenant_id: Id,
    name: Name,
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
) -> None:
    """Change the name that people read; the id stays.

    Example:  lautern tenant rename speyer 'Domstadt Speyer'
    """
    with registry_of(settings.load_settings(data_dir, config), recording=True) as registry, registry.write() as tx:
        towns = tx.get(TenantRepository)
        towns.change(replace(towns.get(tenant_id), name=_printable(name)))
        by_machine(tx, "tenant.change", f"tenant/{tenant_id}", tenant_id, {"name": name})


def _printable(name: str) -> str:
    if not name.isprintable() or not 0 < len(name) <= 200:
        raise Invalid("must be 1 to 200 printable characters", field="name")
    return name


if __name__ == "__main__":
    program_support.run_program("tenant", app)
