"""How alarms reach people, built from the settings."""

from devices.alarm_texts import AlarmText, text_of
from devices.catalog import Catalog
from devices.notifying.rules import Channel
from devices.notifying.wording import Wording
from devices.ports.registry import Registry
from gateway.notifying.attempts import Attempts
from gateway.notifying.mail import Mails, MailServer
from gateway.notifying.sending import Begin, Sending
from gateway.notifying.service import Notifying
from gateway.notifying.watching import Watching
from gateway.notifying.webhook import Webhooks
from runtime.sections import Mail
from runtime.settings import Settings
from runtime.version import VERSION


def notifying_of(settings: Settings, registry: Registry, catalog: Catalog) -> Notifying:
    """The gateway's part. Raises ConfigurationError for certificates that cannot be read."""

    def words(kind: str, name: str) -> AlarmText:
        return text_of(name, catalog[kind].alarm_texts) if kind in catalog else text_of(name)

    allowed = settings.notifications.allowed
    mails = Mails(allowed, mail_server(settings.mail))
    webhooks = Webhooks(allowed, VERSION, ca_file=settings.notifications.ca_file)
    channels: dict[Channel, Begin] = {Channel.EMAIL: mails.attempt, Channel.WEBHOOK: webhooks.attempt}
    wording = Wording(words, settings.http.public_url)
    return Notifying(Watching(registry, catalog, wording), Sending(registry, channels, Attempts()))


def mail_server(settings: Mail) -> MailServer | None:
    """Where mail is handed over; None where that is not set."""
    if settings.host is None:
        return None
    return MailServer(
        host=settings.host,
        port=settings.port or {"tls": 465, "starttls": 587, "none": 25}[settings.security],
        security=settings.security,
        sender=settings.sender,
        username=settings.username,
        password=None if settings.password is None else settings.password.get_secret_value(),
        ca_file=settings.ca_file,
    )
