"""Plain QEMU for guests, without the program under test: a process and its serial port."""

import contextlib
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.guest.tiny import PROMPT, TinyGuest

BOOT_LIMIT = 180.0
"""Seconds a guest may take for whatever it does, on a loaded machine."""

_POLL = 0.05
_QEMU = {
    "amd64": ("qemu-system-x86_64",),
    "arm64": ("qemu-system-aarch64", "-machine", "virt", "-cpu", "max,pauth-impdef=on"),
}


class Serial:
    """A client of a serial port's Unix socket; `text` is all it has read."""

    def __init__(self, path: Path, *, timeout: float = 10) -> None:
        """Connect to `path`, waiting up to `timeout` seconds for somebody to listen there."""
        self.text = ""
        self._searched = 0
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_POLL)
        deadline = time.monotonic() + timeout
        while True:
            try:
                self._socket.connect(str(path))
                return
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL)

    def send(self, text: str) -> None:
        """Type `text`."""
        self._socket.settimeout(None)
        self._socket.sendall(text.encode())

    def wait_for(self, pattern: str, *, timeout: float = BOOT_LIMIT) -> re.Match[str]:
        """Read until the regular expression `pattern` matches after the end of the match before it.

        Raises:
            AssertionError: after `timeout` seconds, or at end of stream; with the last text read.
        """
        deadline = time.monotonic() + timeout
        while True:
            if match := re.compile(pattern, re.MULTILINE).search(self.text, self._searched):
                self._searched = match.end()
                return match
            if not self._read(deadline):
                raise AssertionError(f"no {pattern!r} on the serial port: …{self.text[-2000:]!r}")

    def wait_for_prompt(self, *, timeout: float = BOOT_LIMIT) -> None:
        """Wait for a tiny guest's shell, whether it was ready before this client came or not.

        Raises:
            AssertionError: after `timeout` seconds.
        """
        self.send("\n")
        self.wait_for(PROMPT, timeout=timeout)

    def wait_for_end(self, *, timeout: float = BOOT_LIMIT) -> None:
        """Read until QEMU closes the port.

        Raises:
            AssertionError: after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while self._read(deadline):
            pass
        assert time.monotonic() < deadline, f"the serial port stays open: …{self.text[-2000:]!r}"

    def close(self) -> None:
        """Leave the port to the next client."""
        self._socket.close()

    def _read(self, deadline: float) -> bool:
        """Read something; return False at end of stream and past `deadline`."""
        self._socket.settimeout(_POLL)
        while time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                data = self._socket.recv(65536)
                self.text += data.decode(errors="replace")
                return bool(data)
        return False


@contextlib.contextmanager
def booted(
    guest: TinyGuest, *, directory: Path, arguments: Sequence[str] = (), cmdline: str = ""
) -> Iterator[tuple[Serial, "subprocess.Popen[bytes]"]]:
    """Boot `guest` under TCG with its serial socket in `directory`; kill what is left of it in the end.

    `arguments` are added to QEMU's, `cmdline` to the kernel's.
    """
    path = directory / "serial.sock"
    command = [
        *(*_QEMU[guest.arch], "-nodefaults", "-display", "none", "-no-reboot", "-accel", "tcg", "-m", "256M"),
        *("-kernel", str(guest.kernel), "-initrd", str(guest.initramfs)),
        *("-append", f"{guest.cmdline} {cmdline}".strip()),
        *("-serial", f"unix:{path},server=on,wait=off", *arguments),
    ]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        serial = Serial(path)
        try:
            yield serial, process
        finally:
            serial.close()
    finally:
        process.kill()
        process.wait()
