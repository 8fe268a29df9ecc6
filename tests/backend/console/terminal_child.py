"""A program on a pseudo-terminal of its own, driven from a test."""

import contextlib
import fcntl
import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Iterator, Sequence

_LIMIT = 60.0


class TerminalChild:
    """`screen` is all that the program has written so far, `found` the settings of the terminal it was given."""

    def __init__(self, arguments: Sequence[str], pass_fds: Sequence[int] = ()) -> None:
        self.master, slave = pty.openpty()
        self._slave = slave
        self.found = self.attributes()
        self.screen = b""
        self.process = subprocess.Popen(
            arguments,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            pass_fds=pass_fds,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - nothing else runs in the child
        )

    def attributes(self) -> list[object]:
        """The settings of the terminal, as `tcgetattr` gives them."""
        return list(termios.tcgetattr(self._slave))

    def type(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.master, data) :]

    def expect(self, wanted: bytes, *, after: int = 0) -> int:
        """Read until `wanted` has been written, from position `after` of the screen on; give back where it ends."""
        deadline = time.monotonic() + _LIMIT
        while wanted not in self.screen[after:]:
            assert select.select([self.master], [], [], max(0.0, deadline - time.monotonic()))[0], (
                f"{wanted!r} did not come: {self.screen!r}"
            )
            try:
                self.screen += os.read(self.master, 65536)
            except OSError as error:  # the other end is closed
                raise AssertionError(f"{wanted!r} did not come before the end: {self.screen!r}") from error
        return self.screen.index(wanted, after) + len(wanted)

    def end(self) -> int:
        """The exit code, when the program has ended by itself."""
        return self.process.wait(_LIMIT)


@contextlib.contextmanager
def run_on_terminal(arguments: Sequence[str], pass_fds: Sequence[int] = ()) -> Iterator[TerminalChild]:
    """Run the program; it is killed at the end of the block when it still runs."""
    child = TerminalChild(arguments, pass_fds)
    try:
        yield child
    finally:
        if child.process.poll() is None:
            child.process.kill()
        child.process.wait()
        os.close(child._slave)
        os.close(child.master)
