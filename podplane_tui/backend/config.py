"""The user's configuration, `config.toml` in our own configuration directory.

[stop]
powerdown = 90  # seconds the guest gets to power off; 0 leaves it out
terminate = 10  # seconds QEMU gets after SIGTERM
kill = 10       # seconds the kernel gets after SIGKILL

[recordings]
boots = 10      # how many boots of a machine are kept
megabytes = 64  # how much all its recordings may take

[dashboard]
theme = "tokyo-night"  # any that the palette (Ctrl-P) offers
refresh = 1.0          # seconds between two looks at the machines, 0.5 to 60

[keys]
vm.start = "s"          # a binding's id and its keys, with commas between them
list.down = "down,j"
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
class DashboardSettings:
    """How the dashboard looks, by the theme's name, and how often it does, in seconds."""

    theme: str = "tokyo-night"
    refresh: float = 1.0


@dataclass(frozen=True, slots=True)
class Config:
    """What can be configured, with the defaults for what is not.

    `keys` maps ids of bindings to their keys, with commas between them. Whether there is such a theme, binding or key
    the dashboard knows; `path` is the file it can blame, None when there is none.
    """

    stop: StopTimeouts = field(default_factory=StopTimeouts)
    recordings: RecordingLimits = field(default_factory=RecordingLimits)
    dashboard: DashboardSettings = field(default_factory=DashboardSettings)
    keys: Mapping[str, str] = field(default_factory=dict)
    path: Path | None = field(default=None, compare=False)

    def fault(self, setting: str, words: str) -> InvalidInput:
        """The error to raise for what is wrong with a setting, such as `dashboard.theme`: it names the line."""
        content = None if self.path is None else read_small_file(self.path)
        text = "" if content is None else content.decode("utf-8", errors="replace")
        return _fault(self.path or Path(FILE_NAME), text, setting, words)


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
    import tomllib  # noqa: PLC0415 - most people have no such file

    try:
        text = content.decode("utf-8")
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is not TOML: {error}") from error
    known = [*_CHECKS, "keys"]
    for name, table in tables.items():
        if name not in known:
            names = ", ".join(f"[{table}]" for table in known)
            raise _fault(path, text, name, f"{name!r} is not known: use one of {names}")
        if not isinstance(table, dict):
            raise _fault(path, text, name, f"{name!r} is not a table: write [{name}] above its settings")
    checked = {name: _checked(path, text, name, tables.get(name, {})) for name in _CHECKS}
    return Config(
        StopTimeouts(**checked["stop"]),
        RecordingLimits(**checked["recordings"]),
        DashboardSettings(**checked["dashboard"]),
        dict(_keys(path, text, tables.get("keys", {}))),
        path,
    )


def _seconds(value: object) -> float:
    return _number(value, 0, math.inf, "is not a number of seconds: use 0 or more")


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("is not a number: use 1 or more")
    return value


def _refresh(value: object) -> float:
    return _number(value, 0.5, 60, "is not a number of seconds: use 0.5 to 60")


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("is not text: put it in quotes")
    return value


def _number(value: object, least: float, most: float, words: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most or value == math.inf:
        raise ValueError(words)
    return float(value)


_CHECKS: dict[str, dict[str, Callable[[object], object]]] = {
    "stop": {"powerdown": _seconds, "terminate": _seconds, "kill": _seconds},
    "recordings": {"boots": _count, "megabytes": _count},
    "dashboard": {"theme": _name, "refresh": _refresh},
}
"""What each setting of each table may be; they bear the names of the classes' fields."""


def _checked(path: Path, text: str, table: str, settings: Mapping[str, object]) -> dict[str, Any]:
    """The values of one table."""
    checks, values = _CHECKS[table], {}
    for name, value in settings.items():
        if name not in checks:
            words = f"{name!r} in [{table}] is not known: use {', '.join(sorted(checks))}"
            raise _fault(path, text, f"{table}.{name}", words)
        try:
            values[name] = checks[name](value)
        except ValueError as error:
            raise _fault(path, text, f"{table}.{name}", f"{name!r} in [{table}] {error}") from error
    return values


def _keys(path: Path, text: str, table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Ids and their keys. An id without quotes is a table in a table to TOML."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _keys(path, text, value, f"{prefix}{name}.")
        elif isinstance(value, str):
            yield f"{prefix}{name}", value
        else:
            words = f"""{prefix + name!r} in [keys] is not text: write keys in quotes, such as "s" or "down,j\""""
            raise _fault(path, text, f"keys.{prefix}{name}", words)


_HEADER = re.compile(r"\s*\[+([^\]]+)\]")
_SETTING = re.compile(r"\s*([^=#\[]+?)\s*=")
_PART = re.compile(r"""[\w-]+|"([^"]*)"|'([^']*)'""")


def _fault(path: Path, text: str, setting: str, words: str) -> InvalidInput:
    """The error with the line that the setting, or the table of that name, stands in; the last of several."""
    table, line = "", 0
    for number, content in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(content):
            table = found = _dotted(header[1])
        elif match := _SETTING.match(content):
            found = f"{table}.{_dotted(match[1])}" if table else _dotted(match[1])
        else:
            continue
        if found == setting or (not line and found.startswith(f"{setting}.")):
            line = number
    return InvalidInput(f"{path}{f', line {line}' if line else ''}: {words}")


def _dotted(name: str) -> str:
    """A TOML key without its quotes and spaces."""
    return ".".join(match[1] or match[2] or match[0] for match in _PART.finditer(name))
