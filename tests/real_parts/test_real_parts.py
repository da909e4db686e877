"""The real parts come up, survive a kill with their data, and leaks are found."""

import asyncio
import threading
import time

import nats as nats_client
import psycopg
import pytest
from nats.js.api import DiscardPolicy
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.real_parts import leaks
from tests.real_parts.brokers import Broker, NatsBroker
from tests.real_parts.influxdb import InfluxServer
from tests.real_parts.postgres import PostgresCluster
from tests.real_parts.waiting import wait_until


def test_influxdb_keeps_buckets_over_a_kill(influxdb: InfluxServer, bucket_prefix: str) -> None:
    influxdb.create_bucket(f"{bucket_prefix}lamps")
    influxdb.server.kill()
    assert not influxdb.server.running()
    influxdb.server.start()
    assert list(influxdb.buckets(bucket_prefix)) == [f"{bucket_prefix}lamps"]


def test_postgres_database_is_fresh(postgres_url: str) -> None:
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert row == (0,)


def test_killed_postgres_comes_back(postgres: PostgresCluster) -> None:
    postgres.server.kill()
    with pytest.raises(psycopg.OperationalError):
        postgres.connect()
    postgres.server.start()
    postgres.connect().close()


def test_a_broker_left_dead_by_one_test(broker: Broker) -> None:
    broker.kill()


def test_runs_again_in_the_next(broker: Broker) -> None:
    assert broker.server.running()


def test_retained_message_outlives_a_stop(broker: Broker, unique_id: str) -> None:
    topic = f"city/v1/{unique_id}/status"
    with_client(broker, publish=topic)
    broker.stop()
    broker.start()
    assert with_client(broker, subscribe=topic) == [b"online"]


def test_setup_login_may_bound_the_mqtt_stream(nats: NatsBroker, unique_id: str) -> None:
    with_client(nats, publish=f"city/v1/{unique_id}/status")
    assert asyncio.run(bound_mqtt_stream(nats, 1 << 28)) == 1 << 28


def test_leaked_thread_is_found() -> None:
    release = threading.Event()
    before = set(threading.enumerate())
    thread = threading.Thread(target=release.wait, name="forgotten")
    thread.start()
    try:
        assert [found.name for found in leaks._leaked(before)] == ["forgotten"]
        assert "forgotten" in leaks._describe(thread)
    finally:
        release.set()
        thread.join()


def test_waiting_ends_at_its_deadline() -> None:
    with pytest.raises(AssertionError, match="the moon"):
        wait_until(lambda: False, timeout_s=0.01, what="the moon")


def with_client(broker: Broker, *, publish: str = "", subscribe: str = "") -> list[bytes]:
    """Publish a retained message, or return what a subscription delivers first."""
    received: list[bytes] = []
    client = Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(broker.device.user, broker.device.password)
    client.on_message = lambda _client, _data, message: received.append(bytes(message.payload))
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        wait_until(client.is_connected)
        if publish:
            client.publish(publish, b"online", qos=1, retain=True).wait_for_publish(5)
        else:
            asked = 0.0

            def answered() -> bool:
                # nats-server that has just started may not have read its retained messages yet: ask again.
                nonlocal asked
                if time.monotonic() - asked > 1:
                    asked = time.monotonic()
                    client.subscribe(subscribe, qos=1)
                return bool(received)

            wait_until(answered)
    finally:
        client.disconnect()
        client.loop_stop()
    return received


async def bound_mqtt_stream(broker: NatsBroker, max_bytes: int) -> int | None:
    """Bound what waits for MQTT sessions, as the program does; returns the bound now in force."""
    connection = await nats_client.connect(broker.client_url(broker.setup))
    try:
        stream = connection.jetstream()
        config = (await stream.stream_info("$MQTT_msgs")).config
        updated = await stream.update_stream(config.evolve(max_bytes=max_bytes, discard=DiscardPolicy.NEW))
        return updated.config.max_bytes
    finally:
        await connection.close()
