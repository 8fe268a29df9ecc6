"""`logs` and `boot`: what they print of recordings, for people, for pipes and as JSON."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import podplane_tui.cli
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.recording.store import begin, belongs_to, finish
from tests.backend.console.terminal_child import run_on_terminal
from tests.cli.json_schema import check_output
from tests.conftest import Workspace
from tests.paths import RECORDINGS

DEBIAN = (RECORDINGS / "debian12-first-boot.raw").read_bytes()
RED = b"\x1b[31mred\x1b[0m \x1b]0;owned\x07\x1b[2Jtext\r\n"
ONE = b"[    0.000000] Linux version 6.1\r\n[    5.000000] one\r\n[    6.000000] reboot: Restarting system\r\n"
TWO = b"[    0.000000] Linux version 6.1\r\n[    5.000000] two\r\n"


@pytest.fixture
def files(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> VMFiles:
    for name, value in workspace.environment.items():
        monkeypatch.setenv(name, value)
    return VMFiles("amd64", "default", workspace.data, workspace.runtime)


def record(files: VMFiles, content: bytes, pid: int | None = None) -> Path:
    path = begin(files)
    path.write_bytes(content)
    if pid is None:
        finish(files)
    else:
        belongs_to(path, pid)
    return path


def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "podplane_tui", *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)


def call(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = podplane_tui.cli.run(arguments)
    output = capfd.readouterr()
    check_output(arguments, code, output.out)
    return code, *output


@pytest.mark.slow
def test_a_pipe_gets_plain_text_and_with_raw_the_bytes(files: VMFiles) -> None:
    record(files, RED)
    assert run("logs").stdout == b"red text\n"
    assert run("logs", "--raw").stdout == RED


@pytest.mark.slow
def test_a_terminal_gets_colours_and_nothing_worse(files: VMFiles) -> None:
    record(files, RED)
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-m", "podplane_tui", "logs"], stdout=theirs, stdin=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 4096):
                shown += data
        except OSError:
            pass  # so a terminal ends on Linux
    os.close(ours)
    assert process.returncode == 0
    assert shown == b"\x1b[31mred\x1b[0m text\r\n\x1b[0m"


def test_boots_are_counted_back_from_the_newest(files: VMFiles, capfd: pytest.CaptureFixture[str]) -> None:
    record(files, b"[    0.000000] Linux version 5\n")
    record(files, ONE + TWO)
    assert "one" in call(capfd, "logs")[1]
    code, newest, _ = call(capfd, "logs", "--boot", "0")
    assert (code, "one" in newest, "two" in newest) == (0, False, True)
    code, before, _ = call(capfd, "logs", "--boot", "1")
    assert (code, before) == (0, ONE.decode().replace("\r", ""))
    assert "version 5" in call(capfd, "logs", "--boot", "2")[1]
    code, out, err = call(capfd, "logs", "--boot", "3")
    assert (code, out) == (1, "")
    assert "no boot 3" in err


def test_the_list_tells_when_how_and_how_much(files: VMFiles, capfd: pytest.CaptureFixture[str]) -> None:
    record(files, ONE + TWO)
    record(files, b"", os.getpid())
    code, out, _ = call(capfd, "logs", "--list")
    assert code == 0
    head, live, ended = out.splitlines()
    assert head.split() == ["STARTED", "ENDED", "HOW", "BOOTS", "SIZE", "FROM"]
    assert "still runs" in live
    assert "ended by itself  2 " in ended
    assert ended.endswith("power-on")


@pytest.mark.slow
def test_following_ends_with_the_machine(files: VMFiles) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as machine:
        path = record(files, b"first line\r\n", machine.pid)
        command = [sys.executable, "-m", "podplane_tui", "logs", "--follow"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"first line\n"
            with path.open("ab") as qemu:
                qemu.write(b"second line\r\n")
            assert process.stdout.readline() == b"second line\n"
            with path.open("ab") as qemu:
                qemu.write(b"last words")
            machine.kill()
            machine.wait()
            assert process.stdout.read() == b"last words"
        assert process.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_no_colour_of_the_guest_stays_after_a_signal(files: VMFiles, number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as machine:
        record(files, b"\x1b[31mred", machine.pid)
        with run_on_terminal([sys.executable, "-m", "podplane_tui", "logs", "--follow"]) as child:
            shown = child.expect(b"\x1b[31mred")
            child.process.send_signal(number)
            child.expect(b"\x1b[0m", after=shown)
            assert child.end() == (130 if number is signal.SIGINT else -number)
        machine.kill()


@pytest.mark.parametrize("verb", ["logs", "boot"])
def test_without_a_recording_one_line_says_why(files: VMFiles, capfd: pytest.CaptureFixture[str], verb: str) -> None:
    code, out, err = call(capfd, verb)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "there is no recording of" in err


def test_a_console_that_has_said_nothing_yet_has_no_boot(files: VMFiles, capfd: pytest.CaptureFixture[str]) -> None:
    record(files, b"\r\n", os.getpid())
    code, out, err = call(capfd, "boot")
    assert (code, out) == (1, "")
    assert "has shown no boot yet" in err
    assert call(capfd, "logs")[:2] == (0, "\n")


def test_following_the_past_is_wrong_usage(files: VMFiles, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(capfd, "logs", "--follow", "--boot", "1")[0] == 2
    assert call(capfd, "logs", "--follow", "--list")[0] == 2


def test_boot_shows_stages_and_failures_and_keeps_host_keys(files: VMFiles, capfd: pytest.CaptureFixture[str]) -> None:
    record(files, DEBIAN)
    files.known_hosts.unlink()
    code, out, _ = call(capfd, "boot")
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert ["kernel", "0.0", "s", "5.5", "s", "—"] in rows
    assert ["cloud-init", "init", "44.5", "s", "~24.3", "s", "—"] in rows
    assert "701   cloud-init  cloud-init[408]:" in out
    hosts = [line for line in files.known_hosts.read_text().splitlines() if not line.startswith("#")]
    assert [line.split()[:2] for line in hosts] == [
        [files.stem, kind] for kind in ("ecdsa-sha2-nistp256", "ssh-ed25519", "ssh-rsa")
    ]


def test_boot_compares_with_one_before_or_what_is_usual(files: VMFiles, capfd: pytest.CaptureFixture[str]) -> None:
    slow = DEBIAN.replace(b"[    5.476918] Run /init", b"[    1.000000] Run /init")
    record(files, DEBIAN)
    record(files, slow)
    described = json.loads(call(capfd, "boot", "--json")[1])
    assert (described["id"], described["number"], described["good"]) == ("default", 1, True)
    assert described["changes"] is None
    assert {stage["name"]: stage["usual_seconds"] for stage in described["stages"]}["initramfs"] == 4.023952
    described = json.loads(call(capfd, "boot", "--json", "--compare", "1")[1])
    changes = {change["name"]: change["change"] for change in described["changes"]}
    assert (changes["initramfs"], changes["kernel"]) == ("slower", "faster")
    assert changes["cloud-init final"] == "same"
    assert "slower" in call(capfd, "boot", "--compare", "1")[1]
    assert call(capfd, "boot", "--compare", "2")[0] == 1
