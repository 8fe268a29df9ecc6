"""Copying into a machine: rsync over ssh, as root over there."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from typing import IO, TextIO

from podplane_tui.backend.errors import Cancelled, CommandFailed, InvalidInput
from podplane_tui.backend.host import require_program
from podplane_tui.backend.interface import Control
from podplane_tui.backend.ssh import SSHTarget, connect, ssh_options
from podplane_tui.backend.text import one_line

_UNREACHED = frozenset({12, 255})
"""The exit codes with which rsync may end when ssh does: the stream broke off, or ssh's own code."""

_TICK = 0.1
_GRACE = 5.0
_CHUNK = 64 * 1024
_MAX_LINE = 16 * 1024
_LAST_WORDS = 20
_BOILERPLATE = re.compile(r"rsync error: |rsync: connection unexpectedly closed|rsync: .*error in rsync protocol")
"""What rsync says after the line that tells what is wrong."""


def rsync_arguments(
    target: SSHTarget, source: str, destination: str, *, chown: str = "", excludes: Sequence[str] = ()
) -> list[str]:
    """The argument vector of rsync that copies `source` here to `destination` there.

    Both have rsync's own meaning (`source/` is what is in it), but nothing in them is taken for an option or, in
    `source`, for a host. Raises `InvalidInput` for what rsync can't take.
    """
    for text in (source, destination, chown, *excludes):
        if "\0" in text:
            raise InvalidInput(f"{text[:40]!r} has a NUL byte: no file name and no pattern can have one")
    if not source or not destination:
        raise InvalidInput("sync needs both: what to copy from here and where to in the machine")
    if "\n" in destination:
        raise InvalidInput("the destination has a line break, which rsync can't pass on: copy its parent directory")
    remote_shell = " ".join(_shell_word(word) for word in ["ssh", *ssh_options(target), "-o", "BatchMode=yes"])
    arguments = ["rsync", "-av", "-e", remote_shell]
    if chown:
        arguments.append(f"--chown={chown}")
    for pattern in excludes:
        arguments += ["--exclude", pattern]
    arguments += ["--rsync-path", "sudo rsync"]
    return [*arguments, _local(source), f"{target.user}@{target.host}:{_plain(destination)}"]


def _shell_word(word: str) -> str:
    """`word` in the dialect of `-e`, which rsync splits itself: quotes, doubled to stand for one, and no backslash."""
    if word and not re.search(r"[\s'\"]", word):
        return word
    return "'" + word.replace("'", "''") + "'"


def _plain(operand: str) -> str:
    return f"./{operand}" if operand.startswith("-") else operand


def _local(operand: str) -> str:
    """`operand` so that a colon in its first part does not make it a path on another host."""
    return f"./{operand}" if ":" in operand.partition("/")[0] else _plain(operand)


_MEANINGS = {
    3: "it can't use the files or folders named: check that they exist",
    10: "the connection to the machine failed",
    11: "reading or writing a file failed: check that the destination's folder exists and its disk has room",
    12: "the connection to the machine broke off, or rsync is missing there",
    14: "it could not start ssh",
    22: "it ran out of memory",
    23: "some files could not be copied",
    24: "some files vanished while they were copied",
    30: "the machine stopped answering",
}
"""rsync's exit codes (rsync(1), EXIT VALUES) in words: when the far side fails, its own words do not always arrive."""


def run_sync(
    target: SSHTarget,
    source: str,
    destination: str,
    *,
    chown: str = "",
    excludes: Sequence[str] = (),
    control: Control | None = None,
    output: TextIO | None = None,
) -> None:
    """Copy with rsync; see `rsync_arguments`. Every line it prints, made printable, is reported and goes to `output`.

    Raises `MissingProgram`, `StillBooting` or `KeyRefused` when ssh fails for those reasons, `CommandFailed` with
    rsync's exit code and its last words, and `Cancelled` once rsync and its ssh have ended.
    """
    control = control or Control()
    arguments = rsync_arguments(target, source, destination, chown=chown, excludes=excludes)
    program = require_program("rsync")
    require_program("ssh")
    words: deque[str] = deque(maxlen=_LAST_WORDS)
    begun = False

    def tell(line: str) -> None:
        control.report(line)
        if output is not None:
            output.write(line + "\n")
            output.flush()

    def progress(line: str) -> None:
        nonlocal begun
        begun = True
        tell(line)

    def complain(line: str) -> None:
        words.append(line)
        tell(line)

    if control.cancel.is_set():
        raise Cancelled("cancelled: nothing was copied")
    # A session of its own: cancelling ends rsync and its ssh together, and ssh finds no terminal to ask on.
    with subprocess.Popen(
        arguments,
        executable=program,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None  # noqa: S101 - asked for above
        try:
            complete = _read_lines({process.stdout: progress, process.stderr: complain}, control)
            while complete and process.poll() is None:  # both ends are closed: it is on its way out
                complete = not control.cancel.wait(_TICK)
        finally:
            _end(process)
    if not complete:
        raise Cancelled("cancelled: what was copied by then stays in the machine")
    code = process.returncode
    if code == 0:
        return
    if code in _UNREACHED and not begun:
        connect(target).close()  # says why, better than ssh does; when it works, it was not for want of a connection
    telling = [line for line in words if not _BOILERPLATE.match(line)] or list(words)
    reason = telling[-1] if telling else _MEANINGS.get(code, "it does not say why")
    raise CommandFailed(
        f"rsync ended with exit code {code}: {reason}",
        exit_code=code,
        output="\n".join(words).encode(),
    )


def _read_lines(readers: dict[IO[bytes], Callable[[str], None]], control: Control) -> bool:
    """Hand each line to its stream's reader until all streams are at their end; False when cancelled before."""
    partial = dict.fromkeys(readers, b"")
    with selectors.DefaultSelector() as selector:
        for stream in readers:
            selector.register(stream, selectors.EVENT_READ, stream)
        while selector.get_map():
            if control.cancel.is_set():
                return False
            for key, _ in selector.select(_TICK):
                stream = key.data
                data = os.read(key.fd, _CHUNK)
                *lines, rest = (partial[stream] + data).split(b"\n")
                if not data:
                    selector.unregister(stream)
                if not data or len(rest) > _MAX_LINE:
                    lines, rest = [*lines, rest], b""
                partial[stream] = rest
                for line in lines:
                    if text := one_line(line):
                        readers[stream](text)
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """See to it that the process has ended, and its whole group when it has to be told so."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)  # not reaped yet, so the number is still its own
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
