"""A connection that is cut off as soon as something says so, whatever is being waited for on it."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from threading import Event, Lock, Thread

_TICK = 0.1


class SocketWatch:
    """Shuts down the guarded connection, and each that follows it, once `over` says so. `over` runs in a thread.

    Who waits for the other side then sees its end: look at `cut` to tell the two apart.
    """

    def __init__(self, over: Callable[[], bool]) -> None:
        self._over = over
        self._lock = Lock()
        self._done = Event()
        self._cut = Event()
        self._connection: socket.socket | None = None
        self._thread = Thread(target=self._run, name="socket-watch", daemon=True)

    def __enter__(self) -> SocketWatch:
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._keep(None)

    @property
    def cut(self) -> bool:
        """Whether the connection was cut off."""
        return self._cut.is_set()

    def guard(self, connection: socket.socket) -> None:
        """Watch over `connection` from now on, instead of the one before.

        A descriptor of our own is kept: TLS takes the caller's away while it shakes hands.
        """
        self._keep(socket.socket(fileno=os.dup(connection.fileno())))
        if self._thread.ident is None:
            self._thread.start()

    def _keep(self, connection: socket.socket | None) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = connection
            if self.cut:
                self._shut_down()

    def _run(self) -> None:
        while not self._over():
            if self._done.wait(_TICK):
                return
        with self._lock:
            self._cut.set()
            self._shut_down()

    def _shut_down(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):  # the other side may have gone first
                self._connection.shutdown(socket.SHUT_RDWR)
