"""Who holds a console and who asks for it, between processes; and a console handed over."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from podplane_tui.backend.console import handover
from podplane_tui.backend.console.claim import Claim, ask, asker, holder, take
from podplane_tui.backend.console.relay import Ending, relay
from podplane_tui.backend.console.typed import DETACH
from podplane_tui.backend.core.errors import Cancelled, ConsoleHeld
from podplane_tui.backend.core.paths import VMFiles
from tests.waiting import wait_until

LIMIT = 60.0


@pytest.fixture
def files(tmp_path: Path) -> VMFiles:
    return VMFiles("amd64", "a", tmp_path / "data", tmp_path / "run")


def test_a_console_has_one_holder_who_is_named(files: VMFiles) -> None:
    assert holder(files) is None
    with take(files, "me") as held:
        claim = holder(files)
        assert isinstance(claim, Claim)
        assert (claim.who, claim.pid) == ("me", os.getpid())
        assert abs(claim.since - time.time()) < 60
        with pytest.raises(ConsoleHeld, match=r"me is using the console of podplane-local-a.*--ask"):
            take(files, "you")
        held.release()
        held.release()
    assert holder(files) is None
    assert list(files.pid_dir.iterdir()) == []


def test_a_holder_that_was_killed_holds_nothing(files: VMFiles) -> None:
    script = (
        "import sys, time; from pathlib import Path; from podplane_tui.backend.core.paths import VMFiles;"
        "from podplane_tui.backend.console.claim import take;"
        "held = take(VMFiles('amd64', 'a', *map(Path, sys.argv[1:])), 'the other'); print('held', flush=True);"
        "time.sleep(600)"
    )
    command = [sys.executable, "-c", script, str(files.data_dir), str(files.runtime_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        claim = holder(files)
        assert claim is not None
        assert (claim.who, claim.pid) == ("the other", process.pid)
        process.kill()
    assert holder(files) is None
    take(files, "me").release()


def test_who_asks_is_seen_and_gets_it_when_it_is_let_go(files: VMFiles) -> None:
    held = take(files, "me")
    with ThreadPoolExecutor() as pool:
        asking = pool.submit(ask, files, "you", cancel=threading.Event())
        wait_until(lambda: asker(files) is not None)
        assert not asking.done()
        with pytest.raises(ConsoleHeld, match="you is already asking for the console of podplane-local-a"):
            ask(files, "somebody", cancel=threading.Event())
        held.release()
        theirs = asking.result(LIMIT)
        claim = holder(files)
        assert claim is not None
        assert claim.who == "you"
        assert asker(files) is None
        theirs.release()


def test_asking_ends_when_it_takes_too_long_or_is_given_up(files: VMFiles) -> None:
    cancel = threading.Event()
    with take(files, "me"):
        with pytest.raises(ConsoleHeld, match="me did not hand over"):
            ask(files, "you", cancel=cancel, patience=0.1)
        cancel.set()
        with pytest.raises(Cancelled, match="request for the console of podplane-local-a was cancelled"):
            ask(files, "you", cancel=cancel)
        assert asker(files) is None


@pytest.mark.parametrize(
    "content", [b"", b"\xff{", b"[]", b'{"who": 1}', b'{"who": "a\\u001b[2J", "pid": 1, "since": 2}']
)
def test_whatever_stands_in_the_file_is_harmless(files: VMFiles, content: bytes) -> None:
    with take(files, "me"):
        files.console_lock.write_bytes(content)
        claim = holder(files)
        assert claim is not None
        assert "\x1b" not in claim.who


@pytest.mark.slow
def test_whoever_is_attached_is_told_who_asks_and_hands_over_with_the_detach_key() -> None:
    guest, ours = socket.socketpair()
    keyboard, typed = socket.socketpair()
    shown, screen = socket.socketpair()
    ours.setblocking(False)
    with ThreadPoolExecutor() as pool, guest, ours, keyboard, typed, shown, screen:
        looks: list[str] = []

        def asked() -> str:
            looks.append("the dashboard on pts/9")
            return looks[-1]

        ending = pool.submit(relay, ours, input_fd=typed.fileno(), output_fd=shown.fileno(), asked=asked)
        screen.settimeout(LIMIT)
        wait_until(lambda: len(looks) > 2, "more than one look at who asks")
        guest.sendall(b"still shown")
        text = b""
        while b"still shown" not in text:
            text += screen.recv(1000)
        assert text.count(b"[the dashboard on pts/9 asks for this console: Ctrl-] hands it over]") == 1
        keyboard.sendall(DETACH)
        assert ending.result(LIMIT) is Ending.DETACHED


def test_whoever_types_nothing_hands_over_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "IDLE", 0.0)
    guest, ours = socket.socketpair()
    keyboard, typed = socket.socketpair()
    shown, screen = socket.socketpair()
    ours.setblocking(False)
    with guest, ours, keyboard, typed, shown, screen:
        ending = relay(ours, input_fd=typed.fileno(), output_fd=shown.fileno(), asked=lambda: "somebody")
    assert ending is Ending.HANDED_OVER
