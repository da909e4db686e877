"""How alarms reach people, built from the settings."""

from application.notifications.rules import NotificationChannel
from application.notifications.wording import MessageWording
from application.ports.registry import Registry
from devices.kind_catalog import KindCatalog
from gateway.notifications.alarm_watcher import AlarmWatcher
from gateway.notifications.delivery_attempts import DeliveryAttempts
from gateway.notifications.delivery_queue import Begin, NotificationSender
from gateway.notifications.mail import MailSender, MailServer
from gateway.notifications.service import NotificationService
from gateway.notifications.webhook import WebhookSender
from runtime.settings import Settings
from runtime.settings_models import MailSettings
from runtime.version import VERSION


def notifying_of(settings: Settings, registry: Registry, catalog: KindCatalog) -> NotificationService:
    """The gateway's part. Raises ConfigurationError for certificates that cannot be read."""
    allowed = settings.notifications.allowed
    mails = MailSender(allowed, mail_server(settings.mail))
    webhooks = WebhookSender(allowed, VERSION, ca_file=settings.notifications.ca_file)
    channels: dict[NotificationChannel, Begin] = {
        NotificationChannel.EMAIL: mails.attempt,
        NotificationChannel.WEBHOOK: webhooks.attempt,
    }
    wording = MessageWording(settings.http.public_url)
    return NotificationService(
        AlarmWatcher(registry, catalog, wording),
        NotificationSender(registry, channels, DeliveryAttempts()),
    )


def mail_server(settings: MailSettings) -> MailServer | None:
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
