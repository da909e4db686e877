"""How each program of ours is started from the command line, and how it says what went wrong."""

import errno
import os
import sys
from collections.abc import Callable
from typing import Final, NoReturn

import typer
from typer.completion import completion_init  # type: ignore[attr-defined] # typer has no other way to it
from typer.core import TyperGroup

from devices.errors import (
    ConfigurationError,
    JournalUnavailable,
    LauternError,
    LeaseHeld,
    RegistryUnavailable,
    StoreUnavailable,
)
from runtime import shell_completion
from runtime.exit_codes import FAILED, LEASE, OK, UNREACHABLE, USAGE, ProgramError
from runtime.liveness import LifeSigns
from runtime.private_umask import keep_new_files_private

DATA_DIR: Final = typer.Option("--data-dir", help="Where all data are kept.", show_default="./var")
CONFIG: Final = typer.Option("--config", help="Settings file.", show_default="lautern.toml in the data directory")
NOT_WRITABLE: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT, errno.EIO})
"""Errors of the system that tell of the disk or of rights, not of a fault of ours."""
_CODES: Final[tuple[tuple[type[LauternError], int], ...]] = (
    (ConfigurationError, USAGE),
    (LeaseHeld, LEASE),
    (StoreUnavailable, UNREACHABLE),
    (RegistryUnavailable, UNREACHABLE),
    (JournalUnavailable, UNREACHABLE),
)


def new_app(about: str, cls: type[TyperGroup] = TyperGroup) -> typer.Typer:
    """Make a program of several verbs."""
    return typer.Typer(
        help=about,
        cls=cls,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def run_program(verb: str, program: typer.Typer | Callable[..., None]) -> NoReturn:
    """Parse the command line, run, exit; an error of ours is one line, anything else a traceback."""
    keep_new_files_private()
    completion_init()
    app = program
    if not isinstance(app, typer.Typer):
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        app.command()(program)
    try:
        app(prog_name=f"lautern {verb}", complete_var=shell_completion.VARIABLE)
    except LauternError as problem:
        sys.exit(_told(problem))
    except BrokenPipeError:  # such as `lautern device list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as problem:
        if problem.errno not in NOT_WRITABLE:
            raise
        print(f"lautern: {not_writable(problem)}", file=sys.stderr, flush=True)  # noqa: T201
        sys.exit(UNREACHABLE)
    sys.exit(OK)


def not_writable(problem: OSError) -> str:
    """What to say of a file that cannot be written for a reason outside the program."""
    return f"{problem.filename or 'a file'} cannot be written: {(problem.strerror or str(problem)).lower()}"


def _told(problem: LauternError) -> int:
    print(f"lautern: {problem}", file=sys.stderr, flush=True)  # noqa: T201 - the command line talks to people
    LifeSigns().end(str(problem))
    if isinstance(problem, ProgramError):
        return problem.exit_code
    return next((code for kind, code in _CODES if isinstance(problem, kind)), FAILED)
