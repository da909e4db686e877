"""Who listens where with TLS: nobody can be reached from elsewhere in plain text unless the settings say why."""

import ipaddress

from devices.errors import ConfigurationError
from runtime.settings_models import BrokerSettings, HttpSettings


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches a listener there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_http(http: HttpSettings) -> None:
    """Raise ConfigurationError when API and /metrics could be reached from elsewhere without TLS."""
    if not (is_loopback(http.host) or http.tls or http.behind_proxy):
        raise ConfigurationError(
            f"http.host = {http.host!r} can be reached from elsewhere and has no TLS: set http.tls_cert_file and "
            "http.tls_key_file (`lautern init --public-host NAME` makes some for a first try), or http.behind_proxy = "
            "true where a proxy with TLS stands before it"
        )


def check_broker(broker: BrokerSettings) -> None:
    """Raise ConfigurationError when the embedded broker could be reached from elsewhere without TLS."""
    if broker.tls and (broker.tls_cert_file is None or broker.tls_key_file is None):
        raise ConfigurationError(
            "broker.url is mqtts://: set broker.tls_cert_file and broker.tls_key_file "
            "(`lautern init --public-host NAME` makes some for a first try)"
        )
    if not (is_loopback(broker.host) or broker.tls or broker.behind_proxy):
        raise ConfigurationError(
            f"broker.url = {broker.url!r} can be reached from elsewhere and has no TLS: use mqtts:// with "
            "broker.tls_cert_file and broker.tls_key_file, or broker.behind_proxy = true where a proxy with TLS stands "
            "before it"
        )
