"""The whole terminal for ssh: where it can't be given that is said, and the console is let go only when it can."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from textual.app import App

from podplane_tui.backend.core.errors import MissingProgram, Unsupported, VMError
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.ssh.client import SSHTarget
from podplane_tui.tui.screens import full_ssh
from podplane_tui.tui.screens.full_ssh import hand_over
from tests.backend.ssh.sshd import serve
from tests.cli.support import Terminal
from tests.conftest import Workspace

FILES = VMFiles("amd64", "dev", Path("/d"), Path("/r"))


class Console:
    """Counts how often it was let go."""

    def __init__(self) -> None:
        self.released = 0

    async def release(self) -> None:
        self.released += 1


class BrowserApp(App[object]):
    """In a browser's tab."""

    @property
    def is_web(self) -> bool:
        return True


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The only directory with programs, for a VM that has a port of SSH."""
    target = SSHTarget("127.0.0.1", 1, "debian", tmp_path / "key", "a.amd64", tmp_path / "hosts")
    monkeypatch.setattr(full_ssh, "target_of", lambda _files: target)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


async def test_a_browser_has_no_terminal_to_give() -> None:
    console = Console()
    with pytest.raises(Unsupported, match="a browser has no terminal to give to ssh"):
        await hand_over(BrowserApp(), FILES, before=console.release)
    assert console.released == 0


async def test_a_vm_that_does_not_run_is_not_logged_in_to() -> None:
    console = Console()
    with pytest.raises(VMError, match="dev"):
        await hand_over(App[object](), FILES, before=console.release)
    assert console.released == 0


async def test_a_missing_ssh_is_said_while_the_console_is_still_held(programs: Path) -> None:
    console = Console()
    with pytest.raises(MissingProgram, match="ssh is not installed"):
        await hand_over(App[object](), FILES, before=console.release)
    assert console.released == 0


async def test_a_terminal_that_can_not_be_given_is_said(programs: Path) -> None:
    (programs / "ssh").write_text("#!/bin/sh\n")
    (programs / "ssh").chmod(0o755)
    app, console = App[object](), Console()
    async with app.run_test():  # in no terminal at all
        with pytest.raises(Unsupported, match="this terminal can't be given to another program: use the Shell tab"):
            await hand_over(app, FILES, before=console.release)
    assert console.released == 1


_APP = """
import sys
from dataclasses import replace
from pathlib import Path
from textual.app import App
from textual.widgets import Label
from podplane_tui.backend.core.errors import VMError
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.ssh.client import SSHTarget
from podplane_tui.tui.screens import full_ssh

class ShellApp(App[None]):
    def on_mount(self):
        self.mount(Label("shown before"))
        self.call_after_refresh(lambda: self.run_worker(self.log_in()))

    async def log_in(self):
        try:
            await full_ssh.hand_over(self, VMFiles("amd64", "dev", Path("/d"), Path("/r")), before=self.release)
            said = "back again"
        except VMError as error:
            said = f"refused: {error.problem}"
        self.mount(Label(said))

    async def release(self):
        pass

host, port, user, key, alias, hosts = sys.argv[1:]
full_ssh.target_of = lambda _files: SSHTarget(host, int(port), user, Path(key), alias, Path(hosts))
ShellApp().run()
"""


def in_a_terminal(workspace: Workspace, target: SSHTarget) -> Terminal:
    """An app that logs in there as soon as it is shown."""
    words = [target.host, str(target.port), target.user, str(target.identity_file)]
    words += [target.host_key_alias, str(target.known_hosts)]
    return Terminal(workspace, *words, program=(sys.executable, "-c", _APP))


@pytest.mark.slow
@pytest.mark.parametrize("code", [0, 3, 255])
def test_ssh_has_the_terminal_until_it_ends(workspace: Workspace, tmp_path: Path, code: int) -> None:
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntty; read word; echo heard $word; exit {code}\n")
    script.chmod(0o755)
    with serve(command=str(script)) as server:
        terminal = in_a_terminal(workspace, server.target)
        terminal.wait_for("shown before")
        terminal.wait_for(f"ssh {server.target.user}@dev: its end leads back to the dashboard")
        terminal.wait_for("/dev/pts/")
        terminal.type("hello\r")
        terminal.wait_for("heard hello")
        terminal.wait_for("back again")
    terminal.type("\x11")
    assert terminal.end() == 0


@pytest.mark.slow
def test_why_ssh_could_not_log_in_is_said_in_the_dashboard(workspace: Workspace) -> None:
    with serve() as server:
        target = server.target
        key = workspace.root / "key"
        key.write_bytes(target.identity_file.read_bytes())
        key.chmod(0o600)
    terminal = in_a_terminal(workspace, replace(target, identity_file=key))
    terminal.wait_for("its end leads back to the dashboard")
    terminal.wait_for("refused: .+")
    terminal.type("\x11")
    assert terminal.end() == 0
