"""Exit codes of our programs, and errors that bring their own."""

from typing import ClassVar

from devices.errors import LauternError

OK, FAILED, USAGE, UNREACHABLE, LEASE, NOT_ALLOWED, NOT_APPLIED = 0, 1, 2, 3, 4, 5, 6
"""LEASE: another gateway runs; UNREACHABLE: API, registry, store or broker is away."""


class ProgramError(LauternError):
    """Ends a program with a code of its own."""

    exit_code: ClassVar[int] = FAILED
