"""The user's configuration, `config.toml` in our own configuration directory.

[stop]
powerdown = 90  # seconds the guest gets to power off; 0 leaves it out
terminate = 10  # seconds QEMU gets after SIGTERM
kill = 10       # seconds the kernel gets after SIGKILL

[recordings]
boots = 10      # how many boots of a machine are kept
megabytes = 64  # how much all its recordings may take
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from podplane_tui.backend.errors import CorruptFile, InvalidInput
from podplane_tui.backend.files import read_small_file
from podplane_tui.backend.interface import StopTimeouts
from podplane_tui.backend.paths import base_directories

FILE_NAME = "config.toml"


@dataclass(frozen=True, slots=True)
class RecordingLimits:
    """How much is kept of one machine: its newest boots, and megabytes (2^20) of all its recordings together."""

    boots: int = 10
    megabytes: int = 64


@dataclass(frozen=True, slots=True)
class Config:
    """What can be configured, with the defaults for what is not."""

    stop: StopTimeouts = field(default_factory=StopTimeouts)
    recordings: RecordingLimits = field(default_factory=RecordingLimits)


def load_config(environ: Mapping[str, str] | None = None) -> Config:
    """The configuration of this user; the defaults when there is no file.

    Raises `InvalidInput` saying what is wrong with the file, and where.
    """
    environ = os.environ if environ is None else environ
    if not (environ.get("XDG_CONFIG_HOME") or environ.get("HOME") or environ.get("USERPROFILE")):
        return Config()
    return read_config(base_directories(environ).own_config / FILE_NAME)


def read_config(path: Path) -> Config:
    """The configuration in `path`. Raises `InvalidInput`."""
    try:
        content = read_small_file(path)
    except CorruptFile as error:
        raise InvalidInput(str(error)) from error
    if content is None:
        return Config()
    try:
        tables = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is not TOML: {error}") from error
    stop, recordings = _table(path, tables, "stop"), _table(path, tables, "recordings")
    if tables:
        raise InvalidInput(f"{path}: {next(iter(tables))!r} is not known: use [stop] or [recordings]")
    return Config(_stop_timeouts(path, stop), _recording_limits(path, recordings))


def _table(path: Path, tables: dict[str, object], name: str) -> dict[str, object]:
    table = tables.pop(name, {})
    if not isinstance(table, dict):
        raise InvalidInput(f"{path}: {name!r} is not a table: write [{name}] above its settings")
    return table


def _recording_limits(path: Path, table: Mapping[str, object]) -> RecordingLimits:
    known = {item.name for item in fields(RecordingLimits)}
    limits = {}
    for name, value in table.items():
        if name not in known:
            raise InvalidInput(f"{path}: {name!r} in [recordings] is not known: use {', '.join(sorted(known))}")
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InvalidInput(f"{path}: {name!r} in [recordings] is not a number: use 1 or more")
        limits[name] = value
    return RecordingLimits(**limits)


def _stop_timeouts(path: Path, table: Mapping[str, object]) -> StopTimeouts:
    known = {item.name for item in fields(StopTimeouts)}
    seconds = {}
    for name, value in table.items():
        if name not in known:
            raise InvalidInput(f"{path}: {name!r} in [stop] is not known: use {', '.join(sorted(known))}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise InvalidInput(f"{path}: {name!r} in [stop] is not a number of seconds: use 0 or more")
        seconds[name] = float(value)
    return StopTimeouts(**seconds)
