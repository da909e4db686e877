"""Why a message did not arrive."""

from devices.errors import LauternError


class NotDelivered(LauternError):
    """The message did not arrive; another attempt may succeed."""

    def __init__(self, detail: str, *, all_of_channel: bool = False) -> None:
        super().__init__(detail)
        self.all_of_channel = all_of_channel
        """True where no other message would arrive either, whatever its target."""


class Undeliverable(LauternError):
    """The message will never arrive there."""
