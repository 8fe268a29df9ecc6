"""What a guest prints, kept off the stacks of titles and colours that the user's terminal has. Pure."""

from __future__ import annotations

import re
from typing import Final

_STACKS: Final = re.compile(rb"\x1b\[(?:0*2[23](?:;[0-9;:]*)?t|[0-9;:]*#[PQ])")
"""XTWINOPS 22 and 23, XTPUSHCOLORS and XTPOPCOLORS."""
_COLOURS: Final = re.compile(rb"\x1b\](?:[45]|1[0-9]);")
_OPEN: Final = re.compile(rb"\x1b(?:\[[0-9;:]{0,32}#?|\][0-9]{0,2})?\Z")
"""What may go on as one of those."""


class StackGuard:
    """Passes bytes on, in any pieces, but for what takes from the stacks or adds to them.

    What the user's terminal had when the console was attached is on top there, to be taken back in the end: a guest
    that pops would take it away, and one that pushes would leave its own there.
    """

    def __init__(self) -> None:
        self.colours_changed = False
        """The guest has set a colour of the terminal."""
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What of the next bytes is to be shown now."""
        data = self._held + data
        match = _OPEN.search(data)
        cut = len(data) if match is None else match.start()
        data, self._held = data[:cut], data[cut:]
        self.colours_changed = self.colours_changed or _COLOURS.search(data) is not None
        return _STACKS.sub(b"", data)

    def end(self) -> bytes:
        """What was held back, because nothing more comes."""
        held, self._held = self._held, b""
        return held
