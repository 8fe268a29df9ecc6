"""Errors as people and scripts see them: one line on stderr, or with --json an object on stdout, and an exit code."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

import click

from podplane_tui.backend.core.errors import Cancelled, InvalidInput, VMError
from podplane_tui.backend.core.text import one_line
from podplane_tui.cli.json_output import json_line

FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130

_LIMIT = 4000


class _Told(NamedTuple):
    """What is said of an error: the two parts, the type as `json_output.md` lists them, the exit code."""

    problem: str
    hint: str
    type: str
    code: int

    @property
    def line(self) -> str:
        return str(VMError(self.problem, hint=self.hint))


def complain(message: object) -> None:
    """One line on stderr, `podplane-tui: …`, whatever the message holds."""
    click.echo(f"podplane-tui: {one_line(str(message), limit=_LIMIT)}", err=True)


def report(error: BaseException, *, as_json: bool = False) -> int:
    """Tell the user about `error` and give the exit code for it. Raises what is a bug of ours again."""
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has left. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    told = _told(error)
    if told is None:
        raise error
    if as_json:
        parts = {"problem": told.problem, "hint": told.hint, "type": told.type}
        line = json_line({"error": {name: one_line(text, limit=_LIMIT) for name, text in parts.items()}})
        try:
            click.echo(line)
        except OSError:  # nobody reads it, or there is no room for it
            complain(told.line)
    else:
        complain(told.line)
    return told.code


def _told(error: BaseException) -> _Told | None:
    """What is said of `error`; None for a bug of ours."""
    cause = error.__cause__ or error.__context__ if isinstance(error, click.Abort) else error
    if isinstance(cause, KeyboardInterrupt):
        return _Told("interrupted", "", "Cancelled", INTERRUPTED)
    match error:
        case click.Abort():
            problem, hint = "the input ended before the question was answered", "nothing was done"
            return _Told(problem, hint, "Cancelled", FAILED)
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "podplane-tui"
            return _Told(error.format_message().rstrip("."), f"see {path} --help", "InvalidInput", error.exit_code)
        case click.ClickException():
            return _Told(error.format_message(), "", "Cancelled", error.exit_code)
        case OSError():
            what = f"{error.filename}: " if error.filename else ""
            return _Told(f"{what}{error.strerror or error}", "", "VMError", FAILED)
        case VMError():
            return _Told(error.problem, error.hint, type(error).__name__, _code(error))
    return None


def _code(error: VMError) -> int:
    if isinstance(error, InvalidInput):
        return WRONG_USAGE
    return INTERRUPTED if isinstance(error, Cancelled) else FAILED
