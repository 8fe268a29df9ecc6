"""Short QMP sessions: connect, ask, leave, because QEMU serves one client of a control socket at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path

from qemu.qmp import ExecuteError, QMPClient
from qemu.qmp import QMPError as LibraryError

from podplane_tui.backend.errors import QMPError, QMPUnavailable

GREETING_TIMEOUT = 2.0
"""Seconds to wait for the greeting. A socket whose one client is somebody else accepts and says nothing."""

ANSWER_TIMEOUT = 5.0

# The library logs what we turn into errors of our own; unconfigured, Python would print it over the dashboard.
logging.getLogger("qemu.qmp").addHandler(logging.NullHandler())
logging.getLogger("qemu.qmp").propagate = False


async def _execute(path: Path, command: str, arguments: Mapping[str, object] | None) -> object:
    client = QMPClient("podplane-tui")
    try:
        try:
            async with asyncio.timeout(GREETING_TIMEOUT):
                await client.connect(str(path))
        except TimeoutError:
            raise QMPUnavailable(
                f"QEMU's control socket {path} does not answer: QEMU hangs or another client holds it"
            ) from None
        except (LibraryError, OSError) as error:
            raise QMPUnavailable(f"QEMU's control socket {path} can't be used: {_innermost(error)}") from error
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                return await client.execute(command, dict(arguments) if arguments else None)
        except TimeoutError:
            raise QMPError(f"QEMU did not answer {command} within {ANSWER_TIMEOUT:.0f} s") from None
        except ExecuteError as error:
            raise QMPError(f"QEMU refused {command}: {error}") from error
        except (LibraryError, OSError) as error:
            raise QMPError(f"QEMU left while it was asked for {command}") from error
    finally:
        with contextlib.suppress(LibraryError, OSError, EOFError, TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(1.0):
                await client.disconnect()


def _innermost(error: BaseException) -> str:
    """The words of the first cause, on one line: the library wraps the system's error twice."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split()) or type(error).__name__


def execute(path: Path, command: str, arguments: Mapping[str, object] | None = None) -> object:
    """Run one QMP command in a session of its own and give its `return` value.

    For worker threads: it blocks for up to a few seconds. Raises `QMPUnavailable` when nobody answers at `path`, and
    `QMPError` when QEMU refuses or leaves.
    """
    return asyncio.run(_execute(path, command, arguments))


def run_state(path: Path) -> str:
    """QEMU's run state: `running`, `paused`, `shutdown` and others of its `RunState`."""
    answer = execute(path, "query-status")
    return str(answer.get("status", "")) if isinstance(answer, dict) else ""


def console_client_connected(path: Path, console: Path) -> bool:
    """Whether somebody is connected to the serial console that listens on the Unix socket `console`."""
    answer = execute(path, "query-chardev")
    for device in answer if isinstance(answer, list) else []:
        name = str(device.get("filename", ""))
        if str(console) in name:
            return not name.startswith("disconnected:")
    return False
