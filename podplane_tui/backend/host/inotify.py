"""The kernel's limits on watching files with inotify(7), and whether they are reached.

A recursive watch that runs into them misses changes, and nobody says so: watchfiles drops the error. Here one more
watch is asked for; where the kernel refuses that, some of those before it may have been refused as well.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

_SETTINGS = Path("/proc/sys")
_IN_DELETE_SELF = 0x400
_WATCHES = ("fs/inotify/max_user_watches", "user/max_inotify_watches")
_INSTANCES = ("fs/inotify/max_user_instances", "user/max_inotify_instances")
"""The settings that bound them: the system's, and those of a user namespace."""

_ENOUGH = 524_288
_ENOUGH_INSTANCES = 1024


class Limit(NamedTuple):
    """A limit that is reached: what it bounds, the kernel's setting, its value, and one to raise it to."""

    of: str
    setting: str
    value: int | None
    better: int

    @property
    def problem(self) -> str:
        """What is wrong, in a sentence."""
        value = "" if self.value is None else f" = {self.value}"
        return f"the limit of inotify {self.of} is reached ({self.setting}{value})"

    @property
    def hint(self) -> str:
        """What to do about it."""
        return f"raise it with: sudo sysctl {self.setting}={self.better}"


class Probe:
    """Tells whether one more watch can be had. Holds an instance of inotify from the beginning to the end."""

    def __init__(self) -> None:
        self._handle = -1
        self._refused = 0
        if sys.platform == "linux":
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._handle = self._init()
            if self._handle >= 0 and (another := self._init()) >= 0:  # there has to be one for the watch itself
                os.close(another)

    def _init(self) -> int:
        handle: int = self._libc.inotify_init1(os.O_CLOEXEC)
        self._refused = ctypes.get_errno() if handle < 0 else 0
        return handle

    def __enter__(self) -> Probe:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def reached(self, path: Path) -> Limit | None:
        """The limit that is reached now, as far as a watch of `path` tells; None when none is."""
        if self._refused == errno.EMFILE:
            return _limit("instances", _INSTANCES, _ENOUGH_INSTANCES)
        if self._handle < 0:
            return None
        watch = self._libc.inotify_add_watch(self._handle, os.fsencode(path), _IN_DELETE_SELF)
        if watch >= 0:
            self._libc.inotify_rm_watch(self._handle, watch)
            return None
        return _limit("watches", _WATCHES, _ENOUGH) if ctypes.get_errno() == errno.ENOSPC else None


def _limit(of: str, settings: tuple[str, ...], enough: int) -> Limit:
    """The tightest of the settings."""
    values = [(value, setting) for setting in settings if (value := _read(setting)) is not None]
    value, setting = min(values, key=lambda each: each[0]) if values else (None, settings[0])
    return Limit(of, setting.replace("/", "."), value, max(enough, 4 * (value or 0)))


def _read(setting: str) -> int | None:
    try:
        return int((_SETTINGS / setting).read_text())
    except (OSError, ValueError):
        return None
