"""Changing the configuration file: comments, order and whatever else stands in it are kept."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from podplane_tui.backend.config.model import Config, parse_config, read_config_file
from podplane_tui.backend.core.errors import CorruptFile, InvalidInput
from podplane_tui.backend.core.file_lock import alone
from podplane_tui.backend.core.files import os_errors_as, write_atomic
from podplane_tui.backend.core.paths import lock_beside

Value = str | int | float | list[str]

_MODE = 0o600


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The file as it was read; `content` is None when there is none.

    `said` are the settings that stand in it, such as `stop.kill`, as they stand there; keys are not among them.
    """

    path: Path
    content: bytes | None = None
    config: Config = field(default_factory=Config)
    said: Mapping[str, Value] = field(default_factory=dict)


def open_config(path: Path) -> ConfigFile:
    """Read the file for changing it. Raises `InvalidInput` for one that is wrong, with the line."""
    content = read_config_file(path)
    return ConfigFile(path) if content is None else _understood(path, content)


def _understood(path: Path, content: bytes) -> ConfigFile:
    config = parse_config(path, content)
    said = {
        f"{table}.{name}": value
        for table, settings in _tables(content).items()
        if table != "keys"
        for name, value in settings.items()
    }
    return ConfigFile(path, content, config, said)


def change_config(file: ConfigFile, changes: Mapping[str, Value | None]) -> ConfigFile:
    """Write `changes`, by names such as `stop.kill`, into the file; None takes a setting out.

    Raises `InvalidInput` when a value can't be, or when the file has been changed since it was read, and `CorruptFile`
    when it can't be written. Nothing is written then.
    """
    path, old = file.path, file.content or b""
    expected = _tables(old)
    for setting, value in changes.items():
        table, _, name = setting.partition(".")
        settings = expected.setdefault(table, {})
        if value is None:
            settings.pop(name, None)
        else:
            settings[name] = value
    from tomlkit.exceptions import TOMLKitError  # noqa: PLC0415 - only who saves something needs it

    try:
        content = _edited(old.decode("utf-8"), changes).encode("utf-8")
        understood = _filled(_tables(content)) == _filled(expected)
    except (TOMLKitError, ValueError):
        understood = False
    if not understood:
        raise InvalidInput(f"{path} is written in a way that can't be changed from here", hint="edit it by hand")
    changed = _understood(path, content)
    with os_errors_as(CorruptFile, f"{path} can't be written"):
        target = path.resolve()  # a link, to where somebody keeps such files, stays one
        mode = _MODE
        with contextlib.suppress(FileNotFoundError):
            mode = target.stat().st_mode & 0o777
        with alone(lock_beside(target)):
            if read_config_file(path) != file.content:
                raise InvalidInput(
                    f"{path} was changed by another program, so nothing was written", hint="make your changes again"
                )
            write_atomic(target, content, mode=mode)
    return changed


def _tables(content: bytes) -> dict[str, dict[str, Value]]:
    import tomllib  # noqa: PLC0415 - most people have no such file

    return tomllib.loads(content.decode("utf-8"))


def _filled(tables: dict[str, dict[str, Value]]) -> dict[str, dict[str, Value]]:
    """Those with something in them."""
    return {name: settings for name, settings in tables.items() if settings}


def _edited(text: str, changes: Mapping[str, Value | None]) -> str:
    """`text` with the changes, and nothing else changed."""
    import tomlkit  # noqa: PLC0415 - see above
    from tomlkit.items import Table  # noqa: PLC0415

    document = tomlkit.parse(text if text.endswith("\n") or not text else f"{text}\n")
    for setting, value in changes.items():
        name, _, key = setting.partition(".")
        if value is None:
            if name in document and key in document[name]:
                document[name].remove(key)
            continue
        if name not in document:
            if text and not document.as_string().endswith("\n\n"):
                document.add(tomlkit.nl())
            document.add(name, tomlkit.table())
        table = document[name]
        if key in table or not isinstance(table, Table):
            table[key] = value
            continue
        # What stands between a table's last setting and the next table's head belongs to that, as a rule.
        body = table.value.body
        last = max((number for number, (known, _) in enumerate(body) if known is not None), default=-1)
        tail = body[last + 1 :]
        del body[last + 1 :]
        table[key] = value
        body.extend(tail)
    edited = tomlkit.dumps(document)
    return re.sub(r"(?<!\r)\n", "\r\n", edited) if "\r\n" in text else edited
