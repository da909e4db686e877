"""paho's client, but for PUBLISH and PUBACK: many are read from one receive and acknowledged by one send."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from paho.mqtt.client import PUBACK, Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from devices.samples import RawMessage
from gateway.mqtt.publish_parser import LONGEST_HEAD, PublishParser, measure_packet

RECEIVE_BYTES: Final = 65_536
MESSAGES_AT_ONCE: Final = 2000


class BatchClient(Client):
    """Connection, session, keep-alive, TLS and all other packets stay paho's, which is fed with their bytes.

    `receive` gets messages and what acknowledges each on the wire. Messages that the broker sends with QoS 2, which
    nobody asked it for, come by `on_message`.
    """

    def __init__(
        self,
        client_id: str,
        receive: Callable[[list[RawMessage], list[bytes]], None],
        report_violation: Callable[[str], None],
    ) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2, client_id, clean_session=False, protocol=MQTTv311, manual_ack=True
        )
        self._receive = receive
        self._report_violation = report_violation
        self._parser = PublishParser()
        self._part = bytearray()
        """Of a packet that is not whole yet, which will have `_whole` bytes as far as is known."""
        self._whole = 0
        self._passed_on = b""

    def acknowledge(self, acknowledgements: Sequence[bytes]) -> None:
        """Queue acknowledgements as one packet to write."""
        packets = b"".join(acknowledgements)
        if packets:
            self._packet_queue(PUBACK, packets, 0, 1)

    def reconnect(self) -> MQTTErrorCode:
        """See paho; what was received by halves on the connection before is void."""
        self._part.clear()
        self._whole = 0
        return super().reconnect()

    def _packet_read(self) -> MQTTErrorCode:
        try:
            data = super()._sock_recv(RECEIVE_BYTES)
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_AGAIN
        except OSError:
            return MQTTErrorCode.MQTT_ERR_CONN_LOST
        if not data:
            return MQTTErrorCode.MQTT_ERR_CONN_LOST
        with self._msgtime_mutex:
            # Without this the keep-alive would take a connection that is busy with messages for a silent one.
            self._last_bytes_received = time.monotonic()
        self._part += data
        if len(self._part) < self._whole:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        return self._read_whole_packets()

    def _read_whole_packets(self) -> MQTTErrorCode:
        data, at = bytes(self._part), 0
        self._part.clear()
        while True:
            messages, acknowledgements, at, violation = self._parser.parse(
                data, at, MESSAGES_AT_ONCE, time.time_ns() // 1000
            )
            if messages:
                self._receive(messages, acknowledgements)
            if len(messages) == MESSAGES_AT_ONCE:
                continue
            measured = measure_packet(data, at)
            if violation is None and measured is None and len(data) - at >= LONGEST_HEAD:
                violation = "remaining length of more than four bytes"
            if violation is not None:
                self._report_violation(violation)
                return MQTTErrorCode.MQTT_ERR_PROTOCOL
            stop = sum(measured or (len(data), 1))
            if stop > len(data):
                self._part += data[at:]
                self._whole = stop - at
                return MQTTErrorCode.MQTT_ERR_SUCCESS
            outcome = self._pass_on(data[at:stop])
            if outcome != MQTTErrorCode.MQTT_ERR_SUCCESS or self.socket() is None:
                return outcome
            at = stop

    def _pass_on(self, packet: bytes) -> MQTTErrorCode:
        self._passed_on = packet
        return super()._packet_read()

    def _sock_recv(self, bufsize: int) -> bytes:
        """What paho's reading of a packet sees as the socket: one packet that is here wholly."""
        piece, self._passed_on = self._passed_on[:bufsize], self._passed_on[bufsize:]
        if not piece:
            raise BlockingIOError
        return piece
