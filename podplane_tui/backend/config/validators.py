"""What each setting of the configuration may be."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable

from podplane_tui.backend.core.errors import InvalidInput


def digest_fault(image: str, digest: str) -> str:
    """What is wrong with a digest beside this image; "" when nothing is."""
    if digest and "://" not in image:
        return "a digest is for an image from a URL: leave it empty, or give the URL"
    if "://" in image and not digest:
        return "an image from a URL needs its digest: sha256:<64 hex digits> or sha512:<128>"
    return ""


def _seconds(value: object) -> float:
    return _number(value, 0, sys.float_info.max, hint="use 0 or more")


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidInput("is not a number", hint="use 1 or more")
    return value


def _refresh(value: object) -> float:
    return _number(value, 0.5, 60, hint="use 0.5 to 60")


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput("is not text", hint="put it in quotes")
    return value


def _number(value: object, least: float, most: float, *, hint: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise InvalidInput("is not a number of seconds", hint=hint)
    return float(value)


def _cpus(value: object) -> str:
    from podplane_tui.backend.qemu.arguments import validate_cpus  # noqa: PLC0415 - most people have none of these

    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else _name(value)
    return _valid(text, validate_cpus, "is not a number of CPUs", "use 1 to 255")


def _memory(value: object) -> str:
    from podplane_tui.backend.qemu.arguments import parse_memory  # noqa: PLC0415 - see above

    return _valid(_name(value), parse_memory, "is not a size of at least 1M", 'use such as "512M" or "4G"')


def _disk_size(value: object) -> str:
    from podplane_tui.backend.core.sizes import parse_disk_size  # noqa: PLC0415 - see above

    return _valid(
        _name(value), parse_disk_size, "is not a size up to 64T", 'use a whole number with a unit, such as "40G"'
    )


def _digest(value: object) -> str:
    from podplane_tui.backend.images.digest import validate_digest  # noqa: PLC0415 - see above

    return _valid(_name(value), validate_digest, "is no digest", "use sha256:<64 hex digits> or sha512:<128>")


def _valid(text: str, check: Callable[[str], object], problem: str, hint: str) -> str:
    """`text`, empty for the usual, unless `check` says it is invalid."""
    try:
        if text:
            check(text)
    except InvalidInput as error:
        raise InvalidInput(problem, hint=hint) from error
    return text


def _path(value: object) -> str:
    text = _name(value)
    if text and not text.startswith(("/", "~/")):
        raise InvalidInput("is not the path of a file from anywhere", hint="begin it with / or ~/")
    return text


def _image(value: object) -> str:
    text = _name(value)
    return _path(text) if "/" in text and "://" not in text else text


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
    },
    "dashboard": {"theme": _name, "refresh": _refresh},
}
"""By table and name, which are those of the fields in `config`, what gives the value to use for what a file says.

Each raises `InvalidInput`, whose problem is written behind the setting's name.
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
