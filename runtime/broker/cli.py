"""`lautern broker`: configuration for brokers that are run apart, and logins of devices for the embedded one."""

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from runtime import saying, settings
from runtime.broker import bounding, mosquitto_conf
from runtime.broker.admission import wait_admitted
from runtime.broker.logins import Logins
from runtime.broker.nats_conf import NatsConf

app = saying.new_app("Configuration for nats-server or mosquitto; logins of devices.")


class Kind(StrEnum):
    """Brokers we know how to set up."""

    NATS = "nats"
    MOSQUITTO = "mosquitto"


@app.command("config")
def print_config(
    kind: Annotated[Kind, typer.Argument(help="Which broker.")],
    data_dir: Annotated[Path | None, saying.DATA_DIR] = None,
    config: Annotated[Path | None, saying.CONFIG] = None,
    outage_hours: Annotated[
        float, typer.Option(help="mosquitto: longest outage of the gateway to bridge.", min=0.1)
    ] = 2,
    rate: Annotated[float, typer.Option(help="mosquitto: messages per second of all devices.", min=0.1)] = 50,
) -> None:
    """Print a configuration with an allow-list per user; nats: it holds passwords, keep it at mode 0600.

    Example:  lautern broker config mosquitto --outage-hours 2 --rate 200 > mosquitto.conf
    """
    chosen = settings.load(data_dir, config)
    if kind is Kind.MOSQUITTO:
        typer.echo(mosquitto_conf.text(outage_s=outage_hours * 3600, rate_per_s=rate))
        typer.echo(mosquitto_conf.acl(chosen.topic_root))
        return
    logins = Logins(chosen.data_dir / "broker")
    conf = NatsConf(
        host="0.0.0.0",  # noqa: S104 - a broker that is run apart is there for others
        mqtt_port=chosen.broker.port,
        client_port=4222,
        store="/var/lib/nats",
        max_store_mb=chosen.broker.max_store_mb,
        sync_always=chosen.broker.sync_always,
        root=chosen.topic_root,
        passwords={user: logins.password(user) for user in ("gateway", "setup", "system")},
        devices=logins.devices(),
    )
    typer.echo(conf.text())


@app.command("add-device")
def add_device(
    user: Annotated[str, typer.Argument(help="TENANT/KIND/DEVICE", metavar="USER")],
    data_dir: Annotated[Path | None, saying.DATA_DIR] = None,
    config: Annotated[Path | None, saying.CONFIG] = None,
) -> None:
    """Let a device connect to the embedded broker: prints its new password; works at once, also while Lautern runs.

    Example:  lautern broker add-device kaiserslautern/streetlight/my-lamp --data-dir var/demo
    """
    folder = settings.load(data_dir, config).data_dir / "broker"
    password = Logins(folder).put_device(user)
    typer.echo(password)
    if not wait_admitted(folder, user, password):
        typer.echo("lautern: the login is saved; the running broker does not accept it yet", err=True)
        raise typer.Exit(saying.UNREACHABLE)


@app.command("drop-device")
def drop_device(
    user: Annotated[str, typer.Argument(help="TENANT/KIND/DEVICE", metavar="USER")],
    data_dir: Annotated[Path | None, saying.DATA_DIR] = None,
    config: Annotated[Path | None, saying.CONFIG] = None,
) -> None:
    """Take a device's login away; its connection ends at once."""
    Logins(settings.load(data_dir, config).data_dir / "broker").drop_device(user)


@app.command("bound")
def bound_queue(
    host: Annotated[str, typer.Option("--host", help="The nats-server.")],
    password_file: Annotated[Path, typer.Option("--password-file", help="Password of its user `setup`.", exists=True)],
    port: Annotated[int, typer.Option("--port", help="Its port for NATS' own protocol.")] = 4222,
    max_mb: Annotated[
        int, typer.Option("--max-mb", help="Bound of the queue; max_file must be well above.", min=64)
    ] = 1024,
    every: Annotated[
        float | None, typer.Option("--every", help="Again each so many seconds; else once.", min=1)
    ] = None,
) -> None:
    """Bound the disk that a nats-server, run apart, takes for queued messages; the embedded one is always bounded.

    At the bound publishers are refused, and nothing acknowledged is lost. Exit code 3 when it does not answer, or no
    MQTT client was there yet.

    Example:  lautern broker bound --host nats --password-file /run/secrets/nats-setup --every 60
    """
    password, told = password_file.read_text(encoding="utf-8").strip(), False
    while True:
        done = bounding.bound(host, port, password, max_mb * 2**20)
        if every is None and not done:
            raise typer.Exit(saying.UNREACHABLE)
        if done and not told:
            typer.echo(f"the queue of {host} is bounded at {max_mb} MB")
        told = done
        if every is None:
            return
        time.sleep(every if done else min(every, 5))


if __name__ == "__main__":
    saying.run("broker", app)
