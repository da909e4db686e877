"""The gateway: `python -m runtime.gateway_role`. Exit codes: 0 asked to end, 1 a part died, others in `saying`."""

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import structlog
from prometheus_client import CollectorRegistry

import gateway.kinds
from application.health.assessment import AUTH_CALLOUT, SECOND
from application.health.faults import SystemFault
from application.ports.heartbeats import Heartbeat, HeartbeatRepository
from application.ports.registry import Registry
from application.ports.telemetry import TelemetryReader
from devices import topics
from devices.errors import ConfigurationError, JournalUnavailable, LauternError, LeaseHeld
from devices.kind_catalog import KindCatalog, sub_packages
from gateway.canary import Canary
from gateway.dispatch.command_progress import CommandProgress
from gateway.dispatch.signs_of_life import SignsOfLife
from gateway.health_reports import now_us
from gateway.mqtt.connection import MqttConnection
from gateway.mqtt.downlink_publisher import DownlinkPublisher
from gateway.mqtt.inbox import MessageInbox
from gateway.mqtt.journal_ingest import JournalIngest
from gateway.mqtt.quota_metering import QuotaMetering
from gateway.quota_enforcer import QuotaEnforcer
from gateway.reactions import KindReactions, ReactionTools, owns_all
from gateway.receiver import ReceiverProcess, start_piped
from gateway.retention import NamePseudonymiser, RetentionCleanup
from gateway.service import Gateway, GatewayParts, LaneParts, take_lease
from gateway.watched_loops import PASSING, PATIENCE_S, WatchedLoops
from runtime import audit_setup
from runtime.dispatch_setup import dispatch_loops
from runtime.exit_codes import LEASE, UNREACHABLE, USAGE
from runtime.file_descriptors import raise_limit
from runtime.file_modes import mend_modes, modes_sentence
from runtime.forked_process import PipedFork, can_fork, module_command
from runtime.garbage_collection import GarbageTidying, set_up_malloc
from runtime.gateway_metrics import new_registry, serve_metrics
from runtime.hang_watchdog import HangWatchdog
from runtime.journal_lanes import MIB, broker_of, client_id, journal_path, last_written_s
from runtime.liveness import LifeSigns
from runtime.locks import hold_lock, installation_id
from runtime.logging_setup import set_up
from runtime.notification_setup import notifying_of
from runtime.private_umask import keep_new_files_private
from runtime.program_support import NOT_WRITABLE, not_writable
from runtime.registry_access import registry_of
from runtime.retention_periods import catalog_of, days_of
from runtime.secret_sealing import secret_box_of
from runtime.settings import Settings, load_settings
from runtime.store_figures import StoreFigures, TimedWriter
from runtime.stores import open_reader, open_writer
from storage.journal.sqlite_dedup_index import SqliteDedupIndex, SqliteVerdicts
from storage.journal.sqlite_journal import SqliteJournalReader, SqliteJournalWriter
from storage.registry.dialects import WORKING
from storage.registry.engine import open_registry
from storage.writable import why_not_writable

log = structlog.get_logger()
RECEIVER: Final = "runtime.receiver_role"


def build_gateway(
    settings: Settings, arguments: list[str], stack: ExitStack, figures: CollectorRegistry
) -> GatewayParts:
    """Open every part in order; `stack` closes them in reverse. `figures` gets those of the store."""
    receiver = ReceiverProcess(module_command(RECEIVER, *arguments), PipedFork if can_fork() else start_piped)
    stack.callback(receiver.stop)
    catalog = catalog_of(settings)
    registry = open_registry(
        settings.registry_url,
        migrate=settings.registry.migrate,
        checkpoints=True,
        signer=audit_setup.audit_signer_of(settings),
        box=secret_box_of(settings),
        patience=WORKING,
    )
    stack.callback(registry.close)
    holder = installation_id(settings)
    take_lease(registry, holder)
    loops = WatchedLoops()
    watch = StoreFigures(figures, loops.alive)
    writer = open_writer(settings, catalog, watch)
    stack.callback(writer.close)
    reader = open_reader(settings, catalog, watch)
    stack.callback(reader.close)
    identity = stack.enter_context(closing(SqliteDedupIndex(settings.data_dir / "identity.db")))
    verdicts = stack.enter_context(closing(SqliteVerdicts(settings.data_dir / "identity.db")))
    metering = QuotaMetering(settings.quota.quotas, settings.topic_root, last_written_s(settings, "control"))
    journal = SqliteJournalWriter(journal_path(settings, "control"), settings.journal.control_bound_mb * MIB)
    inbox = MessageInbox()
    filters = topics.uplink_filters(topics.CONTROL_CHANNELS, settings.topic_root)
    connection = MqttConnection("control", broker_of(settings), client_id(settings, "control"), filters, inbox)
    feeder = JournalIngest(inbox, journal, connection, 0.25, metering)
    receiver.begin(30)
    signs = SignsOfLife()
    return GatewayParts(
        catalog=catalog,
        registry=registry,
        writer=TimedWriter(writer, watch),
        reader=reader,
        identity=identity,
        verdicts=verdicts,
        control=_lane(settings, "control", feeder.release, stack),
        telemetry=_lane(settings, "telemetry", receiver.release, stack),
        connection=connection,
        feeder=feeder,
        receiver=receiver,
        answers=CommandProgress(catalog),
        reactions=reactions_of(registry, reader, catalog),
        canary=Canary(registry, reader, DownlinkPublisher(connection), settings.topic_root),
        dispatch=dispatch_loops(registry, catalog, connection, settings.topic_root, signs),
        heard=signs.note,
        quotas=QuotaEnforcer(registry, [metering.drain_exceeded, receiver.exceeded], now_us),
        notifying=notifying_of(settings, registry, catalog),
        retention=RetentionCleanup(registry, days_of(settings, catalog), now_us),
        names=NamePseudonymiser(registry, settings.retention.names_days, now_us),
        root=settings.topic_root,
        holder=holder,
        loops=loops,
        awaited=[AUTH_CALLOUT] if settings.broker.has_auth_callout else [],
    )


def _lane(settings: Settings, name: str, release: Callable[[int], None], stack: ExitStack) -> LaneParts:
    bound_mb = settings.journal.control_bound_mb if name == "control" else settings.journal.telemetry_bound_mb
    readers = [SqliteJournalReader(journal_path(settings, name), bound_mb * MIB) for _ in range(3)]
    for reader in readers:
        stack.callback(reader.close)
    effects_reader, store_reader, gauge = readers
    return LaneParts(f"{name}:{gauge.journal_id[:8]}", effects_reader, store_reader, gauge, release)


def reactions_of(
    registry: Registry, reader: TelemetryReader, catalog: KindCatalog, owns: Callable[[str], bool] = owns_all
) -> Mapping[str, KindReactions]:
    """What each kind does in the gateway, by kind."""
    tools = ReactionTools(registry, reader, owns)
    modules = {m.__name__.rpartition(".")[2]: m for m in sub_packages(gateway.kinds)}
    return {kind: m.build_reactions(tools) for kind, m in modules.items() if kind in catalog}


def main() -> int:
    """Run until SIGTERM or SIGINT."""
    keep_new_files_private()
    parser = argparse.ArgumentParser(prog="runtime.gateway_role")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--config", type=Path)
    arguments = parser.parse_args()
    settings = load_settings(arguments.data_dir, arguments.config)
    set_up(settings.log)
    set_up_malloc()
    raise_limit()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        try:
            settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            if problem := why_not_writable(settings.data_dir):
                raise JournalUnavailable(problem)
            stack.enter_context(hold_lock(settings.data_dir / "gateway.lock", 0))
            if open_to_others := modes_sentence(mend_modes(settings)):
                log.warning("files_open_to_others", reason=open_to_others)
            figures = new_registry()
            parts = build_gateway(settings, sys.argv[1:], stack, figures)
            running = Gateway(parts)
        except LeaseHeld as error:
            log.error("gateway_refused", reason=str(error))  # noqa: TRY400 - no fault of ours to trace
            _tell_refused(settings)
            return LEASE
        except PASSING as error:
            log.error("gateway_waits", reason=str(error))  # noqa: TRY400 - no fault of ours to trace
            return UNREACHABLE
        except OSError as error:
            if error.errno not in NOT_WRITABLE:
                raise
            log.error("gateway_waits", reason=not_writable(error))  # noqa: TRY400 - no fault of ours to trace
            return UNREACHABLE
        running.start()
        stack.enter_context(serve_metrics(settings, running, parts, figures))
        log.info("gateway_started", store=settings.store.kind)
        died = _watched(running, parts, stop)
    log.info("gateway_stopped")
    return 0 if died is None else 1


def _tell_refused(settings: Settings) -> None:
    """Let readiness name the second gateway; who works already works on."""
    beat = Heartbeat(SECOND, now_us(), ok=False, last_success_us=None, detail={"fault": SystemFault.SECOND_GATEWAY})
    try:
        with registry_of(settings, migrate=False) as registry, registry.write() as tx:
            tx.get(HeartbeatRepository).put([beat])
    except LauternError as error:
        log.warning("refusal_not_told", reason=str(error))


def _watched(running: Gateway, parts: GatewayParts, stop: threading.Event) -> str | None:
    """Watch over it until asked to end or a part dies; returns which."""
    died, hanging, signs, tidying = None, HangWatchdog(), LifeSigns(), GarbageTidying()
    while died is None and not stop.wait(0.5):
        signs.give()
        tidying.tidy_when_due()
        died = running.check()
        hanging.end_when_hanging(
            running.hanging(), parts.receiver.kill if parts.receiver.silent_s() > PATIENCE_S else None
        )
    if died is not None:
        log.error("gateway_part_died", part=died)
        signs.end(f"a part died: {died}")
    running.stop()
    return died


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ConfigurationError as problem:
        sys.stderr.write(f"lautern gateway: {problem}\n")
        LifeSigns().end(str(problem))
        sys.exit(USAGE)
