"""`lautern migrate`: brings the registry's tables up to date."""

from pathlib import Path
from typing import Annotated

import typer

from runtime import program_support, settings
from runtime.registry_access import registry_of


def migrate(
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
) -> None:
    """Bring the registry's tables up to date; safe to repeat, and while Lautern runs on PostgreSQL.

    Example:  lautern migrate --data-dir /srv/lautern
    """
    with registry_of(settings.load_settings(data_dir, config), migrate=True):
        typer.echo("the registry's tables are up to date")


if __name__ == "__main__":
    program_support.run_program("migrate", migrate)
