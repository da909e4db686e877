"""The error tree; each docstring is the message people read."""


class LauternError(Exception):
    """Something Lautern could not do."""

    def __init__(self, detail: str = "", *, field: str | None = None) -> None:
        self.title = (type(self).__doc__ or "").strip().split("\n")[0]
        self.detail = detail
        self.field = field
        super().__init__(f"{self.title} {detail}".strip())


class NotFound(LauternError):
    """There is no such thing here, or it is not yours."""


class Conflict(LauternError):
    """This contradicts what is already there."""


class IdUnavailable(Conflict):
    """This is not available: choose another."""

    def __init__(self, field: str, which: str = "") -> None:
        # Never what has it, nor whose that is: it may be another town's, of a kind that is not shown, or retired.
        super().__init__(f"{which} is not available" if which else "", field=field)


class VersionMismatch(Conflict):
    """Somebody else changed this since you read it."""


class Invalid(LauternError):
    """A value is not acceptable."""


class Forbidden(LauternError):
    """Your key does not allow this."""


class Unauthenticated(LauternError):
    """A valid key is needed."""


class IdempotencyMismatch(LauternError):
    """This Idempotency-Key was used before with another request."""


class StoreUnavailable(LauternError):
    """The telemetry store does not answer; the same call may succeed later."""


class StoreTokenRefused(StoreUnavailable):
    """The telemetry store does not accept the token."""


class StoreForbidden(StoreUnavailable):
    """The telemetry store does not let this token do that."""


class StorePlaceMissing(StoreUnavailable):
    """The telemetry store does not know the organisation or bucket."""


class StoreNeedsRestart(StoreUnavailable):
    """The telemetry store has given up files of its own until it is restarted."""


class SamplesRefused(LauternError):
    """Some samples can never be stored."""

    def __init__(self, refused: dict[int, str]) -> None:
        self.refused = refused
        super().__init__(f"{len(refused)} refused, all others stored")


class RegistryUnavailable(LauternError):
    """The registry database does not answer; the same call may succeed later."""


class RegistryTooSlow(RegistryUnavailable):
    """The registry database took longer than one question may take: ask for less, or later."""


class AuditUnavailable(RegistryUnavailable):
    """The audit log cannot be written, so nothing was done."""


class JournalUnavailable(LauternError):
    """The journal cannot be written; nothing was acknowledged."""


class JournalFull(JournalUnavailable):
    """The journal reached its bound; nothing more is acknowledged until it drains."""


class DiskFull(JournalFull):
    """The journal's disk is full; nothing more is acknowledged until there is room."""


class LeaseHeld(LauternError):
    """Another gateway runs for this installation."""


class RawDataGone(LauternError):
    """Raw samples of this range are past their retention; only rollups are left."""


class ConfigurationError(LauternError):
    """The settings do not fit."""
