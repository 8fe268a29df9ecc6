"""What is typed into a console: kept, sent, forgotten."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from podplane_tui.backend.console.claim import take
from podplane_tui.backend.console.client import ConsoleLine, LineEvents, open_line
from podplane_tui.backend.console.connection import MAX_PENDING
from podplane_tui.backend.core.status import VMStatus
from podplane_tui.tui.widgets.console.sink import ConsoleSink
from tests.conftest import Workspace
from tests.tui.widgets.console.support import machine
from tests.waiting import wait_until

SILENT = LineEvents(lambda _data: None, lambda _claim: None, lambda: None)


@contextmanager
def connected(vm: VMStatus) -> Iterator[tuple[ConsoleLine, socket.socket]]:
    """A line, and the guest's end of it."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(vm.files.console))
        listener.listen(1)
        line = open_line(vm, take(vm.files, "a test"), SILENT)
        guest, _ = listener.accept()
        with guest:
            guest.settimeout(60)
            yield line, guest
            line.close()


def received(guest: socket.socket, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        more = guest.recv(65536)
        assert more, data
        data += more
    return data


def test_what_is_typed_before_there_is_a_console_waits_for_it_up_to_a_bound(workspace: Workspace) -> None:
    sink = ConsoleSink()
    large = b"x" * (MAX_PENDING - 1)
    assert sink.write(large)
    assert sink.write(b"12") is False  # not even a part of it
    assert sink.backlog == len(large)
    with connected(machine(workspace, "a")) as (line, guest):
        sink.connect(line)
        got = bytearray()
        while len(got) < len(large):
            got += guest.recv(1 << 20)
        assert sink.write(b".")
        assert got + received(guest, b".") == large + b"."
        wait_until(lambda: sink.backlog == 0)


def test_what_was_forgotten_reaches_nobody(workspace: Workspace) -> None:
    sink = ConsoleSink()
    sink.write(b"rm -r /")
    assert sink.forget() == 7
    assert sink.backlog == sink.forget() == 0
    with connected(machine(workspace, "a")) as (line, guest):
        sink.connect(line)
        sink.write(b"ls")
        assert received(guest, b"s") == b"ls"


def test_nothing_reaches_a_console_that_is_ours_no_longer(workspace: Workspace) -> None:
    sink = ConsoleSink()
    with connected(machine(workspace, "a")) as (line, guest):
        sink.connect(line)
        sink.write(b"mine")
        assert received(guest, b"e") == b"mine"
        sink.disconnect()
        sink.write(b"not mine")
        line.send(b".")
        assert received(guest, b".") == b"."
