"""The role `api`: serves people and programs over HTTP; any number may run."""

import importlib
import sys
from pathlib import Path
from typing import Annotated

import structlog

from api.application import create_app
from api.limits import ApiLimits
from api.provisioning_sheet import DeviceBroker
from api.services import Services
from api.sessions import SessionLifetime
from api.single_sign_on import SingleSignOn
from api.web.shell import WebOptions
from application.ports.registry import Registry
from application.ports.telemetry import TelemetryReader
from devices.errors import ConfigurationError
from devices.kind_catalog import KindCatalog
from devices.time_us import HOUR_US
from runtime import audit_setup, logging_setup, process_faults, program_support, settings, settings_models, stores
from runtime.device_listeners import check_http
from runtime.file_descriptors import raise_limit
from runtime.garbage_collection import GarbageTidying, set_up_malloc
from runtime.http_guard import GuardFigures, open_listener
from runtime.http_serving import guard_of, server_of
from runtime.liveness import LifeSigns
from runtime.processing_setup import facts_of
from runtime.registry_access import registry_of
from runtime.retention_periods import catalog_of
from runtime.secret_sealing import secret_box_of
from runtime.tcp_ports import PortTaken
from runtime.version import VERSION
from storage.registry.dialects import ANSWERING

log = structlog.get_logger()
_SWITCH_S = 0.001
"""Threads that answer large questions let others run as often; Python's own is five times that, for each of them."""


def main(
    data_dir: Annotated[Path | None, program_support.DATA_DIR] = None,
    config: Annotated[Path | None, program_support.CONFIG] = None,
) -> None:
    """Serve the API until SIGTERM or Ctrl-C."""
    chosen = settings.load_settings(data_dir, config)
    logging_setup.set_up(chosen.log)
    set_up_malloc()
    raise_limit()
    check_http(chosen.http)
    catalog = catalog_of(chosen)
    with registry_of(chosen, recording=True, patience=ANSWERING) as registry:
        reader = stores.open_reader(chosen, catalog)
        try:
            serve_api(chosen, services_of(chosen, registry, reader, catalog))
        finally:
            reader.close()


def services_of(
    chosen: settings.Settings, registry: Registry, reader: TelemetryReader, catalog: KindCatalog
) -> Services:
    """What the API works with."""
    return Services(
        registry,
        reader,
        catalog,
        audit_setup.now_us,
        VERSION,
        _lifetime(chosen.access),
        _single_sign_on(chosen.oidc),
        processing=facts_of(chosen, catalog),
        signer=audit_setup.audit_signer_of(chosen),
        anchors=audit_setup.anchors_of(chosen),
        mqtt=_mqtt(chosen),
        processes=lambda: process_faults.process_heartbeats(
            chosen.data_dir / process_faults.FILE, audit_setup.now_us()
        ),
        limits=ApiLimits(**chosen.limits.model_dump(exclude={"api_processes"})).of_each(chosen.limits.api_processes),
        allowed=chosen.notifications.allowed,
        second_factor=chosen.access.second_factor,
        secret_box=secret_box_of(chosen),
        public_url=chosen.http.public_url,
    )


def serve_api(chosen: settings.Settings, services: Services) -> None:
    """Run the server; open requests get 2 s at the end. Signs of life each second, while its threads take work."""
    http = chosen.http
    sys.setswitchinterval(_SWITCH_S)
    app = create_app(services, web=WebOptions(chosen.web.tile_url, chosen.web.tile_attribution, http.sub_path))
    signs, tidying = LifeSigns(), GarbageTidying()

    def give() -> None:
        if not app.state.worker_probe.hangs():
            signs.give()
        tidying.tidy_when_due()

    guard = guard_of(http, http.max_connections)
    app.state.metrics.add(GuardFigures(guard))
    server = server_of(
        app,
        http,
        guard,
        give,
        proxy_headers=bool(http.trusted_proxies),
        forwarded_allow_ips=list(http.trusted_proxies),
        timeout_graceful_shutdown=2,
    )
    try:
        listeners = open_listener(http.host, http.port, guard)
    except OSError as error:
        raise PortTaken(f"{http.host}:{http.port} ({error.strerror})") from error
    log.info("api_starts", host=http.host, port=http.port)
    server.run(listeners)


def _lifetime(access: settings_models.AccessSettings) -> SessionLifetime:
    return SessionLifetime(round(access.idle_hours * HOUR_US), round(access.session_hours * HOUR_US))


def _single_sign_on(oidc: settings_models.OidcSettings) -> SingleSignOn | None:
    if oidc.issuer is None:
        return None
    try:
        # Only here, as it brings libraries that an installation without a provider does without.
        module = importlib.import_module("api.oidc")
    except ImportError as error:
        raise ConfigurationError(f"oidc.issuer is set, but the extra `oidc` is not installed ({error.name})") from error
    secret = oidc.client_secret
    provider: SingleSignOn = module.OpenIdProvider(
        issuer=oidc.issuer,
        client_id=oidc.client_id,
        client_secret=secret.get_secret_value() if secret else None,
        label=oidc.label,
        trusts_email=oidc.trust_email,
        proving=(frozenset(oidc.second_factor_amr), frozenset(oidc.second_factor_acr)),
    )
    return provider


def _mqtt(chosen: settings.Settings) -> DeviceBroker:
    broker = chosen.broker
    ca = broker.ca_file
    return DeviceBroker(
        broker.public_url or broker.url, chosen.topic_root, None if ca is None else ca.read_text("ascii")
    )


if __name__ == "__main__":
    program_support.run_program("api", main)
