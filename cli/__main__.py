"""The command line `lautern`: starts the program of each verb and imports none of them."""

import os
import sys
from typing import Final, NoReturn

import typer

from runtime import shell_completion
from runtime.private_umask import keep_new_files_private
from runtime.version import VERSION

_PASSED_ON: Final = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
_EXAMPLES: Final = """\b
Examples:
  lautern demo                        a city with a day of history, live, in ./var/demo
  lautern init --data-dir /srv/lautern    settings, tables and the first key of an installation
  lautern up --data-dir /srv/lautern      run it: broker, gateway, API
  lautern user add leader --role drone_leader --data-dir /srv/lautern
  lautern backup --data-dir /srv/lautern --to /backups
  lautern login https://lautern.example.org --name anna
  lautern command dim group/fauthweg level_pct=80 --for 5m --wait
  lautern alarm list --json

\b
Exit codes: 0 done, 1 failed or refused, 2 wrong usage or settings, 3 something could not be reached,
4 another gateway runs, 5 not signed in or not allowed, 6 a device did not apply the command."""
VERBS: Final = {
    "login": ("cli.remote.login", "Sign in to an API: with name and password, a key, or a link."),
    "logout": ("cli.remote.logout", "End the session and forget who was signed in."),
    "me": ("cli.remote.me", "Who am I, what may I do, and in which town am I at work."),
    "device": ("cli.remote.device", "Devices and what they say; approve those that wait."),
    "command": ("cli.remote.command", "Send commands, list and cancel them."),
    "alarm": ("cli.remote.alarm", "List alarms, say that you have seen one, put one aside."),
    "user": ("cli.remote.user", "Let people in, give them roles, shut them out."),
    "privacy": ("cli.remote.privacy", "What was deleted when, and the register of processing."),
    "key": ("cli.remote.key", "Make, list and revoke API keys."),
    "tenant": ("cli.remote.tenant", "Take in, list and rename towns."),
    "demo": ("cli.demo.program", "A demo city: broker, gateway, API, simulated devices and a day of history."),
    "up": ("cli.up", "Run broker, gateway and API on this machine, and watch them."),
    "init": ("cli.init", "Set up an installation: settings, tables, the first key."),
    "gateway": ("runtime.gateway_role", "Run the gateway alone: MQTT in and out. One per installation."),
    "api": ("runtime.api_role", "Run the API alone; any number may run."),
    "simulate": ("simulators", "Simulated devices that speak MQTT like real ones; load and faults too."),
    "service": ("cli.service", "Run it as a service of systemd: start at boot, limits, hardening."),
    "migrate": ("cli.migrate", "Bring the registry's tables up to date."),
    "audit": ("cli.audit", "Show, export and verify the audit log."),
    "broker": ("cli.broker", "Configuration for nats-server or mosquitto; logins of devices."),
    "auth-callout": ("runtime.broker.auth_callout_role", "Let devices in at a nats-server that is run apart."),
    "backup": ("cli.backup", "Put everything of an installation into one file, while it runs."),
    "restore": ("cli.restore", "Restore a backup into an empty data directory, or check one."),
    "store-tokens": ("runtime.store_tokens", "Tokens of InfluxDB for gateway and API that may no more than they must."),
    "doctor": ("cli.doctor", "Say what works, what does not, and what to do about it."),
}
app = typer.Typer(
    name="lautern",
    help="Lautern, the device backend of a city.",
    epilog=_EXAMPLES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _start(module: str, arguments: list[str]) -> NoReturn:
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])


def _offer(verb: str, module: str, about: str) -> None:
    @app.command(verb, help=about, short_help=about, context_settings=_PASSED_ON)
    def start(context: typer.Context) -> None:
        _start(module, context.args)


for _verb, (_module, _about) in VERBS.items():
    _offer(_verb, _module, _about)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(f"lautern {VERSION}")


def main() -> int:
    """Run the command line; the exit code is given by the programs."""
    keep_new_files_private()
    ours = {verb: module for verb, (module, _) in VERBS.items() if module.startswith(("cli.", "runtime."))}
    handed_on = shell_completion.handed_on(os.environ, ours)
    if handed_on is not None:
        module, environment = handed_on
        os.execve(sys.executable, [sys.executable, "-m", module], dict(environment))
    app(prog_name="lautern")
    return 0


if __name__ == "__main__":
    sys.exit(main())
