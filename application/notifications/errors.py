"""Why a message did not arrive."""

from devices.errors import CodedError


class NotDelivered(CodedError):
    """The message did not arrive; another attempt may succeed."""

    def __init__(self, reason: str, *, all_of_channel: bool = False, **params: object) -> None:
        super().__init__(reason, field=None, **params)
        self.all_of_channel = all_of_channel
        """True where no other message would arrive either, whatever its target."""


class Undeliverable(CodedError):
    """The message will never arrive there."""
