"""Running podplane's own command line: its start of a cluster, and its local server.

It is given the same directories through the environment, an argument list and a process group of its own; never a
shell. Nothing that it starts is ended from here, except itself when the caller cancels.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from podplane_tui.backend.core.control import Control
from podplane_tui.backend.core.errors import Cancelled, InvalidInput, StartFailed
from podplane_tui.backend.core.files import os_errors_as, private_directory
from podplane_tui.backend.core.paths import LOCAL_SERVER_LOCK, LOCAL_SERVER_LOG, VMFiles, base_directory
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.host.facts import find_program, require_program
from podplane_tui.backend.runtime.local_server import LocalServer, LogTail, read_local_server
from podplane_tui.backend.runtime.lock import vm_lock

PROGRAM = "podplane"

SERVER_TIMEOUT = 30.0
"""Seconds the local server gets to write its PID file."""

GRACE = 5.0
"""Seconds podplane gets to end after Ctrl-C, and again after SIGTERM, when its start is cancelled."""

_TICK = 0.1
_LAST_LINES = 4
_LINE_LIMIT = 500
_PIECE = 65536


def podplane_installed() -> bool:
    """Whether PATH leads to podplane."""
    return find_program(PROGRAM) is not None


def podplane_environment(
    environ: Mapping[str, str], *, data_dir: Path, runtime_dir: Path, arch: str = "", system: str = sys.platform
) -> dict[str, str]:
    """`environ`, changed so that podplane uses these directories and this architecture.

    Raises `InvalidInput` for a directory that podplane can't be told to use: its variables name the parent, and the
    directory itself is always called `podplane`.
    """
    result = dict(environ)
    for variable, directory, name in (
        ("XDG_DATA_HOME", data_dir, "data"),
        ("XDG_RUNTIME_DIR", runtime_dir, "runtime"),
    ):
        default = base_directory(name, environ, system)
        if os.path.abspath(directory) == os.path.abspath(default):  # noqa: PTH100 - links are kept
            continue
        if directory.name != "podplane":
            raise InvalidInput(
                f"podplane can't be told to use {directory}: it only takes directories called podplane"
                f" ({variable} names the one above)",
                hint="start the VM alone, or leave out the option that chose it",
            )
        result[variable] = os.path.abspath(directory.parent)  # noqa: PTH100
    if arch:
        result["PODPLANE_ARCH"] = arch
    return result


def start_cluster(files: VMFiles, control: Control) -> None:
    """Run `podplane local start` for the cluster of `files`; each line it prints is a step.

    For use under the VM's lock, of which podplane knows nothing. Raises `MissingProgram`, `InvalidInput`, `Cancelled`,
    and `StartFailed` with its last words.
    """
    environment = podplane_environment(
        os.environ, data_dir=files.data_dir, runtime_dir=files.runtime_dir, arch=files.arch
    )
    command = [str(require_program(PROGRAM)), "local", "start", "--id", files.cluster_id]
    control.report(f"running podplane local start --id {files.cluster_id}")
    with os_errors_as(StartFailed, "podplane can't be run"):
        code, words = _run(command, environment, control)
    if control.cancel.is_set() and code != 0:
        raise Cancelled(
            f"the start of {files.cluster_id} through podplane was cancelled", hint="see whether its VM is running"
        )
    if code != 0:
        ended = f"exit code {code}" if code > 0 else f"signal {-code}"
        said = f": {words}" if words else ""
        raise StartFailed(
            f"podplane local start ended with {ended}{said}", hint="read its output, or start the VM alone"
        )


def _run(command: list[str], environment: Mapping[str, str], control: Control) -> tuple[int, str]:
    """Run `command` and report its lines; give its exit code (negative: a signal) and its last words.

    Its output goes to a file without a name: what it starts may inherit that and write for as long as it lives, which
    into a pipe would end it as soon as nobody reads.
    """
    lines: deque[str] = deque(maxlen=_LAST_LINES)
    rest, offset = b"", 0
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        ending = _Ending(child)
        while True:
            over = child.poll() is not None  # asked before reading: what it printed last is read as well
            if control.cancel.is_set():
                ending.hasten()
            data = os.pread(output.fileno(), _PIECE, offset)
            offset += len(data)
            *whole, rest = (rest + data).replace(b"\r", b"\n").split(b"\n")
            for line in whole:
                _tell(line, lines, control)
            rest = rest[:_LINE_LIMIT]
            if data:
                continue
            if over:
                _tell(rest, lines, control)
                return child.wait(), "; ".join(lines)
            time.sleep(_TICK)


def _tell(line: bytes, lines: deque[str], control: Control) -> None:
    text = one_line(line, limit=_LINE_LIMIT)
    if text:
        lines.append(text)
        control.report(text)


class _Ending:
    """Makes a cancelled podplane end: as Ctrl-C does; after that more firmly, itself alone and not what it started."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        self._steps = deque((signal.SIGINT, signal.SIGTERM, signal.SIGKILL))
        self._next = 0.0

    def hasten(self) -> None:
        """Send the next signal when the one before has had its time. The child is ours and not yet collected."""
        if self._child.poll() is not None or not self._steps or time.monotonic() < self._next:
            return
        number, self._next = self._steps.popleft(), time.monotonic() + GRACE
        with contextlib.suppress(ProcessLookupError):
            if number is signal.SIGINT:
                os.killpg(self._child.pid, number)
            else:
                self._child.send_signal(number)


def start_server(*, data_dir: Path, runtime_dir: Path, control: Control | None = None) -> LocalServer:
    """Start podplane's local server, detached, its output in its log, and give it once it runs.

    One that runs already is left as it is. Raises `MissingProgram`, `InvalidInput`, `Busy`, `Cancelled`, and
    `StartFailed` with its last words.
    """
    control = control or Control()
    environment = podplane_environment(os.environ, data_dir=data_dir, runtime_dir=runtime_dir)
    program = require_program(PROGRAM)
    log = runtime_dir / LOCAL_SERVER_LOG
    with os_errors_as(StartFailed, "the local server can't be started"):
        private_directory(runtime_dir)
        with vm_lock(runtime_dir / LOCAL_SERVER_LOCK, "start"):
            server = read_local_server(runtime_dir)
            if server.running:
                return server
            control.report("starting podplane local server")
            child = _detach([str(program), "local", "server", "--background"], environment, log)
            # Whoever starts a process has to collect it, or it stays a zombie for as long as the program runs.
            threading.Thread(target=child.wait, name=f"reap-{child.pid}", daemon=True).start()
            return _await_server(child, runtime_dir, log, control)


def _detach(command: list[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    handle = os.open(log, flags, 0o600)
    try:
        os.set_blocking(handle, True)
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            start_new_session=True,
        )
    finally:
        os.close(handle)


def _await_server(child: subprocess.Popen[bytes], runtime_dir: Path, log: Path, control: Control) -> LocalServer:
    deadline = time.monotonic() + SERVER_TIMEOUT
    while True:
        code = child.poll()
        server = read_local_server(runtime_dir)
        if server.running:
            return server
        if code is not None and code != 0:
            words = _last_words(log)
            raise StartFailed(
                f"the local server exited with code {code}{f': {words}' if words else ''}", hint=f"see {log}"
            )
        if control.cancel.is_set():
            child.terminate()
            raise Cancelled("the start of the local server was cancelled", hint="it was sent SIGTERM")
        if time.monotonic() > deadline:
            raise StartFailed(f"the local server is not running after {SERVER_TIMEOUT:.0f} s", hint=f"see {log}")
        control.cancel.wait(_TICK)


def _last_words(log: Path) -> str:
    tail = LogTail(log)
    with contextlib.suppress(OSError):
        lines = [line for line in (*tail.read(), tail.remainder()) if line]
        return "; ".join(lines[-_LAST_LINES:])
    return ""
