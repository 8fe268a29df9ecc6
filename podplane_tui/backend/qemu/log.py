"""QEMU's log, the file of what it printed: why it gave its guest up."""

from __future__ import annotations

import os
import re
from pathlib import Path

from podplane_tui.backend.core.files import open_regular
from podplane_tui.backend.core.text import one_line

_MAX_LOG = 64 * 1024
"""Bytes of the end of QEMU's log in which its reason for an internal error stands."""

_FAILURE = re.compile(r"internal error|entry failed|run failed|hardware error|^error:", re.IGNORECASE)
_CAUSE = "emulation failure"
"""What may follow on a line of its own."""

_REGISTERS = re.compile(r"(?:^|\s)[A-Z][A-Z0-9]{1,5} ?=|^Code=")
"""What QEMU prints behind it, line after line."""


def reason_in_log(log: Path) -> str:
    """Why QEMU gave its guest up, in its own words on one line, from the file of what it printed; "" when unknown."""
    try:
        with open_regular(log, follow_links=False) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _MAX_LOG))
            return failure_in(file.read(_MAX_LOG).decode("utf-8", "backslashreplace"))
    except OSError:
        return ""


def failure_in(printed: str) -> str:
    """The last failure among the lines that QEMU printed, without the guest's registers behind it; "" without one."""
    lines = [clean for line in printed.splitlines() if (clean := one_line(line, limit=200))]
    lines = [line for line in lines if not _REGISTERS.search(line)]
    found = next((number for number in reversed(range(len(lines))) if _FAILURE.search(lines[number])), None)
    if found is None:
        return lines[-1] if lines else ""
    return ", ".join([lines[found], *(line for line in lines[found + 1 : found + 2] if line == _CAUSE)])
