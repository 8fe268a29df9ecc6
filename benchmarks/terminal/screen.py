"""The user's side of an app with a terminal widget: commands for the child in it, and a count of paints."""

import json
import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.screen import Screen, ScreenError

ASKS_FOR_SYNCHRONIZED_OUTPUT = b"\x1b[?2026$p"
CAN_SYNCHRONIZE = b"\x1b[?2026;2$y"
PAINT = b"\x1b[?2026h"
"""Textual begins each update with this once it knows that the terminal understands it."""


class AppScreen(Screen):
    """Runs a Textual app; the child in its widget takes commands over the socket at `socket_path`."""

    def __init__(
        self, command: Sequence[str], *, size: tuple[int, int], variables: Mapping[str, str], socket_path: Path
    ) -> None:
        self.paints = 0
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(socket_path))
            listener.listen(1)
            listener.settimeout(30)
            super().__init__(command, size=size, variables=variables)
            try:
                self._child, _ = listener.accept()
            except TimeoutError:
                super().close()
                raise ScreenError(f"the app did not start: {self._tail[-300:]!r}") from None

    def command(self, **command: object) -> None:
        """Tell the child what to do; see workers/child.py."""
        self._child.sendall((json.dumps(command) + "\n").encode())

    def _received(self, data: bytes) -> None:
        if ASKS_FOR_SYNCHRONIZED_OUTPUT in data:
            os.write(self._master, CAN_SYNCHRONIZE)
        self.paints += data.count(PAINT)

    def close(self) -> None:
        """End the app, and with it the child."""
        self._child.close()
        super().close()
