"""Errors as one line and an exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import click
import pytest

from podplane_tui.backend.core.errors import Cancelled, CommandFailed, InvalidInput, NotRunning, VMError
from podplane_tui.cli.errors import complain, report
from tests.conftest import Workspace


def aborted_by(cause: BaseException) -> click.Abort:
    """As click raises it at a question."""
    try:
        try:
            raise cause
        except type(cause):
            raise click.Abort from None
    except click.Abort as error:
        return error


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (VMError("no"), 1, "no"),
        (NotRunning("it is not running"), 1, "it is not running"),
        (CommandFailed("ended", exit_code=7), 1, "ended"),
        (InvalidInput("that is no size"), 2, "that is no size"),
        (Cancelled("given up"), 130, "given up"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (aborted_by(KeyboardInterrupt()), 130, "interrupted"),
        (aborted_by(EOFError()), 1, "the input ended before the question was answered: nothing was done"),
        (click.ClickException("nothing was changed"), 1, "nothing was changed"),
        (click.UsageError("what?"), 2, "what?: see podplane-tui --help"),
        (PermissionError(13, "Permission denied", "/a/file"), 1, "/a/file: Permission denied"),
        (OSError(28, "No space left on device"), 1, "No space left on device"),
        (OSError("words alone"), 1, "words alone"),
    ],
)
def test_each_error_is_a_line_and_an_exit_code(
    capfd: pytest.CaptureFixture[str], error: BaseException, code: int, line: str
) -> None:
    assert report(error) == code
    assert capfd.readouterr() == ("", f"podplane-tui: {line}\n")


def test_wrong_usage_points_at_the_help_of_its_verb(capfd: pytest.CaptureFixture[str]) -> None:
    parent = click.Context(click.Group(), info_name="podplane-tui")
    context = click.Context(click.Command("grow"), info_name="grow", parent=parent)
    assert report(click.UsageError("no such size", context)) == 2
    assert capfd.readouterr().err == "podplane-tui: no such size: see podplane-tui grow --help\n"


@pytest.mark.parametrize("error", [ValueError("a bug"), AssertionError("a bug"), SystemExit("a bug")])
def test_a_bug_of_ours_is_not_hidden(capfd: pytest.CaptureFixture[str], error: BaseException) -> None:
    with pytest.raises(type(error), match="a bug"):
        report(error)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("one\ntwo\r\n\tthree", "one two three"),
        ("\x1b]0;owned\x07\x1b[31mred\x1b[0m", "red"),
        (os.fsdecode(b"/a/\xff"), "/a/\\udcff"),
        (KeyError("x"), "'x'"),
    ],
)
def test_whatever_the_message_holds_it_is_one_printable_line(
    capfd: pytest.CaptureFixture[str], message: object, line: str
) -> None:
    complain(message)
    assert capfd.readouterr().err == f"podplane-tui: {line}\n"


def test_a_message_without_end_has_one(capfd: pytest.CaptureFixture[str]) -> None:
    complain("x" * 1_000_000)
    assert re.fullmatch(r"podplane-tui: x{3999}…\n", capfd.readouterr().err)


@pytest.mark.slow
def test_json_that_can_not_be_written_becomes_a_line_on_stderr(workspace: Workspace) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        result = subprocess.run(
            [sys.executable, "-m", "podplane_tui", "pause", "--json"],
            env=workspace.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "there is no VM default" in result.stderr
