"""`lautern init`: settings file, secrets, tables and the first key of an installation."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from devices.errors import Conflict
from runtime import influxdb_check, saying, settings
from runtime.broker.logins import INSIDE, Logins, write_secret
from runtime.keys import make_key
from runtime.registry_access import registry_of

ADMIN: Final = "admin"
TEMPLATE: Final = """\
# Lautern. Every key may also be given by the environment, such as LAUTERN_HTTP__PORT=8080, and every secret by a file:
# LAUTERN_STORE__TOKEN_FILE=/run/secrets/influxdb-token. Unknown keys are errors.
default_tenant = "{tenant}"

[broker]
mode = "embedded"            # a nats-server of our own; "external": the one at url
# url = "mqtts://broker.example.org:8883"
# username = "gateway"       # password: LAUTERN_BROKER__PASSWORD_FILE
# sync_always = true         # one fsync per message: slower, and a power cut loses nothing
# max_store_mb = 1024

[store]
kind = "{store}"             # sqlite or influxdb
# url = "http://127.0.0.1:8086"
# org = "lautern"            # token: LAUTERN_STORE__TOKEN_FILE
# bucket_prefix = "lautern"

[registry]
# url: LAUTERN_REGISTRY__URL_FILE, such as postgresql://lautern:…@localhost/lautern; without it SQLite
# migrate = true

[http]
# host = "127.0.0.1"         # put a proxy with TLS before it
# port = 8000
# public_url = "https://lautern.example.org"    # links in messages begin with it

[audit]
# key_file = "/etc/lautern/audit.key"        # seals the audit log; without it audit.key beside this file
# anchor_file = "/mnt/worm/audit.anchors"    # tells when its end was cut off; best where it can only be appended to

[mail]                       # how alarms reach people; without host no mail is sent
# host = "mail.example.org"
# security = "starttls"      # "tls", or "none" for a relay that asks for no password
# username = "lautern"       # password: LAUTERN_MAIL__PASSWORD_FILE
# sender = "Lautern <lautern@example.org>"

[notifications]              # where alarms may be sent; nothing but what is listed
# mail_domains = ["example.org"]
# webhook_hosts = ["hooks.example.org", "ticket.intern.example.org:8443"]
"""


class StoreKind(StrEnum):
    """Telemetry stores."""

    SQLITE = "sqlite"
    INFLUXDB = "influxdb"


def init(
    data_dir: Annotated[Path | None, saying.DATA_DIR] = None,
    tenant: Annotated[str, typer.Option("--tenant", help="The municipality.")] = "kaiserslautern",
    store: Annotated[StoreKind, typer.Option("--store", help="Where telemetry is kept.")] = StoreKind.SQLITE,
) -> None:
    """Set up an installation; what is already there stays as it is.

    Example:  lautern init --data-dir /srv/lautern --tenant kaiserslautern
    """
    folder = (data_dir or Path(os.environ.get("LAUTERN_DATA_DIR", settings.DEFAULT_DATA_DIR))).absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / settings.FILE_NAME
    if file.exists():
        typer.echo(f"{file} is kept")
    else:
        write_secret(file, TEMPLATE.format(tenant=tenant, store=store))
        typer.echo(f"wrote {file}")
    chosen = settings.load(folder)
    if chosen.broker.mode == "embedded":
        logins = Logins(chosen.data_dir / "broker")
        for user in INSIDE:
            logins.password_file(user)
    _check_store(chosen.store)
    with registry_of(chosen, migrate=True, recording=True) as registry:
        typer.echo("the registry's tables are up to date")
        try:
            key = make_key(registry, ADMIN, ["*"], None)
        except Conflict:
            typer.echo(f"the key {ADMIN!r} exists; make another with: lautern keys create NAME --scope '*'")
            return
    typer.echo(f"""
The first key, shown this once. It may do everything but see the fire brigade's data:

    {key}

The brigade's own key, which somebody else should make and keep:

    lautern keys create brigade --scope 'fire_drone:*' --tenant {chosen.default_tenant} --data-dir {folder}

Start with:

    lautern up --data-dir {folder}""")


def _check_store(store: settings.Store) -> None:
    if store.kind == "influxdb" and store.token is not None:
        there = influxdb_check.check(store.url, store.org, store.token.get_secret_value(), store.bucket_prefix)
        typer.echo(f"InfluxDB answers; buckets of ours: {', '.join(there) or 'none yet, made at the first start'}")


if __name__ == "__main__":
    saying.run("init", init)
