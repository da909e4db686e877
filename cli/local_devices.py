"""`lautern devices`: what waits for approval, and approving it; the API does the same and more."""

import time
from pathlib import Path
from typing import Annotated

import typer

from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from application.tenants import must_be_served
from devices.time_us import rfc3339
from runtime import program_support, settings
from runtime.audit_setup import by_machine
from runtime.registry_access import registry_of

app = program_support.new_app("List devices that wait for approval, approve one.")


@app.command()
def unknown(
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
) -> None:
    """List devices that speak and are not registered."""
    with registry_of(settings.load_settings(data_dir, config)) as registry, registry.read() as tx:
        for device in tx.get(AssetRepository).unknown(1000).items:
            seen = rfc3339(device.last_seen_us)
            typer.echo(f"{device.tenant_id}/{device.kind}/{device.device_id}  {device.messages} messages, last {seen}")


@app.command()
def approve(
    device_id: Annotated[str, typer.Argument(help="As `lautern devices unknown` shows it.")],
    name: Annotated[str, typer.Option("--name", help="Name for people; default: the device's id.")] = "",
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
) -> None:
    """Register a waiting device as an asset of the same id.

    Example:  lautern devices approve my-lamp --name 'Lamp at the gate'
    """
    with registry_of(settings.load_settings(data_dir, config), recording=True) as registry, registry.write() as tx:
        inventory = tx.get(AssetRepository)
        waiting = inventory.get_unknown(device_id)
        must_be_served(tx, waiting.tenant_id)
        info = waiting.info or {}
        now_us = time.time_ns() // 1000
        inventory.add(
            Asset(
                asset_id=device_id,
                tenant_id=waiting.tenant_id,
                kind=waiting.kind,
                name=name or device_id,
                created_us=now_us,
                lat=info.get("lat"),
                lon=info.get("lon"),
            )
        )
        inventory.bind(DeviceBinding(device_id, device_id, waiting.tenant_id, waiting.kind, now_us))
        by_machine(tx, "device.approve", f"{waiting.kind}/{device_id}", waiting.tenant_id)
        typer.echo(f"{device_id} is registered; what it says from now on is kept")


if __name__ == "__main__":
    program_support.run_program("devices", app)
