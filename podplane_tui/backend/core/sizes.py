"""Sizes of disks as people write them."""

from __future__ import annotations

import re

from podplane_tui.backend.core.errors import InvalidInput

_SIZE = re.compile(r"(\d{1,6})([MGT])", re.IGNORECASE)
_UNITS = {"M": 2**20, "G": 2**30, "T": 2**40}
_MAX_SIZE = 64 * 2**40


def parse_disk_size(text: str) -> int:
    """Bytes of a disk size such as `128G`. Raises `InvalidInput`."""
    match = _SIZE.fullmatch(text.strip())
    size = int(match[1]) * _UNITS[match[2].upper()] if match else 0
    if not 2**20 <= size <= _MAX_SIZE:
        raise InvalidInput(
            f"invalid disk size {text[:40]!r}", hint="use a whole number with a unit up to 64T, such as 128G"
        )
    return size
