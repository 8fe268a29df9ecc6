"""What rsync printed, kept to be read afterwards: `<state>/syncs/<stem>.log` and the part before it, `.log.1`."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TextIO

from podplane_tui.backend.core.files import private_directory

MAX_SIZE = 2 * 2**20
"""Bytes at which a log becomes the previous one, whose predecessor goes."""


def previous(log: Path) -> Path:
    """The part before `log`."""
    return log.with_name(f"{log.name}.1")


class SyncLog:
    """Lines appended to a log, each with its time (UTC). A log that can't be written never stops a copy."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._size = 0

    def __enter__(self) -> SyncLog:
        with contextlib.suppress(OSError):
            self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def write(self, line: str) -> None:
        """Append one line."""
        if self._file is None:
            return
        text = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}\n"
        try:
            self._file.write(text)
            self._size += len(text)
            if self._size > MAX_SIZE:
                self._close()
                self._path.replace(previous(self._path))
                self._open()
        except OSError:
            self._close()

    def _open(self) -> None:
        private_directory(self._path.parent)
        handle = os.open(
            self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600
        )
        self._size = os.fstat(handle).st_size
        self._file = open(handle, "a", encoding="utf-8", errors="backslashreplace")  # noqa: PTH123, SIM115

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()
