"""What each setting of the configuration may be."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable

from podplane_tui.backend.core.errors import InvalidInput
from podplane_tui.backend.core.text import one_line


def _seconds(value: object) -> float:
    return _number(value, 0, sys.float_info.max, hint="use 0 or more")


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidInput(f"invalid number {_shown(value)}", hint="use a whole number, 1 or more")
    return value


def _refresh(value: object) -> float:
    return _number(value, 0.5, 60, hint="use 0.5 to 60")


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"invalid value {_shown(value)}", hint="put it in quotes")
    return value


def _number(value: object, least: float, most: float, *, hint: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise InvalidInput(f"invalid number of seconds {_shown(value)}", hint=hint)
    return float(value)


def _shown(value: object) -> str:
    """`value` as TOML and Python write it, cut to what fits into a message."""
    return one_line(repr(value), limit=40)


def _cpus(value: object) -> str:
    return _field("cpus", str(value))  # with or without quotes


def _memory(value: object) -> str:
    return _field("memory", _name(value))


def _disk_size(value: object) -> str:
    return _field("disk_size", _name(value))


def _max_size(value: object) -> str:
    return _field("max_size", _name(value))


def _digest(value: object) -> str:
    return _field("digest", _name(value))


def _field(name: str, text: str) -> str:
    """`text`, empty for the usual. Raises what the check of that field does."""
    if text:
        from podplane_tui.backend.config.fields import check_fields  # noqa: PLC0415 - most people have none of these

        check_fields(**{name: text})
    return text


def _path(value: object) -> str:
    text = _name(value)
    if text and not text.startswith(("/", "~/")):
        raise InvalidInput(f"invalid path {_shown(text)}", hint="begin it with / or ~/")
    return text


def _image(value: object) -> str:
    text = _name(value)
    return _path(text) if "/" in text and "://" not in text else text


def _ssh_options(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        raise InvalidInput(f"invalid list {_shown(value)}", hint='write it as ["Name=value", "Name=value"]')
    from podplane_tui.backend.ssh.options import check_options  # noqa: PLC0415 - as above

    return check_options(value)


CHECKS: dict[str, dict[str, Callable[[object], object]]] = {
    "stop": {"powerdown": _seconds, "terminate": _seconds, "kill": _seconds},
    "recordings": {"boots": _count, "megabytes": _count},
    "create": {
        "image": _image,
        "digest": _digest,
        "disk_size": _disk_size,
        "cpus": _cpus,
        "memory": _memory,
        "user_data": _path,
        "max_size": _max_size,
    },
    "dashboard": {"theme": _name, "refresh": _refresh},
    "ssh": {"options": _ssh_options},
}
"""By table and name, which are those of the fields in `config`, what gives the value to use for what a file says.

Each raises `InvalidInput`; the setting's name is written behind its problem.
"""

_NUMBERS = frozenset({_seconds, _count, _refresh, _cpus})


def typed_value(setting: str, text: str) -> str | int | float:
    """What to write into a file for a setting, such as `stop.kill`, that somebody typed.

    Raises `InvalidInput`.
    """
    table, _, name = setting.partition(".")
    check = CHECKS[table][name]
    value: str | int | float = text
    if check in _NUMBERS:
        with contextlib.suppress(ValueError):
            value = float(text)
            value = int(text)
    check(value)
    return value
