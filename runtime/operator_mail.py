"""Mails who runs the machine (`notifications.operators`) what began or ended since he was told; needs no registry."""

import json
import socket
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import typer

from application.health.fault_messages import SENTENCES
from application.health.faults import SystemFault
from application.notifications.allow_list import TargetAllowList
from application.notifications.deliveries import NotificationDelivery
from application.notifications.errors import NotDelivered
from application.notifications.rule_evaluation import NotificationOccasion
from application.notifications.rules import NotificationChannel, NotificationTarget
from devices.errors import LauternError
from gateway.notifications.mail import MailSender
from runtime import exit_codes, logging_setup, process_faults, program_support, settings
from runtime.notification_setup import mail_server
from runtime.operators import TOLD
from runtime.private_file import replace_private_file
from runtime.process_faults import ProcessFault

_ENDED: Final = ("behoben", "ended")


def main(
    data_dir: Annotated[Path, program_support.DATA_DIR], config: Annotated[Path | None, program_support.CONFIG] = None
) -> None:
    """Send what is due; exit code 3 while the mail server takes nothing."""
    chosen = settings.load_settings(data_dir, config)
    logging_setup.set_up(chosen.log)
    faults = {fault.name: fault for fault in process_faults.read_process_faults(chosen.data_dir / process_faults.FILE)}
    mails = MailSender(TargetAllowList(mail_domains=("*",)), mail_server(chosen.mail))
    path = chosen.data_dir / TOLD
    told = _read(path)
    for address in chosen.notifications.operators:
        known = told.get(address, {})
        try:
            for name in sorted({*faults, *known}):
                now = faults.get(name)
                if (now.fault if now else None) != known.get(name):
                    _send(mails, address, name, now, SystemFault(known[name]) if name in known else None)
                    known = {n: f for n, f in known.items() if n != name} | ({name: now.fault} if now else {})
                    told[address] = known
                    _write(path, told)
        except NotDelivered as error:
            typer.echo(f"operators are not told yet: {error.detail}", err=True)
            raise typer.Exit(exit_codes.UNREACHABLE) from None
        except LauternError as error:
            typer.echo(f"{address} cannot be told: {error}", err=True)


def _send(mails: MailSender, address: str, name: str, now: ProcessFault | None, before: SystemFault | None) -> None:
    fault = before if now is None else now.fault
    if fault is None:
        return
    sentence, host = SENTENCES[fault], socket.gethostname()
    if now is None:
        subject = f"Lautern, {host}: {_ENDED[0]}: {name}: {sentence.cause.de}"
        body = f"{name}: {_ENDED[0]}: {sentence.cause.de}.\n\n{name}: {_ENDED[1]}: {sentence.cause.en}.\n"
    else:
        subject = f"Lautern, {host}: {name}: {sentence.cause.de}"
        body = f"{sentence.text('de')}\n\n{sentence.text('en')}\n\n{name}: {now.said}\n"
    at_us = time.time_ns() // 1000
    occasion = NotificationOccasion.RESOLVED if now is None else NotificationOccasion.NEW
    target = NotificationTarget("operators", "", "operators", NotificationChannel.EMAIL, address)
    delivery = NotificationDelivery(
        uuid.uuid4().hex, "", "operators", NotificationChannel.EMAIL, occasion, subject, body, at_us, at_us
    )
    mails.attempt(delivery, target).run()


def _read(path: Path) -> dict[str, dict[str, str]]:
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(a): {n: SystemFault(f) for n, f in known.items()} for a, known in found.items()}
    return {}


def _write(path: Path, told: Mapping[str, Mapping[str, str]]) -> None:
    """On a full disk it is told again later rather than not at all."""
    with suppress(OSError):
        if not any(told.values()):
            path.unlink(missing_ok=True)
            return
        replace_private_file(path, json.dumps(told))


if __name__ == "__main__":
    program_support.run_program("operator-mail", main)
