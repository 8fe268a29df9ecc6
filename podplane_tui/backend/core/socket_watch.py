"""Connections that are cut off, or not made, as soon as somebody cancels or the time is up."""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import time
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from threading import Event, Lock, Thread
from typing import Any

_TICK = 0.1


class SocketWatch:
    """Shuts down the guarded connection, and each that follows it, once `cancel` is set or the time is up.

    The time is up `timeout` seconds from now, if any, or when `allow` says. Who waits for the other side then sees its
    end: look at `cut` to tell the two apart.
    """

    def __init__(self, cancel: Event, timeout: float | None = None) -> None:
        self._cancel = cancel
        self._deadline = None if timeout is None else time.monotonic() + timeout
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
        """Whether the connection was cut off, or not made."""
        return self._cut.is_set()

    def allow(self, seconds: float) -> None:
        """The time is up that many seconds from now."""
        self._deadline = time.monotonic() + seconds

    def connect(self, host: str, port: int, *, timeout: float) -> socket.socket:
        """Connect within `timeout`, for the name and for each of its addresses, and guard the connection.

        Raises `OSError` as `socket.create_connection` does, and `ConnectionAbortedError` when it is cut off.
        """
        error: OSError = OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        for family, kind, protocol, _, address in self._resolve(host, port, timeout):
            connection = socket.socket(family, kind, protocol)
            try:
                self._connect_to(connection, address, timeout)
            except OSError as failure:
                connection.close()
                if self.cut:
                    raise
                error = failure
            else:
                self.guard(connection)
                return connection
        raise error

    def guard(self, connection: socket.socket) -> None:
        """Watch over `connection` from now on, instead of the one before.

        A descriptor of our own is kept: TLS takes the caller's away while it shakes hands.
        """
        self._keep(socket.socket(fileno=os.dup(connection.fileno())))
        if self._thread.ident is None:
            self._thread.start()

    def _resolve(self, host: str, port: int, timeout: float) -> list[tuple[Any, ...]]:
        """The addresses of a name. A resolver can't be stopped: who does not wait for it any more leaves it alone."""
        found: Future[list[tuple[Any, ...]]] = Future()

        def ask() -> None:
            try:
                found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except Exception as error:  # whatever it is, it is raised where it is waited for
                found.set_exception(error)

        Thread(target=ask, name="resolver", daemon=True).start()
        end = time.monotonic() + timeout
        while not wait_for([found], timeout=_TICK).done:
            self._check(end)
        return found.result()

    def _connect_to(self, connection: socket.socket, address: Any, timeout: float) -> None:
        connection.setblocking(False)
        end, code = time.monotonic() + timeout, connection.connect_ex(address)
        if code == errno.EINPROGRESS:
            with selectors.DefaultSelector() as selector:
                selector.register(connection, selectors.EVENT_WRITE)
                while not selector.select(_TICK):
                    self._check(end)
            code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        connection.settimeout(timeout)

    def _check(self, end: float) -> None:
        if self._over():
            self._cut.set()
            raise ConnectionAbortedError(errno.ECONNABORTED, os.strerror(errno.ECONNABORTED))
        if time.monotonic() >= end:
            raise TimeoutError("timed out")

    def _over(self) -> bool:
        deadline = self._deadline
        return self._cancel.is_set() or (deadline is not None and time.monotonic() >= deadline)

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
