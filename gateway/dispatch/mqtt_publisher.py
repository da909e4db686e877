"""The seam between dispatching and the MQTT connection."""

from typing import Protocol


class MqttPublisher(Protocol):
    """Hands messages to the broker; called from one thread per user."""

    def connected(self) -> bool:
        """Tell whether a publish would go out now: connected, and the connection's own set-up is done."""

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> int | None:  # noqa: FBT001 - MQTT's own order
        """Send and return a token for `acknowledged`; None when it was not handed over, as there is no connection.

        Never queues for a later connection what was not sent on this one.
        """

    def acknowledged(self, token: int) -> bool | None:
        """True once the broker has it, False when the connection was lost before, None while neither is known.

        After True or False the token is forgotten.
        """
