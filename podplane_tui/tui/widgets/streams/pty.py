"""A program in a pseudo-terminal: a source and a sink in one."""

import asyncio
import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import Mapping, Sequence

from podplane_tui.tui.widgets.streams.base import DescriptorStream

EXIT_GRACE = 1.0
"""Seconds a program has to end after its terminal hung up, before it is killed."""

KILL_PATIENCE = 30.0
"""Seconds the kernel gets to end one that is killed: soon, unless the machine is very busy."""

IGNORED_BY_US = (signal.SIGPIPE, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTOU, signal.SIGTTIN)
"""Signals a Python or Textual program may ignore, which a child would inherit."""


class PtyStream(DescriptorStream):
    """Runs ``argv`` (a list, never a shell string) as the leader of a session on a terminal of its own.

    ``exit_status`` is the program's exit code, minus the signal that ended it, or None while it runs. Closing the
    stream hangs up (SIGHUP), and kills the program if it does not end.
    """

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
        super().__init__(" ".join(argv))
        self.exit_status: int | None = None
        self._argv = list(argv)
        self._env = {**(os.environ if env is None else env), "TERM": "xterm-256color"}
        self._size = (80, 24)
        self._pid = 0

    async def open(self) -> None:
        master, slave = pty.openpty()
        try:
            _set_size(master, *self._size)
            os.set_blocking(master, False)
            terminal = os.ttyname(slave)
            # Opened by the child after setsid, the terminal becomes its controlling one: no code of ours runs between
            # fork and exec, which is what makes this safe beside threads.
            self._pid = os.posix_spawnp(  # noqa: ASYNC221 - returns at once, the program runs on
                self._argv[0],
                self._argv,
                self._env,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, terminal, os.O_RDWR, 0),
                    (os.POSIX_SPAWN_DUP2, 0, 1),
                    (os.POSIX_SPAWN_DUP2, 0, 2),
                ],
                setsid=True,
                setsigmask=[],
                setsigdef=IGNORED_BY_US,
            )
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        self._descriptor = master

    async def read(self, limit: int) -> bytes:
        try:
            data = await super().read(limit)
        except OSError:  # EIO: the last process closed the terminal
            data = b""
        if not data:
            await self._wait(EXIT_GRACE)
        return data

    def resize(self, columns: int, lines: int) -> None:
        self._size = (columns, lines)
        if self._descriptor >= 0:
            _set_size(self._descriptor, columns, lines)

    async def close(self) -> None:
        await super().close()
        for number, seconds in ((signal.SIGHUP, EXIT_GRACE), (signal.SIGKILL, KILL_PATIENCE)):
            if self._pid and self.exit_status is None:
                # Our child and not waited for yet, so its number can't be another's.
                os.kill(self._pid, number)
                await self._wait(seconds)

    async def _wait(self, seconds: float) -> None:
        """Collect the exit status if the program ends within ``seconds``."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self._pid and self.exit_status is None and loop.time() < deadline:
            pid, status = os.waitpid(self._pid, os.WNOHANG)  # noqa: ASYNC222 - does not wait
            if pid:
                self.exit_status = os.waitstatus_to_exitcode(status)
                return
            await asyncio.sleep(0.01)


def _set_size(descriptor: int, columns: int, lines: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
