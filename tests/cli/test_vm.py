"""The command line on real virtual machines, with a terminal where the verb wants one."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from tests.cli.json_schema import check_output
from tests.cli.support import Terminal
from tests.conftest import Workspace, missing
from tests.guest.tiny import PROMPT, TinyGuest
from tests.waiting import wait_until

pytestmark = [pytest.mark.vm, pytest.mark.timeout(300)]

PROGRAM = (sys.executable, "-m", "podplane_tui")

TICK = timedelta(seconds=1)
"""What a start time is told in."""

PATIENT = "[stop]\nterminate = 60\n"
"""A configuration: on a busy host QEMU obeys SIGTERM late."""


def run(workspace: Workspace, *arguments: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [*PROGRAM, *arguments],
        env=workspace.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    check_output(arguments, result.returncode, result.stdout)
    return result


def succeed(workspace: Workspace, *arguments: str) -> str:
    result = run(workspace, *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def machine(workspace: Workspace) -> dict[str, object]:
    (vm,) = json.loads(succeed(workspace, "list", "--json"))["vms"]
    assert isinstance(vm, dict)
    return vm


def wait_for_state(workspace: Workspace, *states: str) -> None:
    """List the machine until it is in one of these states."""
    wait_until(lambda: machine(workspace)["state"] in states, f"{states}", seen=lambda: machine(workspace))


def configure(workspace: Workspace, text: str) -> Path:
    """Write the user's configuration."""
    path = workspace.root / "config" / "podplane-tui" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def left_in_runtime(workspace: Workspace) -> list[str]:
    return sorted(
        str(path.relative_to(workspace.runtime)) for path in workspace.runtime.rglob("*") if not path.is_dir()
    )


@pytest.fixture
def disk(workspace: Workspace, require_qemu: None) -> Path:
    """The default cluster's machine, made from an empty image."""
    base = workspace.root / "base.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(base), "1G"], check=True)
    succeed(workspace, "create", "--id", "default", "--image", str(base))
    return workspace.data / "vms"


def boot_options(guest: TinyGuest) -> list[str]:
    """The guest, as small and as quick as it gets."""
    direct = ["--kernel", str(guest.kernel), "--initrd", str(guest.initramfs), "--cmdline", guest.cmdline]
    return [*direct, "-c", "1", "-m", "256M", "--accel", "tcg"]


def test_the_life_of_a_machine(workspace: Workspace, disk: Path, tiny_guest: TinyGuest) -> None:
    before = datetime.now(UTC)
    output = succeed(workspace, "start", *boot_options(tiny_guest))
    vm = machine(workspace)
    assert f"process {vm['pid']}" in output
    assert vm["state"] in {"starting", "running"}
    assert (vm["cpus"], vm["memory_limit_bytes"], vm["accelerator"]) == (1, 256 * 2**20, "tcg")
    assert isinstance(vm["cpu_percent"], float)
    assert isinstance(vm["memory_bytes"], int)
    assert vm["memory_bytes"] > 2**20
    started = datetime.fromisoformat(str(vm["started_at"]))
    assert before - TICK <= started <= datetime.now(UTC) + TICK
    assert isinstance(vm["ports"], dict)
    assert set(map(type, vm["ports"].values())) == {int}

    for refused in ("start", "delete"):
        result = run(workspace, refused, "--yes") if refused == "delete" else run(workspace, refused)
        assert (result.returncode, result.stderr.count("\n")) == (1, 1)
        assert f"process {vm['pid']}" in result.stderr
    assert machine(workspace)["pid"] == vm["pid"]

    console = Terminal(workspace, "console")
    console.wait_for(r"Ctrl-\] detaches")
    console.type("\r")
    console.wait_for(PROMPT)
    console.type("echo $((6 * 7))\r")
    console.wait_for(r"^42\r?$")
    second = run(workspace, "console")
    assert second.returncode == 1
    assert "is using the console of" in second.stderr
    console.type("\x1d")
    console.wait_for("detached")
    assert console.end() == 0

    succeed(workspace, "pause")
    wait_for_state(workspace, "paused")  # a busy QEMU tells late
    succeed(workspace, "resume")
    assert machine(workspace)["running"] is True

    assert "powered off" not in succeed(workspace, "restart", "--timeout", "60")
    again = machine(workspace)
    assert again["pid"] != vm["pid"]
    assert again["memory_limit_bytes"] == 256 * 2**20

    console = Terminal(workspace, "console")
    console.wait_for(r"Ctrl-\] detaches")
    console.type("\r")
    console.wait_for(PROMPT)  # the guest listens to its power button by now
    console.type("\x1d")
    console.end()
    assert "powered off" in succeed(workspace, "stop", "--timeout", "200")
    assert machine(workspace)["state"] == "stopped"
    assert left_in_runtime(workspace) == []
    assert workspace.qemu_processes() == []

    listing = succeed(workspace, "delete", "--yes")
    assert str(disk / "podplane-local-default.amd64.image.qcow2") in listing
    assert list(disk.iterdir()) == []


def test_shell_and_sync(workspace: Workspace, disk: Path, tiny_ssh_guest: TinyGuest) -> None:
    succeed(workspace, "start", *boot_options(tiny_ssh_guest))
    deadline = time.monotonic() + 90
    while (result := run(workspace, "shell", "true")).returncode != 0:
        assert time.monotonic() < deadline, result.stderr
        assert result.stderr.startswith("podplane-tui: "), result.stderr

    result = run(workspace, "shell", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (result.returncode, result.stdout, result.stderr) == (7, "out\n", "err\n")
    assert run(workspace, "shell", "echo", "a  b", "$HOME").stdout == "a  b $HOME\n"

    source = workspace.root / "a file"
    source.mkdir()
    (source / "kept").write_text("kept")
    (source / "left").write_text("left")
    output = succeed(workspace, "sync", f"{source}/", "/tmp/copy here", "--exclude", "left", "--chown", "debian:debian")
    assert "kept" in output
    assert "left" not in output.splitlines()
    assert succeed(workspace, "shell", "cat", "/tmp/copy here/kept") == "kept"
    assert run(workspace, "shell", "cat", "/tmp/copy here/left").returncode != 0
    result = run(workspace, "sync", "/nowhere", "/tmp/")
    assert result.returncode == 1
    assert result.stderr.startswith("podplane-tui: rsync exited with code 23: ")

    shell = Terminal(workspace, "shell")
    shell.wait_for(r"\$ ")
    shell.type("exit 9\r")
    assert shell.end() == 9
    succeed(workspace, "stop", "--force")


def test_start_with_a_console(workspace: Workspace, disk: Path, tiny_guest: TinyGuest) -> None:
    terminal = Terminal(workspace, "start", "--console", *boot_options(tiny_guest))
    terminal.wait_for("is running as process")
    terminal.wait_for(PROMPT)
    terminal.type("poweroff\r")
    terminal.wait_for("closed its console")
    assert terminal.end() == 0
    wait_for_state(workspace, "stopped")  # QEMU closes the console a moment before it ends
    assert machine(workspace)["note"] == "powered off by the guest"
    assert "had ended before" in succeed(workspace, "stop")
    assert machine(workspace)["note"] is None


def test_start_in_the_foreground(workspace: Workspace, disk: Path, tiny_guest: TinyGuest) -> None:
    terminal = Terminal(workspace, "start", "--monitor", *boot_options(tiny_guest))
    terminal.wait_for(r"\(qemu\) ")
    terminal.type("info name\r")
    terminal.wait_for(r"\(qemu\) ")
    assert machine(workspace)["running"] is True
    terminal.type("quit\r")
    assert terminal.end() == 0
    assert machine(workspace)["state"] == "stopped"
    assert left_in_runtime(workspace) == []


def test_ctrl_c_skips_to_the_next_step_of_a_stop(workspace: Workspace, disk: Path) -> None:
    """Firmware without a system ignores the power button, for longer than the test may take."""
    configure(workspace, PATIENT)
    succeed(workspace, "start", "-m", "256M")
    terminal = Terminal(workspace, "stop", "--timeout", "600")
    terminal.wait_for(r"power off \(\d+ s left\)")
    terminal.type("\x03")
    terminal.wait_for("SIGTERM")
    assert terminal.end() == 0
    assert machine(workspace)["state"] == "stopped"


def test_a_forced_stop_leaves_the_guest_out(workspace: Workspace, disk: Path) -> None:
    configure(workspace, PATIENT)
    succeed(workspace, "start", "-m", "256M")
    assert "SIGTERM" in succeed(workspace, "stop", "--force")
    assert left_in_runtime(workspace) == []


def test_stop_goes_on_for_a_killed_program_only_in_qemu(workspace: Workspace, disk: Path) -> None:
    """A stop that is killed leaves the machine running, and the next stop works."""
    succeed(workspace, "start", "-m", "256M")
    terminal = Terminal(workspace, "stop", "--timeout", "600")
    terminal.wait_for(r"power off \(\d+ s left\)")
    os.kill(terminal.pid, signal.SIGKILL)
    assert terminal.end() == -signal.SIGKILL
    assert machine(workspace)["running"] is True
    succeed(workspace, "stop", "--rm", "--force")
    assert json.loads(succeed(workspace, "list", "--json"))["vms"] == []


def test_a_start_that_fails_tells_qemus_words_and_leaves_nothing(workspace: Workspace, disk: Path) -> None:
    before = sorted(path.name for path in disk.iterdir())
    wrong = "hvf" if sys.platform == "linux" else "kvm"
    result = run(workspace, "start", "--accel", wrong)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert wrong in result.stderr.lower()
    assert sorted(path.name for path in disk.iterdir()) == before
    assert left_in_runtime(workspace) == []
    assert machine(workspace)["state"] == "stopped"


@pytest.fixture
def namespace() -> list[str]:
    """A command prefix that runs a shell script where file systems can be mounted without anybody noticing."""
    prefix = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-ec"]
    if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], check=False).returncode != 0:
        missing("this system lets nobody make a mount namespace", linux_only=True)
    return prefix


@pytest.mark.parametrize(("options", "reason"), [("size=64k", "space"), ("ro", "ead-only")])
def test_create_where_it_can_not_write_leaves_nothing(
    workspace: Workspace, require_qemu: None, namespace: list[str], options: str, reason: str
) -> None:
    base = workspace.root / "base.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(base), "1G"], check=True)
    script = (
        'mount -t tmpfs -o "$1" tmpfs "$2"; shift 2; code=0; "$@" || code=$?;'
        f' find "{workspace.data}" -type f; exit $code'
    )
    command = [*PROGRAM, "create", "--id", "dev", "--image", str(base)]
    result = subprocess.run(
        [*namespace, script, "sh", options, str(workspace.data), *command],
        env=workspace.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stdout) == (1, ""), result
    assert result.stderr.startswith("podplane-tui: ")
    assert result.stderr.count("\n") == 1
    assert reason in result.stderr


def demo_directory(terminal: Terminal) -> Path:
    """Where the demo on this terminal keeps its machine, as the arguments of its QEMU tell."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for process in psutil.Process(terminal.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if process.name().startswith("qemu-system"):
                    match = re.search(r"(/\S*/podplane-demo-[^/]+)/", " ".join(process.cmdline()))
                    assert match is not None
                    return Path(match[1])
        terminal.drain()
    raise AssertionError(f"the demo started no machine: …{terminal.text[-2000:]!r}")


def test_the_demo_starts_nothing_with_a_wrong_configuration(workspace: Workspace) -> None:
    path = configure(workspace, "[dashboard]\ntheme = 'nrod'\n")
    terminal = Terminal(workspace, "demo")
    assert terminal.end() == 2
    assert f"{path}, line 2: there is no theme 'nrod'" in "".join(terminal.text.split("\r\n"))
    assert "creating" not in terminal.text


@pytest.mark.parametrize("ending", ["key", "signal"])
def test_the_demo_leaves_nothing_behind(workspace: Workspace, tiny_guest: TinyGuest, ending: str) -> None:
    direct = ["--kernel", str(tiny_guest.kernel), "--initrd", str(tiny_guest.initramfs)]
    configure(workspace, "[keys]\napp.quit = 'Z'\n")  # the user's keys are in force in the demo, too
    terminal = Terminal(workspace, "demo", *direct)
    directory = demo_directory(terminal)
    assert directory.stat().st_mode & 0o777 == 0o700
    terminal.wait_for(re.escape("\x1b[?1049h"))  # the dashboard's own screen
    terminal.wait_for("running")
    terminal.wait_for("shell is ready")
    if ending == "key":
        terminal.type("Z")
        assert terminal.end() == 0
    else:
        os.kill(terminal.pid, signal.SIGTERM)
        assert terminal.end() == 128 + signal.SIGTERM
    assert "\x1b[?1049l" in terminal.text, "the terminal is left as it was found"
    assert not directory.exists()
    assert not any(str(directory) in " ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"]))
    assert left_in_runtime(workspace) == []
