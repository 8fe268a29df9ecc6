"""Where in a console's bytes another boot begins: found at once, not line by line. Pure, in constant memory.

For whoever must act before the first character of a boot. What the boots are is told by `parser`; this may take a
kernel log that the guest shows again for one, which must do no harm.
"""

from __future__ import annotations

import re
from typing import Final

RESET_NOTE: Final = b"\x18\r\n[podplane-tui: reset]\r\n"
"""What a recording says where our reset button was pressed: a guest that boots quietly does not tell."""

_STAMP: Final = rb"\[ *[0-9]{1,9}\.[0-9]{6}\](?:\[ *[TC][0-9]+\])? "
_AFTER: Final = re.compile(
    rb"(?:[\r\n]|" + _STAMP + rb")(?:reboot: (?:Restarting system|machine restart)|sysrq: Resetting)[^\n]{0,80}\n"
    rb"|\n\[podplane-tui: reset\]\r\n"
)
"""The last line of what went before."""
_FIRST: Final = re.compile(
    rb"(?<=\n)\[    0\.000000\](?:\[ *[TC][0-9]+\])? (?:Linux version [0-9]|Booting Linux on )"
    rb"|SeaBIOS \(version |BdsDxe: (?:loading|failed) |UEFI firmware \(version "
)
"""How the first line begins."""
_NEEDLES: Final = (b"reboot: ", b"Resetting", b"podplane-tui: ", b"Linux ", b"SeaBIOS (", b"BdsDxe: ", b"UEFI ")
_MEMORY: Final = 256
"""Bytes that are looked at again: more than a pattern matches."""


class BootStarts:
    """Looks for boots in bytes that come in any pieces."""

    def __init__(self) -> None:
        self._before = b""

    def within(self, data: bytes) -> list[int]:
        """Where boots begin in the next bytes, in order: 0 is before the first of them, or earlier still."""
        text, known = self._before + data, len(self._before)
        if not any(needle in text for needle in _NEEDLES):
            return []
        starts = {match.end() - known for match in _AFTER.finditer(text) if match.end() >= known}
        starts |= {max(0, match.start() - known) for match in _FIRST.finditer(text) if match.end() > known}
        return sorted(start for start in starts if start < len(data))

    def take(self, data: bytes) -> None:
        """Go on behind these bytes."""
        self._before = (self._before + data)[-_MEMORY:]
