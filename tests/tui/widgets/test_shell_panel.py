"""The Shell tab on a real SSH server: several shells, full-screen programs, ends and failures."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Static

from podplane_tui.backend.core.errors import NotRunning
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.backend.ssh.client import SSHTarget
from podplane_tui.tui.styles import stylesheets
from podplane_tui.tui.widgets import shell_panel
from podplane_tui.tui.widgets.shell_panel import ShellPanel
from tests.backend.ssh.sshd import Server, free_port, serve
from tests.conftest import Workspace
from tests.waiting import until

pytestmark = pytest.mark.slow


class PanelApp(App[None]):
    CSS_PATH = stylesheets()  # type: ignore[assignment]

    def __init__(self, find: Callable[[VMFiles], SSHTarget]) -> None:
        super().__init__()
        self.panel = ShellPanel(find=find)

    def compose(self) -> ComposeResult:
        yield self.panel

    @property
    def notice(self) -> str:
        static = self.panel.query_one("#shell-notice", Static)
        return str(static.visual) if static.display else ""

    @property
    def text(self) -> str:
        shell = self.panel.shell
        return "\n".join(shell.view.terminal.display) if shell is not None else ""

    def send(self, text: str) -> None:
        assert self.panel.shell is not None
        self.panel.shell.view.send(text.encode())


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve() as running:
        yield running


@pytest.fixture
def vm(workspace: Workspace) -> VMStatus:
    files = VMFiles("amd64", "a", workspace.data, workspace.runtime)
    return VMStatus(files, State.RUNNING, pid=os.getpid())


async def shown(app: PanelApp, text: str) -> None:
    await until(lambda: text in app.text, what=f"{text!r} in {app.text!r}, {app.notice!r}")


async def test_a_shell_has_the_size_of_the_widget_and_takes_keys_from_the_first(server: Server, vm: VMStatus) -> None:
    app = PanelApp(lambda _: server.target)
    async with app.run_test(size=(90, 30)) as pilot:
        app.panel.vm = vm
        assert app.panel.enter() == ""
        await until(lambda: app.panel.typing, what="typing to begin")
        await pilot.press(*"stty", "space", *"size", "enter")  # maybe before there is a shell
        await shown(app, "30 90")
        await pilot.resize_terminal(70, 20)
        app.send("echo $TERM $(stty size)\n")
        await shown(app, "xterm-256color 20 70")
        await pilot.press("ctrl+right_square_bracket")
        assert not app.panel.typing


async def test_several_shells_share_a_login_and_live_while_one_looks_away(server: Server, vm: VMStatus) -> None:
    found = []

    def find(files: VMFiles) -> SSHTarget:
        found.append(files)
        return server.target

    app = PanelApp(find)
    async with app.run_test(size=(80, 24)):
        app.panel.vm = vm
        app.panel.enter()
        await until(lambda: app.panel.shell and app.panel.shell.view.attached, what="the first shell")
        app.send("echo I am $((0 + 1))\n")
        await shown(app, "I am 1")
        app.panel.add()
        await until(lambda: app.panel.status == "shells 1 [2]", what="the second shell")
        await until(lambda: app.panel.shell and app.panel.shell.view.attached, what="its connection")
        app.send("echo I am $((1 + 1))\n")
        await shown(app, "I am 2")
        assert len(found) == 1
        app.panel.step(1)
        assert app.panel.status == "shells [1] 2"
        assert app.panel.typed_into == "shell 1"
        assert "I am 1" in app.text
        app.panel.vm = replace(vm, files=vm.files._replace(cluster_id="b"))
        assert app.text == ""
        app.panel.vm = vm
        assert "I am 1" in app.text
        app.panel.close_shell()
        assert "I am 2" in app.text
        assert app.panel.typed_into == "shell"
        app.panel.vms = ()
        assert app.panel.shell is None


async def test_the_end_is_told_and_the_shell_opened_anew(server: Server, vm: VMStatus) -> None:
    app = PanelApp(lambda _: server.target)
    async with app.run_test(size=(80, 24)):
        app.panel.vm = vm
        app.panel.enter()
        await until(lambda: app.panel.typing, what="the shell")
        app.send("exit 7\n")
        await until(lambda: "ended with exit code 7" in app.notice, what="the exit code")
        assert not app.panel.typing
        app.panel.enter()
        await until(lambda: app.notice == "" and app.panel.typing, what="a new shell")
        app.send("kill -9 $PPID\n")
        await until(lambda: "broke off" in app.notice, what="the end of the connection")
        assert "Press 3 to open it anew" in app.notice
        app.panel.vm = replace(vm, state=State.STOPPED, pid=None)
        assert "a is not running: press s to start it." in app.notice
        assert "anew" not in app.notice


async def test_a_new_shell_outlives_the_logout_of_those_before(
    server: Server, vm: VMStatus, monkeypatch: pytest.MonkeyPatch
) -> None:
    late: list[Callable[[], object]] = []
    app = PanelApp(lambda _: server.target)
    async with app.run_test(size=(80, 24)):
        app.panel.vm = vm
        app.panel.enter()
        await until(lambda: app.panel.typing, what="the shell")
        with monkeypatch.context() as patch:
            patch.setattr(shell_panel, "_in_background", late.append)
            app.panel.close_shell()
        app.panel.enter()
        await until(lambda: app.panel.typing and app.panel.shell.view.attached, what="a new shell")  # type: ignore[union-attr]
        (log_out,) = late
        log_out()
        app.send("echo still $((1 + 1))\n")
        await shown(app, "still 2")


async def test_why_there_is_none_is_said(server: Server, vm: VMStatus, tmp_path: Path) -> None:
    booting = replace(server.target, port=free_port())
    stranger = replace(server.target, identity_file=tmp_path / "other")
    targets = {"booting": booting, "stranger": stranger}

    def find(files: VMFiles) -> SSHTarget:
        if files.cluster_id not in targets:
            raise NotRunning("it is not running: start it first")
        return targets[files.cluster_id]

    from podplane_tui.backend.ssh.client import ensure_identity

    ensure_identity(stranger.identity_file)
    app = PanelApp(find)
    async with app.run_test(size=(80, 24)):
        for name, words in {"booting": "still be booting", "stranger": "refuses the key", "gone": "start it"}.items():
            app.panel.vm = replace(vm, files=vm.files._replace(cluster_id=name))
            app.panel.enter()
            await until(lambda words=words: words in app.notice, what=words)  # type: ignore[misc]
        app.panel.vm = replace(vm, pid=None, state=State.STOPPED)
        assert "press s to start it" in app.panel.enter()


@pytest.mark.parametrize(
    ("command", "marks", "leave"),
    [
        ("vim -u NONE --noplugin README", ["~", '"README"'], ":q!\r"),
        ("less /etc/services", ["/etc/services"], "q"),
    ],
)
async def test_full_screen_programs(server: Server, vm: VMStatus, command: str, marks: list[str], leave: str) -> None:
    app = PanelApp(lambda _: server.target)
    async with app.run_test(size=(80, 24)):
        app.panel.vm = vm
        app.panel.enter()
        await until(lambda: app.panel.typing, what="the shell")
        app.send(f"clear; echo $((40 + 2))before; {command}\n")
        for mark in marks:
            await shown(app, mark)
        assert "42before" not in app.text
        app.send(leave)
        await shown(app, "42before")
        app.send("echo $((1 + 1))after\n")
        await shown(app, "2after")
