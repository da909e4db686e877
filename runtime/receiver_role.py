"""The telemetry receiver: `python -m runtime.receiver_role`, started by the gateway.

Reads batch ids to release on standard input, the first of which lets it begin: loading takes a while, and may be done
before it is known that this gateway may work. Writes its state as a JSON line each second; ends when the input does.
"""

import argparse
import json
import sys
import threading
import time
from pathlib import Path
from typing import Final

from application.message_quota import QuotaExceeded
from devices import topics
from devices.errors import ConfigurationError, JournalUnavailable
from gateway.mqtt.connection import MqttConnection
from gateway.mqtt.inbox import MessageInbox
from gateway.mqtt.journal_ingest import JournalIngest
from gateway.mqtt.quota_metering import QuotaMetering
from gateway.watched_loops import WatchedLoop, WatchedLoops
from runtime.garbage_collection import set_up_malloc
from runtime.hang_watchdog import HangWatchdog
from runtime.journal_lanes import MIB, broker_of, client_id, journal_path, last_written_s
from runtime.locks import hold_lock
from runtime.logging_setup import set_up
from runtime.private_umask import keep_new_files_private
from runtime.settings import Settings, load_settings
from storage.journal.sqlite_journal import SqliteJournalWriter

CHANNELS = ("telemetry", "event")


TELL_S: Final = 1.0
LOOK_S: Final = 0.05
GATHER_S: Final = 0.01
"""Each commit costs about half a millisecond, however few messages it has: those of so long share one."""


def _state(
    connection: MqttConnection,
    inbox: MessageInbox,
    feeder: JournalIngest,
    set_aside: Path | None,
    exceeded: list[QuotaExceeded],
) -> str:
    return json.dumps(
        {
            "exceeded": exceeded,
            "connected": connection.connected(),
            "sessions_lost": connection.sessions_lost,
            "connects": connection.connects,
            "stale_acks": connection.stale_acks,
            "last_arrival_us": connection.last_arrival_us,
            "received": inbox.received,
            "waiting": len(inbox),
            "journalled": feeder.journalled,
            "last_commit_us": feeder.last_commit_us,
            "refused": connection.refused,
            "trouble": feeder.trouble,
            "fault": feeder.fault,
            "set_aside": str(set_aside) if set_aside else None,
        }
    )


def main() -> int:
    """Run until standard input ends; exit code 1 when a part died."""
    keep_new_files_private()
    parser = argparse.ArgumentParser(prog="runtime.receiver_role")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--config", type=Path)
    arguments = parser.parse_args()
    settings = load_settings(arguments.data_dir, arguments.config)
    set_up(settings.log, stream=sys.stderr)
    set_up_malloc()
    if not sys.stdin.readline():
        return 0
    with hold_lock(settings.data_dir / "journal-telemetry.lock", 15):
        return _run(settings)


def _run(settings: Settings) -> int:
    metering = QuotaMetering(settings.quota.quotas, settings.topic_root, last_written_s(settings, "telemetry"))
    writer = SqliteJournalWriter(journal_path(settings, "telemetry"), settings.journal.telemetry_bound_mb * MIB)
    inbox = MessageInbox()
    filters = topics.uplink_filters(CHANNELS, settings.topic_root)
    login, name = broker_of(settings), client_id(settings, "telemetry")
    reads_batches = settings.broker.packet_reader == "batch"
    connection = MqttConnection("telemetry", login, name, filters, inbox, reads_batches=reads_batches)
    feeder = JournalIngest(inbox, writer, connection, 0.1, metering)
    loops = WatchedLoops()
    told_at = float("-inf")

    def tell() -> None:
        nonlocal told_at
        exceeded = metering.drain_exceeded()
        if exceeded or time.monotonic() - told_at >= TELL_S:
            told_at = time.monotonic()
            sys.stdout.write(_state(connection, inbox, feeder, writer.set_aside, exceeded) + "\n")
            sys.stdout.flush()

    ended = threading.Event()

    def listen() -> None:
        for line in sys.stdin:
            feeder.release(int(line))
        ended.set()

    loops.start(WatchedLoop("journal", feeder.commit_received, 0, at_least_s=GATHER_S))
    loops.start(WatchedLoop("state", tell, LOOK_S))
    threading.Thread(target=listen, name="parent", daemon=True).start()
    hanging = HangWatchdog()
    while not ended.wait(0.5):
        if loops.dead() is not None:
            return 1
        stuck = loops.stuck()
        hanging.end_when_hanging(None if stuck is None else f"loop {stuck.name}")
    loops.stop()
    feeder.close()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ConfigurationError, JournalUnavailable) as problem:
        sys.exit(f"lautern gateway: {problem}")
