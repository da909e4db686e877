"""The error tree. A docstring is the English message; the catalogue has it by code, and in German."""

from typing import ClassVar

from devices.wording.catalogue import NOTHING_SAID, CodedText, Language, find_text, problem_key


class LauternError(Exception):
    """Something Lautern could not do. `detail` is of a program's words, such as a database's."""

    KIND: ClassVar[str] = ""
    """Name of the device kind whose error it is; the others are of all."""

    def __init__(self, detail: str = "", *, field: str | None = None) -> None:
        self.title = (type(self).__doc__ or "").strip().split("\n")[0]
        self.detail = detail
        self.field = field
        super().__init__(f"{self.title} {detail}".strip())

    @classmethod
    def problem_type(cls) -> str:
        """The class as a word: `version_mismatch`."""
        return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(cls.__name__))

    @classmethod
    def class_code(cls) -> str:
        """Code of all errors of this class."""
        return f"{cls.KIND}.{cls.problem_type()}" if cls.KIND else cls.problem_type()

    @property
    def code(self) -> str:
        """What exactly is wrong: stable, for programs."""
        return self.class_code()

    def title_in(self, language: Language) -> str:
        """The message in a language; in English where the catalogue has none."""
        own = None if language == "en" else find_text(language, problem_key(self.class_code()))
        return own or self.title

    def detail_in(self, language: Language) -> str:
        """What is said of this one."""
        return self.detail


class CodedError(LauternError):
    """Something that people are told in their language."""

    def __init__(self, reason: str = "", *, field: str | None = None, **params: object) -> None:
        self.reason = CodedText(reason, params) if reason else NOTHING_SAID
        """Code of the catalogue and what fills its text; nothing where the class says it all."""
        super().__init__(self.reason.text() if reason else "", field=field)

    @property
    def code(self) -> str:
        """Code of the reason, else of the class."""
        return self.reason.code or self.class_code()

    def detail_in(self, language: Language) -> str:
        """What is said of this one."""
        return self.reason.text(language) if self.reason.code else ""


class ValueRefused(ValueError):
    """A validator's refusal; pydantic keeps it beside its own words."""

    def __init__(self, reason: str, **params: object) -> None:
        self.reason = CodedText(reason, params)
        super().__init__(self.reason.text())


class NotFound(LauternError):
    """There is no such thing here, or it is not yours."""


class Conflict(CodedError):
    """This contradicts what is already there."""


class IdUnavailable(Conflict):
    """This is not available: choose another."""

    def __init__(self, field: str, which: str = "") -> None:
        # Never what has it, nor whose that is: it may be another town's, of a kind that is not shown, or retired.
        if which:
            super().__init__("which_not_available", field=field, which=which)
        else:
            super().__init__(field=field)


class VersionMismatch(Conflict):
    """Somebody else changed this since you read it."""


class Invalid(CodedError):
    """A value is not acceptable."""


class Forbidden(CodedError):
    """Your key does not allow this."""


class Unauthenticated(CodedError):
    """A valid key is needed."""


class IdempotencyMismatch(CodedError):
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


class RawDataGone(CodedError):
    """Raw samples of this range are past their retention; only rollups are left."""


class ConfigurationError(LauternError):
    """The settings do not fit."""
