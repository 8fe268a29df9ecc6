"""The connection with a console's socket, and the words where there is none."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from podplane_tui.backend.console.connection import Outgoing, connect, receive
from podplane_tui.backend.core.errors import ConsoleError, InvalidInput

LIMIT = 60.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "console.sock"


@contextlib.contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(1)
        listener.settimeout(LIMIT)
        yield listener


def test_missing_socket_is_said_so(path: Path) -> None:
    with pytest.raises(ConsoleError, match=r"no console at .*: start the VM"):
        connect(path, os.getpid())


def test_socket_left_behind_is_said_so(path: Path) -> None:
    with _listening(path):
        pass
    with pytest.raises(ConsoleError, match="QEMU no longer serves"):
        connect(path, os.getpid())


def test_file_that_is_no_socket_is_said_so(path: Path) -> None:
    path.write_text("")
    with pytest.raises(ConsoleError, match=rf"console {re.escape(str(path))}"):
        connect(path, os.getpid())


def test_path_that_is_too_long_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="socket path"):
        connect(tmp_path / ("x" * 120), os.getpid())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a full queue refuses")
def test_full_queue_is_said_so_at_once(path: Path) -> None:
    with _listening(path), contextlib.ExitStack() as stack:
        for _ in range(2):  # a backlog of one holds two
            waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
            waiting.connect(str(path))
        with pytest.raises(ConsoleError, match="other programs are already waiting"):
            connect(path, os.getpid())


def test_nobody_is_connected_with_another_process(path: Path) -> None:
    with _listening(path), pytest.raises(ConsoleError, match=f"not the console of process {os.getppid()}: another"):
        connect(path, os.getppid())


def test_nothing_waits_and_the_end_is_told(path: Path) -> None:
    with _listening(path) as listener, connect(path, os.getpid()) as connection:
        guest, _ = listener.accept()
        with guest:
            assert receive(connection) is None
            guest.sendall(b"login: ")
            assert receive(connection) == b"login: "
            outgoing = Outgoing(connection)
            outgoing.pending += b"root"
            outgoing.send()
            assert (bytes(outgoing.pending), outgoing.unsent, outgoing.wants_to_send) == (b"", 4, False)
            assert guest.recv(100) == b"root"
            assert outgoing.unsent == 0
        assert receive(connection) == b""


def test_what_the_guest_does_not_take_is_left_and_counted(path: Path) -> None:
    with _listening(path) as listener, connect(path, os.getpid()) as connection:
        guest, _ = listener.accept()
        outgoing = Outgoing(connection)
        wanted = os.urandom(8_000_000)
        outgoing.pending += wanted
        with guest:
            left = -1
            while left != len(outgoing.pending):
                left = len(outgoing.pending)
                outgoing.send()
            assert len(wanted) - 100_000 < left < len(wanted)
            assert wanted.endswith(outgoing.pending)
            assert outgoing.unsent == len(wanted)
            assert outgoing.finish() == len(wanted)
            assert outgoing.wants_to_send
        outgoing.send()
        assert (len(outgoing.pending), outgoing.wants_to_send) == (left, False)
        assert outgoing.finish() >= left
