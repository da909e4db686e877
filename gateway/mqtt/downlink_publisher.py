"""`MqttPublisher` on the control connection."""

from itertools import count

from paho.mqtt.client import MQTTMessageInfo

from gateway.mqtt.connection import MqttConnection


class DownlinkPublisher:
    """One per user thread."""

    def __init__(self, connection: MqttConnection) -> None:
        self._connection = connection
        self._numbers = count(1)
        self._sent: dict[int, tuple[MQTTMessageInfo, int]] = {}

    def connected(self) -> bool:
        """See `MqttPublisher.connected`."""
        return self._connection.connected()

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> int | None:  # noqa: FBT001 - the seam's order
        """See `MqttPublisher.publish`."""
        epoch = self._connection.epoch
        info = self._connection.publish(topic, payload, qos, retain=retain)
        if info is None:
            return None
        token = next(self._numbers)
        self._sent[token] = (info, epoch)
        return token

    def acknowledged(self, token: int) -> bool | None:
        """See `MqttPublisher.acknowledged`."""
        info, epoch = self._sent[token]
        if info.is_published():
            del self._sent[token]
            return True
        if epoch != self._connection.epoch:
            del self._sent[token]
            return False
        return None
