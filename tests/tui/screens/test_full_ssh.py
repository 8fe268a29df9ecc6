"""The whole terminal for ssh: where it can't be given that is said, and the console is let go only when it can."""

from pathlib import Path

import pytest
from textual.app import App

from podplane_tui.backend.core.errors import MissingProgram, Unsupported, VMError
from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.ssh.client import SSHTarget
from podplane_tui.tui.screens import full_ssh
from podplane_tui.tui.screens.full_ssh import hand_over

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
    target = SSHTarget("127.0.0.1", 1, "debian", tmp_path / "key")
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
