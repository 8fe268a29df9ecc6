"""The console command: who may have the console, and which socket it is."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from podplane_tui.backend.console.attach import attach
from podplane_tui.backend.console.claim import asker, holder, take
from podplane_tui.backend.console.relay import Ending
from podplane_tui.backend.core.errors import ConsoleError, ConsoleHeld
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.qemu.process import QemuProcess
from tests.backend.qemu.support import control_socket
from tests.waiting import wait_until

LIMIT = 60.0


@pytest.fixture
def files(tmp_path: Path) -> VMFiles:
    files = VMFiles("amd64", "a", tmp_path / "data", tmp_path / "run")
    files.pid_dir.mkdir(parents=True)
    return files


@pytest.fixture(autouse=True)
def _standard_streams(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is typed, and nobody looks."""
    with Path(os.devnull).open() as source, Path(os.devnull).open("w") as sink:
        monkeypatch.setattr(sys, "stdin", source)
        monkeypatch.setattr(sys, "stdout", sink)
        yield


def qemu(console: Path | None = None, qmp: Path | None = None) -> QemuProcess:
    """This process, as if it had been started with these sockets."""
    options = (("-serial", console), ("-qmp", qmp))
    arguments = tuple(word for name, path in options if path for word in (name, f"unix:{path},server=on"))
    return QemuProcess(os.getpid(), "", 0.0, ("qemu-system-x86_64", *arguments), ())


@contextlib.contextmanager
def guest(path: Path, words: bytes = b"login: ") -> Iterator[None]:
    """One that says these words to whoever attaches, and hangs up."""

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            client.sendall(words)

    with socket.socket(socket.AF_UNIX) as listener, ThreadPoolExecutor() as pool:
        listener.bind(str(path))
        listener.listen(1)
        listener.settimeout(LIMIT)
        served = pool.submit(serve)
        yield
        served.result(LIMIT)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_socket_is_the_one_its_qemu_was_started_with(files: VMFiles, tmp_path: Path, elsewhere: bool) -> None:
    path = tmp_path / "other.sock" if elsewhere else files.console
    recorded: list[bytes] = []
    with guest(path):
        ending = attach(files, qemu(path if elsewhere else None), record=recorded.append, ask=False)
    assert ending is Ending.CLOSED
    assert b"".join(recorded) == b"login: "
    assert holder(files) is None


def test_a_console_that_one_of_us_holds_is_not_taken(files: VMFiles) -> None:
    with take(files, "the dashboard"), pytest.raises(ConsoleHeld, match="the dashboard is using the console"):
        attach(files, qemu(), record=None, ask=False)


def test_who_asks_waits_until_it_is_let_go(files: VMFiles) -> None:
    held = take(files, "the dashboard")
    with ThreadPoolExecutor() as pool, guest(files.console):
        ending = pool.submit(attach, files, qemu(), record=None, ask=True)
        try:
            wait_until(lambda: asker(files) is not None)
            claim = asker(files)
            assert claim is not None
            assert claim.who.startswith("the console command")
        finally:
            held.release()
        assert ending.result(LIMIT) is Ending.CLOSED
    assert holder(files) is None


def test_a_console_that_another_program_has_is_left_there(files: VMFiles) -> None:
    chardev = [{"label": "serial0", "filename": f"unix:{files.console},server=on"}]
    with (
        control_socket(files.qmp, {"query-chardev": chardev}) as asked,
        pytest.raises(ConsoleHeld, match=r"other than podplane-tui is using the console of podplane-local-a"),
    ):
        attach(files, qemu(qmp=files.qmp), record=None, ask=False)
    assert [request["execute"] for request in asked] == ["query-chardev"]
    assert holder(files) is None


@pytest.mark.parametrize("answers", [{}, {"query-chardev": []}, {"query-chardev": "nonsense"}])
def test_a_qemu_that_can_not_tell_speaks_against_nothing(files: VMFiles, answers: dict[str, object]) -> None:
    with control_socket(files.qmp, answers), guest(files.console):
        assert attach(files, qemu(qmp=files.qmp), record=None, ask=False) is Ending.CLOSED


def test_a_console_that_is_not_there_is_free_afterwards(files: VMFiles) -> None:
    with pytest.raises(ConsoleError, match="there is no console at"):
        attach(files, qemu(), record=None, ask=False)
    assert holder(files) is None
