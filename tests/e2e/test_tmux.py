"""The real program in a real terminal (tmux): keys sent, screen captured, machines really started and stopped."""

import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.qemu.qmp import ControlSocket, console_client_connected
from podplane_tui.backend.runtime.pidfile import PIDFile
from tests.conftest import Workspace, missing
from tests.waiting import wait_until

pytestmark = [pytest.mark.tmux, pytest.mark.timeout(300), pytest.mark.usefixtures("require_qemu")]

SECONDS = 120.0
"""What anything may take on a loaded machine under software emulation."""
TERMINATE = 60


@dataclass(frozen=True, slots=True)
class Terminal:
    """A tmux server of our own with one pane."""

    socket: str
    environment: dict[str, str]

    def tmux(self, *arguments: str) -> str:
        """Run a tmux command and return what it prints."""
        command = ["tmux", "-L", self.socket, "-f", "/dev/null", *arguments]
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout

    def run(self, *command: str, size: tuple[int, int] = (80, 24)) -> None:
        """Start the server with `command` in its pane, which stays when the command ends."""
        columns, lines = map(str, size)
        self.tmux("new-session", "-d", "-x", columns, "-y", lines, *command, ";", "set", "remain-on-exit", "on")

    def press(self, *keys: str) -> None:
        """Send keys by tmux's names for them."""
        self.tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        """Send text literally."""
        self.tmux("send-keys", "-l", text)

    @property
    def screen(self) -> str:
        """What is on the screen."""
        return self.tmux("capture-pane", "-p")

    @property
    def dead(self) -> bool:
        """Whether the command has ended."""
        return self.tmux("display", "-p", "#{pane_dead}").strip() == "1"

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for `condition`; fail with the screen when it does not come."""
        wait_until(condition, what, seconds=SECONDS, seen=lambda: self.screen)

    def shows(self, *texts: str) -> None:
        """Wait until all of `texts` are on the screen."""
        self.until(lambda: all(text in self.screen for text in texts), f"{texts} on the screen")


@pytest.fixture
def terminal(workspace: Workspace) -> Iterator[Terminal]:
    """A terminal whose programs see the workspace's directories only."""
    if shutil.which("tmux") is None:
        missing("tmux is not installed")
    environment = {**workspace.environment, "TMUX_TMPDIR": str(workspace.root), "PODPLANE_TUI_ACCEL": "tcg"}
    environment.pop("TMUX", None)
    terminal = Terminal(f"pt-{uuid.uuid4().hex[:8]}", environment)
    try:
        yield terminal
    finally:
        subprocess.run(
            ["tmux", "-L", terminal.socket, "kill-server"], env=environment, check=False, capture_output=True
        )


def program(*arguments: str) -> list[str]:
    """The dashboard's command line."""
    return [sys.executable, "-m", "podplane_tui", *arguments]


def make_disk(workspace: Workspace, cluster_id: str) -> VMFiles:
    """A machine with an empty disk."""
    files = VMFiles("amd64", cluster_id, workspace.data, workspace.runtime)
    files.image.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(files.image), "128G"], check=True)
    return files


@pytest.mark.vm
@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=["80x24", "200x50"])
def test_a_machine_is_started_watched_and_stopped(
    terminal: Terminal, workspace: Workspace, size: tuple[int, int]
) -> None:
    files = make_disk(workspace, "default")
    config = workspace.root / "config" / "podplane-tui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f"[stop]\nterminate = {TERMINATE}\n")  # on a busy host QEMU obeys SIGTERM late
    terminal.run(*program(), size=size)
    terminal.shows("○ stopped", "default is stopped: press s to start it.", "q Quit")
    terminal.press("s")
    terminal.shows("◐ starting", "started default", "· live")  # there is no system on its disk that could be ready
    (process,) = workspace.qemu_processes()
    terminal.press("4")
    terminal.shows(f"PID {process.pid}")
    terminal.press("1", "x")
    terminal.shows("Stop default?", "Cancel")
    terminal.press("Right", "Enter")
    terminal.shows("◑ stopping", "waiting for the guest to power off")
    begun = time.monotonic()
    terminal.press("x")

    def ended() -> bool:
        # QEMU 7.2 was once seen to outlive SIGTERM; SIGKILL has to wait for its time then.
        how = ["ended with SIGTERM"] + ["ended with SIGKILL"] * (time.monotonic() - begun > TERMINATE)
        return "○ stopped" in terminal.screen and any(text in terminal.screen for text in how)

    terminal.until(ended, "the end of QEMU")
    assert workspace.qemu_processes() == []
    assert not files.pid_file.exists()
    terminal.press("q")
    terminal.until(lambda: terminal.dead, "the end of the program")


@pytest.mark.vm
def test_the_demo_is_a_uefi_shell_that_answers(terminal: Terminal, tmp_path: Path) -> None:
    terminal.environment["TMPDIR"] = "/tmp"
    terminal.run(*program("demo"))
    terminal.shows("demo", "● running", "Shell>")
    terminal.press("c")
    terminal.shows("TYPING INTO demo · Ctrl-] ends")
    row = terminal.screen.splitlines()[3]
    assert "● running" in row
    terminal.until(lambda: terminal.screen.splitlines()[3] != row, "the list to go on while somebody types")
    terminal.type("ver")
    terminal.press("Enter")
    terminal.shows("UEFI Interactive Shell v", "UEFI v")
    terminal.press("C-q")
    terminal.type("echo still-here")
    terminal.press("Enter")
    terminal.shows("\nstill-here")
    terminal.press("C-]")
    terminal.shows("q Quit")
    terminal.until(lambda: "TYPING" not in terminal.screen, "the end of typing")
    terminal.press("q")
    terminal.until(lambda: terminal.dead, "the end of the program")


@pytest.mark.vm
def test_suspended_it_holds_no_console_and_quitting_leaves_the_machine_running(
    terminal: Terminal, workspace: Workspace
) -> None:
    files = make_disk(workspace, "default")
    terminal.run("bash", "--norc", "-i")
    terminal.type("PS1='ready> '")
    terminal.press("Enter")
    terminal.shows("\nready>")
    terminal.type(subprocess.list2cmdline(program()))
    terminal.press("Enter")
    terminal.shows("○ stopped")
    terminal.press("s")
    terminal.shows("◐ starting", "· live")
    named = PIDFile.read(files.pid_file)
    assert named is not None
    control = ControlSocket(files.qmp, named.pid)

    def held() -> bool:
        return console_client_connected(control, files.console)

    assert not held()
    terminal.press("c")
    terminal.until(held, "the console to be held")
    terminal.press("C-]", "C-z")
    terminal.shows("Stopped")
    assert not held()
    terminal.type("fg")
    terminal.press("Enter")
    terminal.shows("◐ starting", "· live")
    terminal.press("c")
    terminal.until(held, "the console to be held")
    terminal.press("C-]", "q")
    terminal.shows("ready>")
    terminal.until(lambda: not held(), "the console to be free")
    assert len(workspace.qemu_processes()) == 1


def test_back_in_the_foreground_everything_is_painted(terminal: Terminal) -> None:
    terminal.run("bash", "--norc", "-i")
    terminal.type(subprocess.list2cmdline(program()))
    terminal.press("Enter")
    terminal.shows("no VMs", "No VMs here yet.", "q Quit")
    terminal.press("C-z")
    terminal.shows("Stopped")
    terminal.type("fg")
    terminal.press("Enter")
    terminal.shows("no VMs", "No VMs here yet.", "q Quit")
    terminal.press("q")
    terminal.until(lambda: "q Quit" not in terminal.screen, "the end of the program")


def test_nothing_there_and_a_tiny_terminal(terminal: Terminal) -> None:
    terminal.run(
        "env", "COLUMNS=80", "LINES=24", *program()
    )  # as shells export them, which do not change with the size
    terminal.shows("No VMs here yet.", "~/data/podplane/vms", "~/run/podplane/vms", "n to make one")
    terminal.tmux("resize-window", "-x", "20", "-y", "5")
    terminal.until(lambda: terminal.screen.splitlines()[-1].strip() == "? Help q Quit", "the footer, cut")
    for key, title in {"n": "New VM", "?": "Keys"}.items():
        terminal.press(key)
        terminal.shows(title)
        terminal.press("Escape")
        terminal.until(lambda title=title: title not in terminal.screen, f"the end of {title}")  # type: ignore[misc]
    terminal.tmux("resize-window", "-x", "80", "-y", "24")
    terminal.shows("No VMs here yet.", "q Quit")
    terminal.press("e")
    terminal.shows("Nothing has happened yet.")
    assert not terminal.dead
    terminal.press("q")
    terminal.until(lambda: terminal.dead, "the end of the program")


def test_a_terminal_that_goes_away_takes_the_dashboard_with_it(workspace: Workspace, terminal: Terminal) -> None:
    """A terminal hangs up with SIGHUP and SIGCONT; what wrote to it then used to wait for ever."""
    files = VMFiles("amd64", "dev", workspace.data, workspace.runtime)
    files.image_dir.mkdir(parents=True, exist_ok=True)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(files.image), "1G"], check=True)
    terminal.run(sys.executable, "-m", "podplane_tui")
    terminal.shows("dev", "stopped")
    process = psutil.Process(int(terminal.tmux("display", "-p", "#{pane_pid}")))
    terminal.tmux("kill-server")
    process.wait(SECONDS)
