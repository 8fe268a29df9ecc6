"""A program of ours in a session of its own: what it prints is read until it ends, or until it is ended."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Mapping
from typing import IO

_TICK = 0.1
_GRACE = 5.0
_CHUNK = 64 * 1024


def attend(
    process: subprocess.Popen[bytes],
    readers: Mapping[IO[bytes], Callable[[bytes], object]],
    is_over: Callable[[], bool],
) -> bool:
    """Hand what each stream says to its reader, b"" at its end, until the process has ended; whether it did by itself.

    Once `is_over`, and whatever is raised, it is ended with all of its process group, which has to be its own.
    """
    try:
        complete = _read(readers, is_over)
        while complete and process.returncode is None:  # its streams are closed: it is on its way out
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_TICK)
            complete = process.returncode is not None or not is_over()
        return complete
    finally:
        _end(process)


def _read(readers: Mapping[IO[bytes], Callable[[bytes], object]], is_over: Callable[[], bool]) -> bool:
    """Read until all streams are at their end; False when it is over before."""
    with selectors.DefaultSelector() as selector:
        for stream, reader in readers.items():
            selector.register(stream, selectors.EVENT_READ, reader)
        while selector.get_map():
            if is_over():
                return False
            for key, _ in selector.select(_TICK):
                data = os.read(key.fd, _CHUNK)
                key.data(data)
                if not data:
                    selector.unregister(key.fileobj)
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
