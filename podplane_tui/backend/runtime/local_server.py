"""podplane's local server (HTTP, HTTPS, fake S3 and OIDC), which all local clusters share: is it there, and its log.

Looks only. `backend.podplane.start_server` starts it, and it is never stopped from here: podplane itself ends it at
every stop, whoever else still needs it.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import NamedTuple

from podplane_tui.backend.core.errors import CorruptFile
from podplane_tui.backend.core.files import open_regular
from podplane_tui.backend.core.paths import LOCAL_SERVER_FILE, LOCAL_SERVER_LOG
from podplane_tui.backend.core.status import Problem
from podplane_tui.backend.core.text import one_line
from podplane_tui.backend.runtime.pidfile import PIDFile

MAX_LOG_STEP = 256 * 1024
"""Bytes of the log that are read at once; what was printed before them is passed over."""

_LINE_LIMIT = 2000


class LocalServer(NamedTuple):
    """The server at one moment. Ports are None when it does not run or does not tell.

    `problem` is None when nothing is wrong. `log` is where its output goes, whether that file exists or not.
    """

    running: bool
    log: Path
    pid: int | None = None
    http_port: int | None = None
    https_port: int | None = None
    ingress_https_port: int | None = None
    problem: Problem | None = None


def read_local_server(runtime_dir: Path) -> LocalServer:
    """The local server now. Never raises.

    It runs when its PID file names a live process of this user that was started as `podplane … local server`; the
    number alone proves nothing.
    """
    default_log = runtime_dir / LOCAL_SERVER_LOG
    path = runtime_dir / LOCAL_SERVER_FILE
    try:
        file = PIDFile.read(path)
    except CorruptFile as error:
        return LocalServer(False, default_log, problem=Problem(error.problem, "remove it"))
    if file is None:
        return LocalServer(False, default_log)
    data = file.data or {}
    log = _log_of(data.get("log_file"), runtime_dir)
    problem = _foreign(file.pid)
    if problem is not None:
        return LocalServer(False, log, problem=Problem(problem) if problem else None)
    return LocalServer(
        True,
        log,
        file.pid,
        _port(data.get("http_port")),
        _port(data.get("https_port")),
        _port(data.get("ingress_https_port")),
    )


def is_server_command(arguments: list[str]) -> bool:
    """Whether a process with these arguments is podplane's local server; a script's interpreter may come first."""
    names = [os.path.basename(argument).removesuffix(".exe") for argument in arguments[:2]]  # noqa: PTH119 - may be no path
    if "podplane" not in names:
        return False
    words = [argument for argument in arguments[names.index("podplane") + 1 :] if not argument.startswith("-")]
    return any(pair == ("local", "server") for pair in itertools.pairwise(words))


def _foreign(pid: int) -> str | None:
    """What is wrong with the process of that number; "" when there is none, None when it is the server."""
    import psutil  # noqa: PLC0415 - most looks find no server's PID file

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        if hasattr(os, "getuid") and process.uids().real != os.getuid():
            return f"process {pid} belongs to another user and is not the local server"
        if is_server_command(process.cmdline()):
            return None
        name = one_line(process.name(), limit=40)
    except (psutil.NoSuchProcess, OverflowError, ValueError):
        return ""
    except psutil.Error:
        return f"process {pid} can't be looked at"
    return f"process {pid} is {name}, not the local server"


def _port(text: str | None) -> int | None:
    return (
        int(text) if text and text.isascii() and text.isdecimal() and len(text) < 6 and 0 < int(text) < 65536 else None
    )


def _log_of(text: str | None, runtime_dir: Path) -> Path:
    """The log the file names, if it lies where podplane puts it: no other file of this user is to be shown as one."""
    default = runtime_dir / LOCAL_SERVER_LOG
    if not text or "\0" in text:
        return default
    path = Path(os.path.normpath(text))
    return path if path.suffix == ".log" and path.parent == Path(os.path.normpath(runtime_dir)) else default


class LogTail:
    """Follows a log line by line, however it grows, shrinks or is replaced. In constant memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._identity: tuple[int, int] | None = None
        self._offset = 0
        self._rest = b""

    def read(self) -> tuple[str, ...]:
        """The lines that are new, each fit to be shown; an unfinished one waits for its end. Raises `OSError`.

        At first, and after many at once, only the last `MAX_LOG_STEP` bytes count.
        """
        with open_regular(self.path, follow_links=False) as file:
            info = os.fstat(file.fileno())
            if self._identity != (info.st_dev, info.st_ino) or info.st_size < self._offset:
                self._identity, self._offset, self._rest = (info.st_dev, info.st_ino), 0, b""
            start = max(self._offset, info.st_size - MAX_LOG_STEP)
            file.seek(start)
            data = file.read(MAX_LOG_STEP)
        if start > self._offset:
            self._rest, data = b"", data.partition(b"\n")[2] or data
        self._offset = start + len(data) if start == self._offset else info.st_size
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[: 2 * _LINE_LIMIT]
        return tuple(one_line(line, limit=_LINE_LIMIT) for line in lines)

    def remainder(self) -> str:
        """The line that has not ended yet, as far as it goes."""
        return one_line(self._rest, limit=_LINE_LIMIT)
