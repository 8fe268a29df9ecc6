"""The user's configuration, `config.toml` in our own configuration directory.

[stop]
powerdown = 90  # seconds the guest gets to power off; 0 leaves it out
terminate = 10  # seconds QEMU gets after SIGTERM
kill = 10       # seconds the kernel gets after SIGKILL

[recordings]
boots = 10      # how many boots of a machine are kept
megabytes = 64  # how much all its recordings may take

[create]                     # what a new machine gets when nothing else is said
image = "~/images/base.qcow2"  # a path, a name in podplane's cache, or a URL with its digest
disk_size = "40G"
cpus = 4
memory = "8G"
user_data = "~/cloud-init.yaml"
max_size = "20G"             # the most that is downloaded for an image from a URL

[dashboard]
theme = "tokyo-night"  # any that the palette (Ctrl-P) offers
refresh = 1.0          # seconds between two looks at the machines, 0.5 to 60

[ssh]
options = ["ServerAliveInterval=15", "LocalForward=8080 127.0.0.1:80"]  # ssh_config(5)'s, for ssh itself

[keys]
vm.start = "s"          # a binding's id and its keys, with commas between them
list.down = "down,j"
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from podplane_tui.backend.config.validators import CHECKS
from podplane_tui.backend.core.control import StopTimeouts
from podplane_tui.backend.core.errors import InvalidInput
from podplane_tui.backend.core.files import MAX_SMALL_FILE, open_regular
from podplane_tui.backend.core.paths import base_directory

FILE_NAME = "config.toml"


class RecordingLimits(NamedTuple):
    """How much is kept of one machine: its newest boots, and megabytes (2^20) of all its recordings together."""

    boots: int = 10
    megabytes: int = 64


class CreateDefaults(NamedTuple):
    """What a new machine gets when nothing else is said; "" stands for the usual.

    Paths are absolute or begin with `~`; an image without a slash is the name of one in podplane's cache.
    """

    image: str = ""
    digest: str = ""
    disk_size: str = ""
    cpus: str = ""
    memory: str = ""
    user_data: str = ""
    max_size: str = ""


class DashboardSettings(NamedTuple):
    """How the dashboard looks, by the theme's name, and how often it does, in seconds."""

    theme: str = "tokyo-night"
    refresh: float = 1.0


class SSHSettings(NamedTuple):
    """Options of OpenSSH for its shells and copies: no configuration file of its own is read."""

    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    """What can be configured, with the defaults for what is not.

    `keys` maps ids of bindings to their keys, with commas between them. Whether there is such a theme, binding or key
    the dashboard knows; `path` is the file it can blame, None when there is none.
    """

    stop: StopTimeouts = field(default_factory=StopTimeouts)
    recordings: RecordingLimits = field(default_factory=RecordingLimits)
    create: CreateDefaults = field(default_factory=CreateDefaults)
    dashboard: DashboardSettings = field(default_factory=DashboardSettings)
    ssh: SSHSettings = field(default_factory=SSHSettings)
    keys: Mapping[str, str] = field(default_factory=dict)
    path: Path | None = field(default=None, compare=False)

    def fault(self, setting: str, problem: str, *, hint: str = "") -> InvalidInput:
        """The error to raise for what is wrong with a setting, such as `dashboard.theme`: it names the line."""
        content = None if self.path is None else read_config_file(self.path)
        text = "" if content is None else content.decode("utf-8", errors="replace")
        return _fault(self.path or Path(FILE_NAME), text, setting, problem, hint=hint)


def config_path(environ: Mapping[str, str] | None = None) -> Path | None:
    """Where this user's configuration is, or would be; None without a home directory."""
    environ = os.environ if environ is None else environ
    try:
        return base_directory("own_config", environ) / FILE_NAME
    except InvalidInput:
        return None


def load_config(environ: Mapping[str, str] | None = None) -> Config:
    """The configuration of this user; the defaults when there is no file.

    Raises `InvalidInput` saying what is wrong with the file, and where.
    """
    path = config_path(environ)
    return Config() if path is None else read_config(path)


def read_config(path: Path) -> Config:
    """The configuration in `path`. Raises `InvalidInput`."""
    content = read_config_file(path)
    return Config() if content is None else parse_config(path, content)


def read_config_file(path: Path) -> bytes | None:
    """What is in the file, or in the one it is a link to; None when there is none. Raises `InvalidInput`."""
    try:
        with open_regular(path, follow_links=True) as file:
            content = file.read(MAX_SMALL_FILE + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidInput(
            f"{path} can't be read: {error.strerror or error}", hint="make it a file that you may read"
        ) from error
    if len(content) > MAX_SMALL_FILE:
        raise InvalidInput(f"{path} is larger than {MAX_SMALL_FILE} bytes", hint="keep only settings in it")
    return content


def parse_config(path: Path, content: bytes) -> Config:
    """What `content`, of a file at `path`, says. Raises `InvalidInput`."""
    try:
        return _parsed(path, content)
    except RecursionError as error:
        raise InvalidInput(f"{path} has tables that are nested too deeply", hint="keep only settings in it") from error


def _parsed(path: Path, content: bytes) -> Config:
    import tomllib  # noqa: PLC0415 - most people have no such file

    from podplane_tui.backend.images.digest import digest_fault  # noqa: PLC0415 - likewise

    try:
        text = content.decode("utf-8")
        tables = tomllib.loads(text)
    except ValueError as error:  # that of TOML, of UTF-8, and of a number that is too long
        raise InvalidInput(f"{path} is not valid TOML: {error}", hint="correct the file") from error
    known = [*CHECKS, "keys"]
    for name, table in tables.items():
        if name not in known:
            names = ", ".join(f"[{table}]" for table in known)
            raise _fault(path, text, name, f"unknown name {name!r}", hint=f"use one of {names}")
        if not isinstance(table, dict):
            raise _fault(path, text, name, f"{name!r} is not a table", hint=f"write [{name}] above its settings")
    checked = {name: _checked(path, text, name, tables.get(name, {})) for name in CHECKS}
    create = CreateDefaults(**checked["create"])
    if fault := digest_fault(create.image, create.digest):
        setting = "create.digest" if create.digest else "create.image"
        raise _fault(path, text, setting, f"in [create], {fault.problem}", hint=fault.hint)
    return Config(
        StopTimeouts(**checked["stop"]),
        RecordingLimits(**checked["recordings"]),
        create,
        DashboardSettings(**checked["dashboard"]),
        SSHSettings(**checked["ssh"]),
        dict(_keys(path, text, tables.get("keys", {}))),
        path,
    )


def _checked(path: Path, text: str, table: str, settings: Mapping[str, object]) -> dict[str, Any]:
    """The values of one table."""
    checks, values = CHECKS[table], {}
    for name, value in settings.items():
        if name not in checks:
            hint = f"use one of {', '.join(sorted(checks))}"
            raise _fault(path, text, f"{table}.{name}", f"unknown setting {name!r} in [{table}]", hint=hint)
        try:
            values[name] = checks[name](value)
        except InvalidInput as error:
            problem = f"{error.problem} for {name!r} in [{table}]"
            raise _fault(path, text, f"{table}.{name}", problem, hint=error.hint) from error
    return values


def _keys(path: Path, text: str, table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Ids and their keys. An id without quotes is a table in a table to TOML."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _keys(path, text, value, f"{prefix}{name}.")
        elif isinstance(value, str):
            yield f"{prefix}{name}", value
        else:
            hint = 'write keys in quotes, such as "s" or "down,j"'
            problem = f"the value of {prefix + name!r} in [keys] is not text"
            raise _fault(path, text, f"keys.{prefix}{name}", problem, hint=hint)


def _fault(path: Path, text: str, setting: str, problem: str, *, hint: str = "") -> InvalidInput:
    """The error with the line that the setting, or the table of that name, stands in."""
    from podplane_tui.backend.config.locate import line_of  # noqa: PLC0415 - where nothing is wrong it is not needed

    line = line_of(text, setting)
    return InvalidInput(f"{path}{f', line {line}' if line else ''}: {problem}", hint=hint)
