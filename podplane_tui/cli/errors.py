"""Errors as people and scripts see them: one line on stderr and an exit code."""

from __future__ import annotations

import os
import sys

import click

from podplane_tui.backend.core.errors import Cancelled, InvalidInput, VMError
from podplane_tui.backend.core.text import one_line

FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130

_LIMIT = 4000


def complain(message: object) -> None:
    """One line on stderr, `podplane-tui: …`, whatever the message holds."""
    click.echo(f"podplane-tui: {one_line(str(message), limit=_LIMIT)}", err=True)


def report(error: BaseException) -> int:
    """Tell the user about `error` and give the exit code for it. Raises what is a bug of ours again."""
    cause = error.__cause__ or error.__context__ if isinstance(error, click.Abort) else error
    if isinstance(cause, KeyboardInterrupt):
        complain("interrupted")
        return INTERRUPTED
    if isinstance(error, click.Abort):
        complain("the input ended before the question was answered: nothing was done")
        return FAILED
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else "podplane-tui"
        complain(f"{error.format_message()} (see {path} --help)")
        return error.exit_code
    if isinstance(error, click.ClickException):
        complain(error.format_message())
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has left. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    if isinstance(error, OSError):
        what = f"{error.filename}: " if error.filename else ""
        complain(f"{what}{error.strerror or error}")
        return FAILED
    if not isinstance(error, VMError):
        raise error
    complain(error)
    if isinstance(error, InvalidInput):
        return WRONG_USAGE
    return INTERRUPTED if isinstance(error, Cancelled) else FAILED
