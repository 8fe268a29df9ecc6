"""Short QMP sessions: connect, ask, leave, because QEMU serves one client of a control socket at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from qemu.qmp import ExecuteError, QMPClient

from podplane_tui.backend.errors import QMPError, QMPUnavailable
from podplane_tui.backend.text import one_line

GREETING_TIMEOUT = 2.0
"""Seconds to wait for the greeting. A socket whose one client is somebody else accepts and says nothing."""

ANSWER_TIMEOUT = 5.0
_PARTING_TIMEOUT = 1.0

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
        except Exception as error:
            # Whoever listens there may send anything, and the library passes on whatever that breaks.
            raise QMPUnavailable(
                f"QEMU's control socket {path} can't be used ({_innermost(error)}): restart the machine to have it anew"
            ) from error
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                return await client.execute(command, dict(arguments) if arguments else None)
        except TimeoutError:
            raise QMPError(
                f"QEMU did not answer {command} within {ANSWER_TIMEOUT:.0f} s: try again, or stop it"
            ) from None
        except ExecuteError as error:
            raise QMPError(f"QEMU refused {command}: {one_line(str(error), limit=200)}") from error
        except Exception as error:
            raise QMPError(f"QEMU left while it was asked for {command} ({_innermost(error)})") from error
    finally:
        with contextlib.suppress(Exception):  # the answer is in; how the connection ends changes nothing
            async with asyncio.timeout(_PARTING_TIMEOUT):
                await client.disconnect()


def _innermost(error: BaseException) -> str:
    """The words of the first cause, on one line: the library wraps the system's error twice."""
    while error.__cause__ is not None:
        error = error.__cause__
    return one_line(str(error), limit=120) or type(error).__name__


def execute(path: Path, command: str, arguments: Mapping[str, object] | None = None) -> object:
    """Run one QMP command in a session of its own and give its `return` value.

    For worker threads: it blocks for up to a few seconds. Raises `QMPUnavailable` when nobody answers at `path`, and
    `QMPError` when QEMU refuses or leaves.
    """
    return asyncio.run(_execute(path, command, arguments))


def run_state(path: Path) -> str:
    """QEMU's run state: `running`, `paused`, `shutdown` and others of its `RunState`."""
    return _status(execute(path, "query-status"))


def _status(answer: object) -> str:
    return str(answer.get("status", ""))[:40] if isinstance(answer, dict) else ""


def run_states(paths: Sequence[Path], *, timeout: float) -> dict[Path, str]:
    """The run states of many machines, asked all at once; without those that don't answer within `timeout` seconds."""
    return asyncio.run(_run_states(paths, timeout)) if paths else {}


async def _run_states(paths: Sequence[Path], patience: float) -> dict[Path, str]:
    tasks = {asyncio.create_task(_execute(path, "query-status", None)): path for path in paths}
    done, late = await asyncio.wait(tasks, timeout=patience)
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=patience)
    return {tasks[task]: _status(task.result()) for task in done if task.exception() is None}


def console_client_connected(path: Path, console: Path) -> bool:
    """Whether somebody is connected to the serial console that listens on the Unix socket `console`."""
    answer = execute(path, "query-chardev")
    for device in answer if isinstance(answer, list) else []:
        name = str(device.get("filename", ""))
        if str(console) in name:
            return not name.startswith("disconnected:")
    return False
