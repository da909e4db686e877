"""Connections to InfluxDB that can be cut while a thread waits for an answer on them."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from influxdb_client.client.influxdb_client import InfluxDBClient
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from application.telemetry.query_budget import QueryBudget


class CuttableConnections:
    """Knows which socket each thread's question went out on. The server ends a query whose connection closes."""

    def __init__(self, client: InfluxDBClient) -> None:
        self._asking = threading.local()
        asked = self._asked

        class Plain(HTTPConnection):
            """Tells of what it sends."""

            def request(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - urllib3's
                super().request(*given, **named)
                asked(self)

        class Secure(HTTPSConnection):
            """Tells of what it sends."""

            def request(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - urllib3's
                super().request(*given, **named)
                asked(self)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        manager = client.api_client.rest_client.pool_manager
        manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    @contextmanager
    def asking(self, budget: QueryBudget) -> Iterator[None]:
        """While the block runs, what this thread asks ends when the budget does."""
        sockets: list[socket.socket] = []

        def cut() -> None:
            for one in sockets:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

        with budget.interruptible(cut):
            self._asking.by = budget, sockets
            yield

    def _asked(self, connection: HTTPConnection) -> None:
        by = getattr(self._asking, "by", None)
        if by is None:
            return
        budget, sockets = by
        self._asking.by = None
        if connection.sock is not None:
            sockets.append(connection.sock)
        budget.go_on()
