"""`lautern store-tokens`: tokens for gateway and API that may do no more than each must, of one that may do all."""

from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from devices.errors import ConfigurationError, StorePlaceMissing, StoreUnavailable
from runtime import program_support, settings
from runtime.influxdb_check import ask_influxdb
from runtime.private_file import replace_private_file

READS: Final = ("read",)
WRITES: Final = ("read", "write")
"""Makes buckets and writes; nothing of users, tokens or other organisations."""


def store_tokens(
    gateway: Annotated[Path, typer.Option("--gateway", help="File for the token of the gateway.")],
    api: Annotated[Path, typer.Option("--api", help="File for the token of the API, which only reads.")],
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
) -> None:
    """Make tokens of InfluxDB that may no more than gateway and API must; tokens that work are kept.

    The token of the settings (store.token) makes them, and is needed for nothing else afterwards.

    Example:  LAUTERN_STORE__TOKEN_FILE=admin lautern store-tokens --gateway gateway.token --api api.token
    """
    store = settings.load_settings(data_dir, config).store
    if store.kind != "influxdb" or store.token is None:
        raise ConfigurationError("store.kind is not influxdb: there are no tokens")
    made_by = store.token.get_secret_value()
    orgs = ask_influxdb(f"{store.url}/api/v2/orgs?org={quote(store.org)}", made_by).get("orgs") or []
    if not orgs:
        raise StorePlaceMissing(f"({store.org}, or the token may not read it)")
    for file, actions in ((gateway, WRITES), (api, READS)):
        if _works(store.url, store.org, file):
            typer.echo(f"{file} is kept")
            continue
        wanted = wanted_token(orgs[0]["id"], actions, f"Lautern, {file.stem}")
        made = ask_influxdb(f"{store.url}/api/v2/authorizations", made_by, wanted)
        replace_private_file(file, str(made["token"]))
        typer.echo(f"wrote {file}: may {' and '.join(actions)} buckets of {store.org}")


def wanted_token(org_id: str, actions: tuple[str, ...], description: str) -> dict[str, Any]:
    """What is asked of InfluxDB: buckets of one organisation, and sight of the organisation itself."""
    permissions = [{"action": action, "resource": {"type": "buckets", "orgID": org_id}} for action in actions]
    permissions.append({"action": "read", "resource": {"type": "orgs", "id": org_id}})
    return {"orgID": org_id, "description": description, "permissions": permissions}


def _works(url: str, org: str, file: Path) -> bool:
    """Whether a file holds a token that InfluxDB knows."""
    if not file.is_file():
        return False
    try:
        return bool(
            ask_influxdb(f"{url}/api/v2/orgs?org={quote(org)}", file.read_text(encoding="ascii").strip()).get("orgs")
        )
    except StoreUnavailable:
        return False


if __name__ == "__main__":
    program_support.run_program("store-tokens", store_tokens)
