"""The local clipboard, for terminals that do not let programs write to it (OSC 52)."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Mapping

_TIMEOUT = 3.0


def clipboard_command(environ: Mapping[str, str], *, platform: str = sys.platform) -> list[str] | None:
    """The program that fills the clipboard of this desktop from its standard input; None where there is none."""
    candidates: list[list[str]] = []
    if platform == "darwin":
        candidates.append(["pbcopy"])
    if environ.get("WAYLAND_DISPLAY"):
        candidates.append(["wl-copy"])
    if environ.get("DISPLAY"):
        candidates += [["xclip", "-selection", "clipboard"], ["xsel", "--clipboard", "--input"]]
    return next((command for command in candidates if shutil.which(command[0])), None)


def fill_clipboard(command: list[str], text: str) -> None:
    """Hand `text` over; that it fails is no matter, for OSC 52 was sent, too. Blocks: for a thread."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            command,
            input=text.encode(),
            timeout=_TIMEOUT,
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
