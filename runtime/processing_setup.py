"""What the settings say for the register of processing."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from application.privacy.processing_register import RegisterFacts
from devices.kind_catalog import KindCatalog
from runtime.retention_periods import days_of
from runtime.settings import Settings


def facts_of(settings: Settings, catalog: KindCatalog) -> RegisterFacts:
    """What the installation knows of itself. Raises ConfigurationError."""
    return RegisterFacts(
        controller=settings.privacy.controller,
        contact=settings.privacy.contact,
        officer=settings.privacy.officer,
        days=days_of(settings, catalog),
        names_days=settings.retention.names_days,
        recipients=tuple(_recipients(settings)),
    )


def _recipients(settings: Settings) -> Iterator[str]:
    if settings.store.kind == "influxdb":
        yield f"InfluxDB: {urlsplit(settings.store.url).hostname}"
    if settings.mail.host is not None:
        yield f"SMTP: {settings.mail.host} ({', '.join(settings.notifications.mail_domains) or '-'})"
    yield from (f"webhook: {host}" for host in settings.notifications.webhook_hosts)
    if settings.oidc.issuer is not None:
        yield f"OpenID: {urlsplit(settings.oidc.issuer).hostname}"
    if settings.web.tile_url:
        yield f"map tiles: {urlsplit(settings.web.tile_url).hostname}"
